package settings

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/moothall/moothall/events"
)

// stateDir is where the user's programs keep their state.
func stateDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "moot-worker"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state", "moot-worker"), nil
}

// A Lock on a state folder lasts until Release or the end of the process,
// however it ends.
type Lock struct{ f *os.File }

// LockState makes the folder, if need be, and takes it for this process alone. If
// another has it, the error (CodeConfig) names that process.
func LockState(dir string) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, unusable(dir, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, unusable(dir, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, taken(dir, f)
		}
		return nil, unusable(dir, err)
	}
	if err := writePID(f); err != nil {
		f.Close()
		return nil, unusable(dir, err)
	}
	return &Lock{f}, nil
}

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// Release gives the folder back. The file stays: removing it would let two
// processes hold two files of one name.
func (l *Lock) Release() { l.f.Close() }

func taken(dir string, f *os.File) error {
	holder := "another process"
	text, _ := io.ReadAll(io.LimitReader(f, 32))
	if pid := strings.TrimSpace(string(text)); pid != "" {
		holder = "process " + pid
	}
	return events.Errorf(events.CodeConfig, "the state folder %s is in use by another worker (%s)", dir, holder).
		WithTry("give each worker on this machine its own MOOT_STATE_DIR")
}

func unusable(dir string, err error) error {
	return events.Errorf(events.CodeConfig, "the state folder cannot be used: %v", err).
		WithFact("MOOT_STATE_DIR is %s", dir).
		WithTry("%s", fmt.Sprintf("make %s writable for this user, or set MOOT_STATE_DIR", dir))
}
