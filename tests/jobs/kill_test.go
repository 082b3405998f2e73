package jobs

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// big is the size of a file that is on its way long enough to be met there.
const big = 48 << 20

// A scene is a state of a job in which somebody dies.
type scene struct {
	name    string
	inputs  bool   // a big file goes up
	script  string // ends with exit code 3 unless it is killed
	reached func(h house, c *command, to string) bool
}

// arriving reports whether a file is on its way into a folder.
func arriving(pattern string) bool {
	found, _ := filepath.Glob(pattern)
	return len(found) > 0
}

var scenes = []scene{
	{"sending", true, `exit 3`, func(h house, _ *command, _ string) bool {
		return arriving(filepath.Join(h.Dir, peer, "jobs", "*", "work", "in", "*.part"))
	}},
	{"running", false, `echo x >"$MOOT_OUT/x"; echo begun; until [ -e "$0" ]; do sleep 0.02; done; exit 3`, func(_ house, c *command, _ string) bool {
		return strings.Contains(c.err.String(), "begun\n")
	}},
	{"returning", false, `truncate -s 48M "$MOOT_OUT/x"; exit 3`, func(_ house, _ *command, to string) bool {
		return arriving(filepath.Join(to, "*.part"))
	}},
}

// victims say who dies, and bring back what others need.
var victims = map[string]func(h house, c *command){
	"client": func(_ house, c *command) { c.kill() },
	"worker": func(h house, _ *command) { h.worker().Kill(); h.hire() },
	"hub": func(h house, _ *command) {
		h.Hub().Kill()
		if err := h.Reopen(h.t.Context()); err != nil {
			h.t.Fatal(err)
		}
	},
}

func TestKill_EachAtEachStateOfAJob(t *testing.T) {
	for _, s := range scenes {
		for victim, kill := range victims {
			t.Run(s.name+"/"+victim, func(t *testing.T) {
				t.Parallel()
				for n := range rounds(t) { // a test each: at its end its hall closes
					t.Run(strconv.Itoa(n+1), func(t *testing.T) { play(t, s, victim, kill) })
				}
			})
		}
	}
}

// play is one round: a job is brought to the scene, the victim dies, the job ends.
func play(t *testing.T, s scene, victim string, kill func(house, *command)) {
	h, dir := open(t), t.TempDir()
	to, gate := filepath.Join(dir, "to"), filepath.Join(dir, "gate")
	args := []string{"run", "--json", "--to", to}
	if s.inputs {
		input := filepath.Join(dir, "input")
		write(t, input)
		if err := os.Truncate(input, big); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-i", input)
	}
	c := h.moot(append(args, "--", "sh", "-c", s.script, gate)...)
	h.await("the scene is reached", func() bool { return s.reached(h, c, to) || c.over() })
	if c.over() {
		t.Fatalf("the client ended before the scene: %s\n%s%s", c.ProcessState, &c.out, &c.err)
	}
	kill(h, c)
	write(t, gate)
	outcome(t, h, s, victim, c)
	h.clean()
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// outcome checks that the job has exactly one, and which.
func outcome(t *testing.T, h house, s scene, victim string, c *command) {
	t.Helper()
	want, outputs := "failed", 1
	switch {
	case s.inputs && victim == "client":
		want, outputs = "canceled", 0 // the job would wait for the rest of its inputs
		h.cancel()
	case s.inputs && victim == "worker":
		want, outputs = "lost", 0
	case s.inputs:
		outputs = 0
	}
	var mine job
	if victim != "client" {
		code := c.end()
		decode(t, c, &mine)
		if mine.State != want || want == "failed" && (code != 3 || mine.ExitCode == nil || *mine.ExitCode != 3) || want == "lost" && code != 75 {
			t.Errorf("exit code %d: %s\n%s", code, &c.out, &c.err)
		}
		whole(t, mine, outputs)
	}
	var listed []job
	h.await("the worker has ended the job", func() bool {
		listed = h.jobs()
		return len(listed) == 1 && final(listed[0].State)
	})
	if listed[0].State != want || victim != "client" && listed[0].JobID != mine.JobID {
		t.Errorf("the worker lists %+v, want %s", listed, want)
	}
	if victim == "client" && outputs > 0 {
		fetch(t, h, listed[0].JobID)
	}
}

// fetch is how the owner of a job comes back whose client was killed.
func fetch(t *testing.T, h house, id string) {
	t.Helper()
	c := h.moot("get", "--json", id)
	code := c.end()
	var got job
	decode(t, c, &got)
	for i, o := range got.Outputs {
		got.Outputs[i].Path = filepath.Join(c.Dir, o.Path)
	}
	if code != 0 || got.ExitCode == nil || *got.ExitCode != 3 {
		t.Errorf("exit code %d: %s\n%s", code, &c.out, &c.err)
	}
	whole(t, got, 1)
}

// cancel is how the owner of a job gives the slot back that waits for its inputs.
func (h house) cancel() {
	h.t.Helper()
	listed := h.jobs()
	if len(listed) != 1 || listed[0].State != "sending" {
		h.t.Fatalf("the worker lists %+v", listed)
	}
	c := h.moot("cancel", listed[0].JobID)
	if code := c.end(); code != 0 {
		h.t.Errorf("exit code %d: %s", code, &c.err)
	}
}

func final(state string) bool {
	switch state {
	case "done", "failed", "canceled", "lost":
		return true
	}
	return false
}
