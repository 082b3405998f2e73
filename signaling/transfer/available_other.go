//go:build !linux && !darwin

package transfer

import "os"

// available knows nothing where the system is not asked.
func available(*os.Root) (free int64, known bool) { return 0, false }
