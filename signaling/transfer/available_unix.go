//go:build linux || darwin

package transfer

import (
	"os"

	"golang.org/x/sys/unix"
)

// available is how much may still be written under root. Bytes.
func available(root *os.Root) (free int64, known bool) {
	dir, err := root.Open(".")
	if err != nil {
		return 0, false
	}
	defer dir.Close()
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(dir.Fd()), &st); err != nil {
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true //nolint:unconvert // the types differ between systems
}
