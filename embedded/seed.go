package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/google/renameio/v2"
	"github.com/nats-io/nkeys"
)

// openSeed loads the key pair in path, or makes one and keeps it there (0600). A
// file that exists and is no seed of that kind is an error: a silently replaced
// key would lock everybody out.
func openSeed(path string, kind nkeys.PrefixByte) (nkeys.KeyPair, error) {
	seed, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createSeed(path, kind)
	}
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	got, _, err := nkeys.DecodeSeed(bytes.TrimSpace(seed))
	if err != nil || got != kind {
		return nil, fmt.Errorf("%s holds no %s key", path, kind)
	}
	return nkeys.FromSeed(bytes.TrimSpace(seed))
}

func createSeed(path string, kind nkeys.PrefixByte) (nkeys.KeyPair, error) {
	k, err := nkeys.CreatePair(kind)
	if err != nil {
		return nil, fmt.Errorf("create key: %w", err)
	}
	seed, err := k.Seed()
	if err != nil {
		return nil, fmt.Errorf("create key: %w", err)
	}
	if err := renameio.WriteFile(path, append(seed, '\n'), 0o600); err != nil {
		return nil, fmt.Errorf("keep key: %w", err)
	}
	return k, nil
}
