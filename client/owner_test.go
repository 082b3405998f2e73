package client

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/moothall/moothall/events"
)

// Processes that start at once have one key, whole and for nobody else to read.
func TestOpenOwner_OneKeyForAll(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "moot")
	keys := make([]string, 8)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			key, err := openOwner(dir)
			if err != nil {
				t.Error(err)
				return
			}
			keys[i], err = publicUser(key)
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, k := range keys {
		if k != keys[0] {
			t.Errorf("two keys: %s and %s", k, keys[0])
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	if info, err := os.Stat(filepath.Join(dir, ownerFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// A damaged key is not replaced: that would give the jobs away.
func TestOpenOwner_DamagedKeyIsKept(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, ownerFile)
	if err := os.WriteFile(path, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openOwner(dir); events.CodeOf(err) != events.CodeFile {
		t.Errorf("%v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "no key" {
		t.Errorf("%q, %v", text, err)
	}
}
