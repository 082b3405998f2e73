package jobs

import (
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moothall/moothall/events"
)

// onDisk reads the last event of a job's log.
func onDisk(t *testing.T, dir, id string) events.JobEvent {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, id, "events.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	var e events.JobEvent
	if err := json.Unmarshal([]byte(all[len(all)-1]), &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestService_ShutDownEndsItsJobs(t *testing.T) {
	r := newRig(t, nil)
	c := r.call("alice")
	id := c.start("sh", "echo up; sleep 1000")
	c.until(says("up"))
	r.halt()
	if last := onDisk(t, r.dir, id); last.State != events.JobLost || last.Reason != "the worker shut down" {
		t.Errorf("the log ends with %+v", last)
	}
	if pids := carriers(id); pids != nil {
		t.Errorf("processes %v are left", pids)
	}
	c = r.call("bob")
	c.send(events.FrameStart, events.JobStart{V: 1, Lease: c.reserve(), Command: "sh"})
	wantCode(t, c.answer(), events.CodeUnavailable)
	if got := r.Load().Free; got != 1 {
		t.Errorf("%d slots are free", got)
	}
}

func TestNew_RefusesAStoreThatIsNone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := New(Config{Dir: filepath.Join(file, "jobs"), Slots: 1, Worker: "w", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	wantCode(t, err, events.CodeFile)
}

func TestService_KeepsTheLastJobsOnly(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.KeepJobs = 2 })
	var ids []string
	for range 4 {
		c := r.call("alice")
		ids = append(ids, c.start("sh", "true"))
		c.end()
		c.hangUp()
	}
	r.halt()
	entries, err := os.ReadDir(r.dir)
	if err != nil || len(entries) > 4 { // the jobs, and the store itself has files
		t.Fatalf("%d jobs are kept, %v", len(entries), err)
	}
	if _, err := os.Stat(filepath.Join(r.dir, ids[3])); err != nil {
		t.Errorf("the newest is gone: %v", err)
	}
	if _, err := os.Stat(filepath.Join(r.dir, ids[0])); err == nil {
		t.Error("the oldest is kept")
	}
}

func TestRecord_SaysWhatWasAskedFor(t *testing.T) {
	r := newRig(t, nil)
	c := r.call("alice")
	id := c.start("sh", "true")
	c.end()
	text, err := os.ReadFile(filepath.Join(r.dir, id, "job.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got record
	if err := json.Unmarshal(text, &got); err != nil || got.JobID != id || got.Client != "alice" || got.Command != "sh" || got.Created.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
}
