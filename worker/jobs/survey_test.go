package jobs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

// Issue 6: a job that makes files without end is ended while it runs.
func TestJob_FilesWithoutEndAreBoundedWhileItRuns(t *testing.T) {
	const most = 100 // each costs the job a process, of which a busy machine makes few
	r := newRig(t, func(c *Config) {
		c.Limits.OutputItems, c.Limits.OutputCheck, c.Limits.KillGrace = most, 10*time.Millisecond, 50*time.Millisecond
	})
	for what, script := range map[string]string{
		"files":   `cd "$MOOT_OUT"; i=0; while :; do : > $i; i=$((i+1)); done`,
		"folders": `cd "$MOOT_OUT"; i=0; while :; do mkdir -p $i/$i/$i/$i/$i/$i/$i; i=$((i+1)); done`,
		"links":   `cd "$MOOT_OUT"; i=0; while :; do ln -s /etc $i; i=$((i+1)); done`,
	} {
		t.Run(what, func(t *testing.T) {
			c := r.call("alice")
			c.start("sh", script)
			_, last := c.end()
			if last.State != events.JobFailed || last.Reason != fmt.Sprintf("the job had more than %d files and folders among its outputs", most) {
				t.Errorf("ended as %+v", last)
			}
			c.hangUp()
		})
	}
}

// Folders in each other without end are neither looked through nor kept open.
func TestJob_FoldersInFoldersWithoutEnd(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.OutputCheck, c.Limits.KillGrace = 10*time.Millisecond, 50*time.Millisecond })
	c := r.call("alice")
	id := c.start("sh", `cd "$MOOT_OUT"; while :; do mkdir dddddddd; cd dddddddd; done`)
	_, last := c.end()
	if last.State != events.JobFailed || last.Reason != "its outputs lie too deep: a path had more than 1024 bytes" {
		t.Errorf("ended as %+v", last)
	}
	if err := r.store.remove(id); err != nil {
		t.Error(err)
	}
}

// A folder that is as deep as a job can make it goes, with few files open at a time, and so
// does one that the job has locked.
func TestFell_FoldersOfAnyDepth(t *testing.T) {
	const levels, atOnce = 1000, 60 // more folders than this process may have open meanwhile
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, branch := range []string{"job/a", "job/b"} {
		if err := root.MkdirAll(branch, 0o700); err != nil {
			t.Fatal(err)
		}
		nest(t, filepath.Join(dir, branch), levels)
	}
	if err := root.Mkdir("job/locked", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := root.WriteFile("job/locked/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := root.Chmod("job/locked", 0); err != nil {
		t.Fatal(err)
	}
	if err := root.Symlink("..", "job/up"); err != nil {
		t.Fatal(err)
	}
	if err := root.WriteFile("beside", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	few := limit
	few.Cur = openFiles(t) + atOnce
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	err = fell(root, "job")
	if back := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || back != nil {
		t.Errorf("%v, %v", err, back)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 || entries[0].Name() != "beside" {
		t.Errorf("left %v, %v", entries, err)
	}
}

func openFiles(t *testing.T) uint64 {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc")
	}
	return uint64(len(entries))
}

// nest makes folders in each other, deeper than a path can say.
func nest(t *testing.T, dir string, levels int) {
	t.Helper()
	at, err := os.OpenRoot(dir)
	for i := 0; i < levels && err == nil; i++ {
		above := at
		if err = above.Mkdir("d", 0o700); err == nil {
			at, err = above.OpenRoot("d")
		}
		above.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	at.Close()
}

// A job that puts a link in its output folder's place has left nothing, and not what the
// link leads to.
func TestJob_AnotherFolderInTheOutputsPlace(t *testing.T) {
	secret := t.TempDir()
	if err := os.WriteFile(filepath.Join(secret, "secret"), []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, nil)
	for what, script := range map[string]string{
		"a link out":            `rmdir "$MOOT_OUT"; ln -s ` + secret + ` "$MOOT_OUT"`,
		"a link within":         `rmdir "$MOOT_OUT"; ln -s ../.. "$MOOT_OUT"`,
		"a link above":          `cd ..; mv work was; mkdir other other/out; echo s > other/out/secret; ln -s other work`,
		"a link above, outside": `cd ..; mv work was; mkdir ` + secret + `/out; ln -s ` + secret + ` work`,
		"nothing":               `rmdir "$MOOT_OUT"`,
	} {
		t.Run(what, func(t *testing.T) {
			c := r.call("alice")
			c.start("sh", script)
			_, last := c.end()
			if last.State != events.JobFailed || len(last.Outputs) > 0 || !strings.HasPrefix(last.Reason, "its outputs cannot be read") {
				t.Errorf("ended as %+v", last)
			}
			c.hangUp()
		})
	}
}
