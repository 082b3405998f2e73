package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/google/renameio/v2"
	"github.com/moothall/moothall/embedded"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling"
)

// dataFormat is the layout of a data folder that this program reads and writes:
// keys/, store/ (the running hub's alone), tokens/ (a file each), format, lock.
const dataFormat = 1

// A dataDir is a hub's data folder.
type dataDir string

func (d dataDir) path(name string) string { return filepath.Join(string(d), name) }

// createData makes the folder if it is missing. A folder of a newer format is
// refused: it is not ours to guess what it means.
func createData(path string) (dataDir, error) {
	d := dataDir(path)
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", unusable(path, err)
	}
	err := d.checkFormat()
	if errors.Is(err, fs.ErrNotExist) {
		err = writeFile(d.path("format"), strconv.Itoa(dataFormat)+"\n")
	}
	return d, coded(err, events.CodeConfig)
}

// findData is the folder that a hub has made before.
func findData(path string) (dataDir, error) {
	d := dataDir(path)
	err := d.checkFormat()
	if errors.Is(err, fs.ErrNotExist) {
		return "", events.Errorf(events.CodeConfig, "%s is not the data folder of a hub", path).
			WithTry("--data DIR of the hub, or start it first: moothall up --data %s", path)
	}
	return d, coded(err, events.CodeConfig)
}

func (d dataDir) checkFormat() error {
	text, err := os.ReadFile(d.path("format"))
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return events.Errorf(events.CodeConfig, "%s is damaged: it holds no number", d.path("format"))
	}
	if n > dataFormat {
		return events.Errorf(events.CodeConfig, "the data folder %s has format %d, this moothall knows %d", d, n, dataFormat).
			WithTry("the newer moothall that wrote it, or another --data")
	}
	return nil
}

// lock keeps the folder for one hub, until the process ends at the latest.
func (d dataDir) lock() (release func(), err error) {
	f, err := os.OpenFile(d.path("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, unusable(string(d), err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		holder, _ := io.ReadAll(io.LimitReader(f, 20)) // for people only
		_ = f.Close()
		return nil, events.Errorf(events.CodeConfig, "the data folder %s is in use by another hub (process %s)", d, strings.TrimSpace(string(holder))).
			WithTry("stop that one, or another --data")
	}
	if err == nil {
		err = errors.Join(f.Truncate(0), second(f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)))
	}
	if err != nil {
		_ = f.Close()
		return nil, unusable(string(d), err)
	}
	return func() { _ = f.Close() }, nil
}

func second(_ int, err error) error { return err }

func unusable(path string, err error) error {
	return events.Errorf(events.CodeConfig, "the data folder %s cannot be used: %v", path, err).WithTry("another --data")
}

func (d dataDir) keys() (*embedded.Keys, error) {
	k, err := embedded.OpenKeys(d.path("keys"))
	return k, coded(err, events.CodeConfig)
}

func (d dataDir) tokens() (*signaling.Tokens, error) {
	t, err := signaling.OpenTokens(d.path("tokens"))
	return t, coded(err, events.CodeConfig)
}

// writeFile makes a file whole or not at all, readable by its owner only.
func writeFile(path, text string) error { return renameio.WriteFile(path, []byte(text), 0o600) }
