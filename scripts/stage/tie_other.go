//go:build !linux

package stage

import "syscall"

// tie does nothing where the system knows no such thing.
func tie(*syscall.SysProcAttr) {}
