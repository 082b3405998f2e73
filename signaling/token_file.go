package signaling

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/renameio/v2"
	"github.com/moothall/moothall/events"
)

// Revoke takes a token back: it admits nobody from now on, and a hub on this folder
// closes what it opened. It is idempotent.
func (t *Tokens) Revoke(id string, now time.Time) (TokenInfo, error) {
	return t.edit(id, func(i *TokenInfo) error {
		if i.Revoked.IsZero() {
			i.Revoked = events.At(now)
		}
		return nil
	})
}

// edit changes one token's file whole; what change refuses stays as it was.
func (t *Tokens) edit(id string, change func(*TokenInfo) error) (TokenInfo, error) {
	if err := events.ValidID("token id", id); err != nil {
		return TokenInfo{}, err
	}
	var info TokenInfo
	err := t.exclusively(func() (err error) {
		info, err = readToken(t.path(id))
		if errors.Is(err, fs.ErrNotExist) {
			return events.Errorf(events.CodeUsage, "there is no token %q", id).WithTry("moothall token ls")
		}
		if err != nil {
			return err
		}
		before := info
		if err := change(&info); err != nil || info == before {
			return err
		}
		return t.write(info)
	})
	return info, err
}

// exclusively keeps other processes and goroutines from changing tokens meanwhile.
func (t *Tokens) exclusively(do func() error) error {
	f, err := os.OpenFile(filepath.Join(t.dir, ".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("lock tokens: %w", err)
	}
	defer func() { _ = f.Close() }() // which unlocks
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock tokens: %w", err)
	}
	return do()
}

// write makes a token's file whole or not at all.
func (t *Tokens) write(info TokenInfo) error {
	data, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return fmt.Errorf("encode token: %w", err)
	}
	if err := renameio.WriteFile(t.path(info.ID), append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("keep token: %w", err)
	}
	return nil
}
