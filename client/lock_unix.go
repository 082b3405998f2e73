//go:build unix

package client

import (
	"errors"
	"os"
	"syscall"
)

// lock takes a file for this process until it is closed; false if another one has it.
func lock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
