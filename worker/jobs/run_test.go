package jobs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/moothall/moothall/events"
)

func TestJob_EventsFromStartToEnd(t *testing.T) {
	r := newRig(t, nil)
	c := r.call("alice")
	id := c.start("sh", `echo hello; echo oops >&2; echo "::progress 1 2 half"; echo "::metric loss 0.5 3"; echo bye`)
	all, last := c.end()
	wantEnd(t, last, events.JobDone, 0)
	for i, e := range all {
		if e.Seq != uint64(i+1) || e.JobID != id || e.Time.IsZero() {
			t.Errorf("event %d is %+v", i, e)
		}
	}
	if diff := cmp.Diff([]events.JobState{events.JobRunning, events.JobReturning, events.JobDone}, states(all)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"hello", "bye"}, lines(all, events.StreamStdout)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"oops"}, lines(all, events.StreamStderr)); diff != "" {
		t.Error(diff)
	}
	if !slices.ContainsFunc(all, func(e events.JobEvent) bool {
		return e.Kind == events.JobEventProgress && e.Done == 1 && e.Total == 2 && e.Text == "half"
	}) || !slices.ContainsFunc(all, func(e events.JobEvent) bool {
		return e.Kind == events.JobEventMetric && e.Name == "loss" && e.Value == 0.5 && e.Step == 3
	}) {
		t.Errorf("no progress or metric in %+v", all)
	}
}

func TestJob_ExitCodes(t *testing.T) {
	r := newRig(t, func(c *Config) {
		cs, err := ParseCommands("sh=/bin/sh -c {args}; noformat=" + script(t, "\x7fELF no program"))
		if err != nil {
			t.Fatal(err)
		}
		c.Commands = cs
	})
	for _, tt := range []struct {
		name, command, script string
		state                 events.JobState
		code                  int
	}{
		{"zero", "sh", "true", events.JobDone, 0},
		{"its own", "sh", "exit 3", events.JobFailed, 3},
		{"75 is the job's own", "sh", "exit 75", events.JobFailed, 75},
		{"a signal", "sh", "kill -9 $$", events.JobFailed, 137},
		{"not startable", "noformat", "", events.JobFailed, 126},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := r.call("alice")
			var args []string
			if tt.script != "" {
				args = []string{tt.script}
			}
			c.start(tt.command, args...)
			_, last := c.end()
			wantEnd(t, last, tt.state, tt.code)
			c.hangUp()
		})
	}
}

