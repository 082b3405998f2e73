package client

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nkeys"

	"github.com/moothall/moothall/events"
)

const ownerFile = "owner"

// openOwner loads the owner key in dir, or makes one there. Several processes may do so
// at once: one key wins. Without a dir the key is this client's alone.
func openOwner(dir string) (nkeys.KeyPair, error) {
	if dir == "" {
		return nkeys.CreateUser()
	}
	path := filepath.Join(dir, ownerFile)
	seed, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeOwner(dir, path); err != nil {
			return nil, ownerError(path, err)
		}
		seed, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, ownerError(path, err)
	}
	key, err := nkeys.FromSeed(bytes.TrimSpace(seed))
	if err == nil {
		_, err = publicUser(key)
	}
	if err != nil {
		return nil, ownerError(path, err).WithTry("put a copy back, or move it away: then jobs that you started are no longer yours")
	}
	return key, nil
}

// makeOwner puts a new key in place, whole, unless another process was first.
func makeOwner(dir, path string) error {
	key, err := nkeys.CreateUser()
	if err != nil {
		return err
	}
	seed, err := key.Seed()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	draft := path + "." + rand.Text()
	defer os.Remove(draft)
	if err := os.WriteFile(draft, append(seed, '\n'), 0o600); err != nil {
		return err
	}
	if err := os.Link(draft, path); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func publicUser(key nkeys.KeyPair) (string, error) {
	public, err := key.PublicKey()
	if err == nil && !nkeys.IsValidPublicUserKey(public) {
		err = errors.New("not a user key")
	}
	return public, err
}

func ownerError(path string, err error) *events.Error {
	return events.Errorf(events.CodeFile, "the owner key %s cannot be used: %s", path, plain(err))
}
