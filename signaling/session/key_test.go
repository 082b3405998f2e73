package session

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nkeys"
)

func TestOpenKey_MakesOneAndKeepsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "key")
	first, err := OpenKey(path)
	must(t, err)
	second, err := OpenKey(path)
	must(t, err)
	if publicOf(t, first) != publicOf(t, second) {
		t.Error("another key")
	}
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %s", info.Mode())
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("left %v, %v", entries, err)
	}
}

func TestOpenKey_TakesReadingFromOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	_, err := OpenKey(path)
	must(t, err)
	must(t, os.Chmod(path, 0o644))
	_, err = OpenKey(path)
	must(t, err)
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %s", info.Mode())
	}
}

func TestOpenKey_SetsADamagedFileAside(t *testing.T) {
	var said bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&said, nil)))
	defer slog.SetDefault(before)
	account, err := nkeys.CreateAccount()
	must(t, err)
	seed, err := account.Seed()
	must(t, err)
	for what, content := range map[string]string{"empty": "", "cut": "SUAC", "noise": strings.Repeat("x", 60), "of an account": string(seed)} {
		path := filepath.Join(t.TempDir(), "key")
		must(t, os.WriteFile(path, []byte(content), 0o600))
		key, err := OpenKey(path)
		must(t, err)
		aside, err := os.ReadFile(path + ".damaged")
		if err != nil || string(aside) != content {
			t.Errorf("%s: aside %q, %v", what, aside, err)
		}
		again, err := OpenKey(path)
		must(t, err)
		if publicOf(t, key) != publicOf(t, again) {
			t.Errorf("%s: the new key was not kept", what)
		}
		if !strings.Contains(said.String(), path+".damaged") {
			t.Errorf("%s: said %q", what, said.String())
		}
		said.Reset()
	}
}

func TestOpenKey_FolderThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	_, err := OpenKey(filepath.Join(file, "key"))
	wantCode(t, "a file as folder", err, events.CodeFile)
}

func publicOf(t *testing.T, k nkeys.KeyPair) string {
	t.Helper()
	public, err := k.PublicKey()
	must(t, err)
	return public
}