func TestJob_EnvironmentIsExact(t *testing.T) {
	t.Setenv("MOOT_TOKEN", "canary")
	t.Setenv("LD_LIBRARY_PATH", "/canary")
	t.Setenv("PATH", "/usr/bin:/bin")
	t.Setenv("HOME", "/home/ada")
	t.Setenv("LANG", "C.UTF-8")
	r := newRig(t, nil)
	c := r.call("alice")
	id := c.start("env")
	all, _ := c.end()
	got := lines(all, events.StreamStdout)
	slices.Sort(got)
	work := filepath.Join(r.dir, id, "work")
	want := []string{"HOME=/home/ada", "LANG=C.UTF-8", "MOOT_IN=" + work + "/in", "MOOT_JOB_ID=" + id, "MOOT_OUT=" + work + "/out", "PATH=/usr/bin:/bin"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestJob_OwnFolderOwnGroupNoInput(t *testing.T) {
	r := newRig(t, nil)
	c := r.call("alice")
	id := c.start("sh", `pwd; ls; cat; read -r _ _ _ _ group _ < /proc/$$/stat; echo $group; echo $$`)
	all, last := c.end()
	wantEnd(t, last, events.JobDone, 0)
	got := lines(all, events.StreamStdout)
	if len(got) != 5 || got[0] != filepath.Join(r.dir, id, "work") || got[1] != "in" || got[2] != "out" || got[3] != got[4] {
		t.Errorf("got %q", got)
	}
}

// Arguments reach the command as they are: no shell reads them.
func TestJob_ArgumentsAreNeverAShells(t *testing.T) {
	r := newRig(t, nil)
	c := r.call("alice")
	nasty := []string{"; touch /tmp/pwned", "$(id)", "`id`", "--help", "a  b", "{out}", "*", "", "line\nbreak"}
	c.start("print", nasty...)
	all, _ := c.end()
	got := strings.Join(lines(all, events.StreamStdout), "\n")
	if diff := cmp.Diff(strings.Join(nasty, "\n"), got); diff != "" {
		t.Error(diff)
	}
}

func TestJob_PlaceholdersAreItsFolders(t *testing.T) {
	r := newRig(t, nil)
	c := r.call("alice")
	id := c.start("folders")
	all, _ := c.end()
	work := filepath.Join(r.dir, id, "work")
	if got := lines(all, events.StreamStdout); len(got) != 1 || got[0] != work+"/in "+work+"/out" {
		t.Errorf("got %q", got)
	}
}

func TestJob_OutputsAreSealed(t *testing.T) {
	r := newRig(t, nil)
	c := r.call("alice")
	c.start("sh", `mkdir -p "$MOOT_OUT/a"; printf 1,2 > "$MOOT_OUT/a/b.csv"; ln -s /etc/passwd "$MOOT_OUT/link"; chmod 640 "$MOOT_OUT/a/b.csv"; exit 4`)
	all, last := c.end()
	wantEnd(t, last, events.JobFailed, 4)
	if diff := cmp.Diff([]events.FileHeader{header("a/b.csv", "1,2", 0o640)}, last.Outputs); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"link is a symbolic link, not a file: not returned"}, lines(all, events.StreamNote)); diff != "" {
		t.Error(diff)
	}
}

func TestJob_CancelEndsWhatDoesNotListen(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.KillGrace = 50 * time.Millisecond })
	c := r.call("alice")
	id := c.start("sh", `trap "echo no" TERM; echo up; echo x > "$MOOT_OUT/x"; while :; do sleep 0.01; done`)
	c.until(says("up"))
	c.send(events.FrameSignal, events.JobSignal{V: 1, JobID: id, Action: events.ActionCancel})
	_, last := c.end()
	if last.State != events.JobCanceled || last.ExitCode != nil || last.Outputs != nil {
		t.Errorf("ended as %+v", last)
	}
	if pids := carriers(id); pids != nil {
		t.Errorf("processes %v are left", pids)
	}
	if got := r.Load().Status; got != events.StatusAvailable {
		t.Errorf("the worker is %s", got)
	}
}

func TestJob_StopKeepsResults(t *testing.T) {
	r := newRig(t, nil)
	c := r.call("alice")
	id := c.start("sh", `trap 'echo best > "$MOOT_OUT/weights"; exit 0' INT; echo up; while :; do sleep 0.01; done`)
	c.until(says("up"))
	c.send(events.FrameSignal, events.JobSignal{V: 1, JobID: id, Action: events.ActionStop})
	_, last := c.end()
	wantEnd(t, last, events.JobDone, 0)
	if last.Reason != "stopped" || len(last.Outputs) != 1 {
		t.Errorf("ended as %+v", last)
	}
}

func TestJob_StopOfWhatDoesNotListenGetsHarder(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.StopGrace, c.Limits.KillGrace = 50*time.Millisecond, patience })
	c := r.call("alice")
	id := c.start("sh", `trap "" INT; trap "exit 9" TERM; echo up; while :; do sleep 0.01; done`)
	c.until(says("up"))
	c.send(events.FrameSignal, events.JobSignal{V: 1, JobID: id, Action: events.ActionStop})
	_, last := c.end()
	wantEnd(t, last, events.JobFailed, 9)
}

