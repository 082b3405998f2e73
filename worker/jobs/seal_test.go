package jobs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/moothall/moothall/events"
)

func always() error { return nil }

// tree writes files (name to content) below a fresh folder and opens it.
func tree(t *testing.T, files map[string]string) *os.Root {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func header(name, text string, mode uint32) events.FileHeader {
	sum := sha256.Sum256([]byte(text))
	return events.FileHeader{Name: name, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:]), Mode: mode}
}

func TestSeal_AllRegularFilesWithTheirHashes(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", stretch/16+100)
	root := tree(t, map[string]string{"b.csv": "1,2\n", "a/deep/x": "", "big": big})
	if err := root.Chmod("b.csv", 0o750); err != nil {
		t.Fatal(err)
	}
	got := seal(root, DefaultLimits(), nil, always)
	want := []events.FileHeader{header("a/deep/x", "", 0o644), header("b.csv", "1,2\n", 0o750), header("big", big, 0o644)}
	if diff := cmp.Diff(want, got.files); diff != "" || got.err != nil || got.notes != nil {
		t.Errorf("%v %v\n%s", got.err, got.notes, diff)
	}
}

func TestSeal_SkipsLinksAndDevicesWithANote(t *testing.T) {
	root := tree(t, map[string]string{"keep": "k"})
	if err := root.Symlink("/etc/passwd", "passwd"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(root.Name(), "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root.Name(), "not\xfftext"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root.Name(), `dos\path`), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got := seal(root, DefaultLimits(), nil, always)
	notes := []string{
		`file name "dos\\path" is refused: it contains a backslash: not returned`,
		`file name "not\xfftext" is refused: it is not UTF-8: not returned`,
		"passwd is a symbolic link, not a file: not returned",
		"pipe is a named pipe, not a file: not returned",
	}
	if diff := cmp.Diff(notes, got.notes); diff != "" || len(got.files) != 1 || got.err != nil {
		t.Errorf("%v %v\n%s", got.files, got.err, diff)
	}
}

func TestSeal_Bounds(t *testing.T) {
	many := map[string]string{}
	for _, c := range "abcdefgh" {
		many[string(c)] = "12345"
	}
	t.Run("files", func(t *testing.T) {
		got := seal(tree(t, many), Limits{OutputFiles: 3, OutputBytes: 100, OutputItems: 1000}, nil, always)
		wantCode(t, got.err, events.CodeTooLarge)
		if len(got.files) != 3 {
			t.Errorf("kept %d", len(got.files))
		}
	})
	t.Run("bytes", func(t *testing.T) {
		got := seal(tree(t, many), Limits{OutputFiles: 100, OutputBytes: 12, OutputItems: 1000}, nil, always)
		wantCode(t, got.err, events.CodeTooLarge)
		if len(got.files) != 2 {
			t.Errorf("kept %d", len(got.files))
		}
	})
	t.Run("the list itself", func(t *testing.T) {
		long := map[string]string{}
		for _, c := range "abcdefghij" {
			for _, d := range "abcdefghijklmnopqrstuvwxyz" {
				long[string(c)+string(d)+strings.Repeat("n", 240)] = ""
			}
		}
		got := seal(tree(t, long), Limits{OutputFiles: 1000, OutputBytes: 100, OutputItems: 1000}, nil, always)
		wantCode(t, got.err, events.CodeTooLarge)
		log := newTestLog(t)
		log.append(t0, events.JobEvent{Kind: events.JobEventState, Outputs: got.files, Reason: strings.Repeat("<", 600)}) // panics if it does not fit
		if len(got.files) < 100 {
			t.Errorf("kept %d", len(got.files))
		}
	})
}

func TestSeal_EndsWhenItMust(t *testing.T) {
	boom := errors.New("boom")
	calls := 0
	got := seal(tree(t, map[string]string{"a": "1", "b": "2", "c": "3"}), DefaultLimits(), nil, func() error {
		if calls++; calls == 3 {
			return boom
		}
		return nil
	})
	if !errors.Is(got.err, boom) || len(got.files) > 1 {
		t.Errorf("got %v, %d files", got.err, len(got.files))
	}
}

// A pipe that comes in the place of a file between the look and the reading blocks nobody.
func TestSeal_APipeInAFilesPlace(t *testing.T) {
	root := tree(t, nil)
	if err := syscall.Mkfifo(filepath.Join(root.Name(), "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := sealer{root: root, limits: DefaultLimits(), goOn: always}
	if _, err := s.hash("pipe"); events.CodeOf(err) != events.CodeFile {
		t.Errorf("a pipe was read: %v", err)
	}
}
