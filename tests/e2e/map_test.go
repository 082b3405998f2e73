package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/moothall/moothall/scripts/stage"
)

// A workload is six files and a command over them that writes down which it was given.
// The third waits when it is run for the first time.
type workload struct {
	t        *testing.T
	log, to  string
	template string
	files    []string
}

func newWorkload(t *testing.T) workload {
	t.Helper()
	dir := t.TempDir()
	w := workload{t: t, log: filepath.Join(dir, "log"), to: filepath.Join(dir, "out")}
	writeFile(t, w.log, "")
	w.template = fmt.Sprintf(`sh -c 'echo "$1" >>%s; case "$1" in *c.txt) mkdir %s 2>/dev/null && read -r go <%s ;; esac; cp "$1" "$MOOT_OUT/copy"' x {}`,
		w.log, filepath.Join(dir, "once"), newGate(t).path)
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		path := filepath.Join(dir, name+".txt")
		writeFile(t, path, "text of "+name)
		w.files = append(w.files, path)
	}
	return w
}

func (w workload) args(flags ...string) []string {
	return slices.Concat([]string{"map", "--to", w.to}, flags, []string{w.template}, w.files)
}

// ran is how often each file was given to a job.
func (w workload) ran() map[string]int {
	w.t.Helper()
	text, err := os.ReadFile(w.log)
	if err != nil {
		w.t.Fatal(err)
	}
	times := map[string]int{}
	for _, name := range strings.Fields(string(text)) {
		times[strings.TrimSuffix(filepath.Base(name), ".txt")]++
	}
	return times
}

// complete checks the outputs and that every file but the third was run once.
func (w workload) complete() {
	w.t.Helper()
	ran := w.ran()
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		text, err := os.ReadFile(filepath.Join(w.to, name+".txt", "copy"))
		if err != nil || string(text) != "text of "+name {
			w.t.Errorf("%s: %q, %v", name, text, err)
		}
		if want := map[string]int{"c": 2}[name]; ran[name] != max(1, want) {
			w.t.Errorf("%s was run %d times", name, ran[name])
		}
	}
}

// where waits until the third file's job runs and the five others are done, and returns
// its worker.
func (w workload) where(c *command) string {
	w.t.Helper()
	c.says("[5/6]")
	for line := range strings.SplitSeq(c.err.String(), "\n") {
		if _, peer, ok := strings.Cut(line, " runs on "); ok && strings.Contains(line, "c.txt: job ") {
			return peer
		}
	}
	w.t.Fatalf("the third file runs nowhere:\n%s", c.err)
	return ""
}

// A worker is killed in mid-job: its input is done elsewhere and all others once. The
// same command again does nothing.
func TestMap_SurvivesAWorkersDeathAndDoesNothingTwice(t *testing.T) {
	var specs []stage.Spec
	for _, peer := range []string{"one", "two", "three"} {
		specs = append(specs, stage.Spec{PeerID: peer, MemoryMB: 8000, Commands: anything})
	}
	h, w := open(t, specs...), newWorkload(t)
	c := h.moot(nil, w.args("--retries", "1", "--json")...)
	h.worker(w.where(c)).Kill()
	if code := c.end(); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, c.out, c.err)
	}
	w.complete()
	var r struct {
		Done, Skipped int
		Inputs        []struct {
			State, Worker string
			Attempts      int
		}
	}
	if decode(t, c.out.String(), &r); r.Done != 6 || len(r.Inputs) != 6 || r.Inputs[2].Attempts != 2 || r.Inputs[2].State != "done" {
		t.Errorf("%s", c.out)
	}
	again := h.moot(nil, w.args()...)
	if code := again.end(); code != 0 || !strings.Contains(again.err.String(), "6 of 6 done (6 before)") {
		t.Errorf("exit code %d\n%s", code, again.err)
	}
	w.complete()
}

// Ctrl-C cancels what runs and keeps what is done; the same command goes on from there.
func TestMap_InterruptedGoesOn(t *testing.T) {
	t.Parallel()
	h, w := shop.visit(t), newWorkload(t)
	c := h.moot(nil, w.args("--worker", "otter")...)
	w.where(c)
	c.signal(syscall.SIGINT)
	if code := c.end(); code != 130 || !strings.Contains(c.err.String(), "5 of 6 done") {
		t.Fatalf("exit code %d\n%s", code, c.err)
	}
	again := h.moot(nil, w.args("--worker", "otter")...)
	if code := again.end(); code != 0 || !strings.Contains(again.err.String(), "6 of 6 done (5 before)") {
		t.Errorf("exit code %d\n%s", code, again.err)
	}
	w.complete()
	failing := h.moot(nil, "map", "--to", w.to+"2", "--worker", "otter", `sh -c "exit 3" {}`, w.files[0])
	if code := failing.end(); code != 1 || !strings.Contains(failing.err.String(), "failed (3)") {
		t.Errorf("exit code %d\n%s", code, failing.err)
	}
}