// A job ends with its command: nothing of it holds the GPU afterwards, not even
// what left the process group.
func TestJob_LeavesNoProcessBehind(t *testing.T) {
	r := newRig(t, nil)
	c := r.call("alice")
	id := c.start("sh", `sleep 1000 & setsid sleep 1000 & (setsid sh -c 'trap "" TERM; sleep 1000' &) ; echo up`)
	_, last := c.end()
	wantEnd(t, last, events.JobDone, 0)
	eventually(t, "no process of the job is left", func() bool { return carriers(id) == nil })
}

func TestJob_RunTimeIsLimited(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.RunTime, c.Limits.KillGrace = 100*time.Millisecond, 50*time.Millisecond })
	c := r.call("alice")
	c.start("sh", `echo partial > "$MOOT_OUT/p"; sleep 1000`)
	_, last := c.end()
	wantEnd(t, last, events.JobFailed, 143)
	if last.Reason != "it ran longer than 100ms" || len(last.Outputs) != 1 {
		t.Errorf("ended as %+v", last)
	}
}

func TestJob_OutputSizeIsLimitedWhileItRuns(t *testing.T) {
	r := newRig(t, func(c *Config) {
		c.Limits.OutputBytes, c.Limits.OutputCheck, c.Limits.KillGrace = 1000, 10*time.Millisecond, 50*time.Millisecond
	})
	c := r.call("alice")
	c.start("sh", `head -c 2000 /dev/zero > "$MOOT_OUT/big"; sleep 1000`)
	_, last := c.end()
	wantEnd(t, last, events.JobFailed, 143)
	if last.Reason != "the job wrote more than 1000 B of output" {
		t.Errorf("ended as %+v", last)
	}
}

func TestJob_TooManyOutputsFailEvenWithExitCodeZero(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.OutputFiles = 2 })
	c := r.call("alice")
	c.start("sh", `cd "$MOOT_OUT"; touch a b c`)
	_, last := c.end()
	if last.State != events.JobFailed || last.ExitCode != nil || len(last.Outputs) != 2 {
		t.Errorf("ended as %+v", last)
	}
}

func TestJob_EndlessOutputIsBounded(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.LinesPerSecond, c.Limits.LogBytes = 100, 200_000 })
	c := r.call("alice")
	id := c.start("sh", `i=0; while [ $i -lt 200000 ]; do echo line $i; i=$((i+1)); done`)
	all, last := c.end()
	wantEnd(t, last, events.JobDone, 0)
	notes := lines(all, events.StreamNote)
	if len(notes) == 0 || !strings.HasSuffix(notes[len(notes)-1], "lines dropped") {
		t.Errorf("notes %q", notes)
	}
	if info, err := os.Stat(filepath.Join(r.dir, id, "events.jsonl")); err != nil || info.Size() > 400_000 {
		t.Errorf("the log has %d bytes, %v", info.Size(), err)
	}
}

func TestJob_ProcessThatClosesItsOutputStillCounts(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.RunTime, c.Limits.KillGrace = 200*time.Millisecond, 50*time.Millisecond })
	c := r.call("alice")
	c.start("sh", `exec >&- 2>&-; sleep 1000`)
	_, last := c.end()
	wantEnd(t, last, events.JobFailed, 143)
}

func TestJob_ManyLinesArriveInOrder(t *testing.T) {
	r := newRig(t, nil)
	c := r.call("alice")
	c.start("sh", `i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done`)
	all, last := c.end()
	wantEnd(t, last, events.JobDone, 0)
	for i, line := range lines(all, events.StreamStdout) {
		if line != fmt.Sprint(i) {
			t.Fatalf("line %d is %q", i, line)
		}
	}
	if last.Seq != 5003 {
		t.Errorf("%d events", last.Seq)
	}
}

// A client that does not read holds nobody back.
func TestJob_SlowClientDoesNotBlockIt(t *testing.T) {
	r := newRig(t, nil)
	c := r.call("alice")
	c.start("sh", `i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done`)
	eventually(t, "the job ended", func() bool { return r.Load().Status == events.StatusAvailable })
	all, _ := c.end()
	if got := lines(all, events.StreamStdout); len(got) != 5000 {
		t.Errorf("%d lines came later", len(got))
	}
}
