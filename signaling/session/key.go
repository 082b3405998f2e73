package session

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nkeys"
)

// OpenKey loads the user nkey at path, or makes one there (0600, written whole or
// not at all). A damaged file is set aside as path.damaged and replaced, which the
// default logger is told: the peer has another identity from then on. Two processes
// must not open the same path at once.
func OpenKey(path string) (nkeys.KeyPair, error) {
	seed, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path)
	}
	if err != nil {
		return nil, keyFile(path, err)
	}
	key, err := parseKey(seed)
	if err != nil {
		return replaceKey(path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, keyFile(path, err)
	}
	return key, nil
}

func parseKey(seed []byte) (nkeys.KeyPair, error) {
	key, err := nkeys.FromSeed(bytes.TrimSpace(seed))
	if err != nil {
		return nil, err
	}
	public, err := key.PublicKey()
	if err == nil && !nkeys.IsValidPublicUserKey(public) {
		err = errors.New("not a user key")
	}
	return key, err
}

func replaceKey(path string, why error) (nkeys.KeyPair, error) {
	aside := path + ".damaged"
	if err := os.Rename(path, aside); err != nil {
		return nil, keyFile(path, err)
	}
	slog.Warn("the key file was damaged: kept it aside and made a new key, so this peer has a new identity",
		"file", path, "aside", aside, "cause", why)
	return makeKey(path)
}

func makeKey(path string) (nkeys.KeyPair, error) {
	key, err := nkeys.CreateUser()
	if err != nil {
		return nil, keyFile(path, err)
	}
	seed, err := key.Seed()
	if err != nil {
		return nil, keyFile(path, err)
	}
	if err := WriteWhole(path, append(seed, '\n')); err != nil {
		return nil, keyFile(path, err)
	}
	return key, nil
}

// WriteWhole leaves either the old file or the new one, on disk, readable by its
// owner only.
func WriteWhole(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".key-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func keyFile(path string, err error) error {
	return events.Errorf(events.CodeFile, "key file %s: %s", path, reason(err))
}
