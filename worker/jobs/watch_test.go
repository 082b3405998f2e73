package jobs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

func TestVigil_WhoOwesAnAnswerHangs(t *testing.T) {
	v := newVigil(DefaultLimits())
	begun := time.Now()
	at := func(seconds int) time.Time { return begun.Add(time.Duration(seconds) * time.Second) }
	for s := 0; s <= 15; s += 5 {
		v.tick(at(s))
		if asked := v.ask(at(s), "b"); asked != (s == 0) {
			t.Errorf("asked after %d s: %v", s, asked)
		}
		v.ask(at(s), "a")
		v.answered("a", nil)
		if why := v.hangs(at(s)); why != "" {
			t.Errorf("after %d s: %s", s, why)
		}
	}
	v.tick(at(20))
	if why := v.hangs(at(20)); why != "b does not progress" {
		t.Errorf("after 20 s: %q", why)
	}
	v.answered("b", nil)
	if why := v.hangs(at(20)); why != "" {
		t.Errorf("after its answer: %s", why)
	}
	v.answered("b", errors.New("disk full"))
	if why := v.hangs(at(20)); why != "b fails: disk full" {
		t.Errorf("after its failure: %q", why)
	}
	v.gone("b")
	if why := v.hangs(at(99)); why != "" {
		t.Errorf("after it went: %s", why)
	}
}

// A process that stood still itself, or a machine that slept, blames nobody.
func TestVigil_ALateTickIsNobodysFault(t *testing.T) {
	v := newVigil(DefaultLimits())
	now := time.Now()
	v.tick(now)
	v.ask(now, "a")
	now = now.Add(time.Hour)
	v.tick(now)
	if why := v.hangs(now); why != "" {
		t.Errorf("after an hour's sleep: %s", why)
	}
	for range 4 {
		now = now.Add(5 * time.Second)
		v.tick(now)
	}
	if why := v.hangs(now); why == "" {
		t.Error("no answer 20 s later, and nobody notices")
	}
	now = now.Add(time.Hour)
	v.tick(now)
	if why := v.hangs(now); why == "" {
		t.Error("it hung before an hour's sleep, and is forgiven")
	}
}

func watchful(c *Config) {
	c.Slots, c.Limits.WatchEvery, c.Limits.WatchPatience = 2, 10*time.Millisecond, 500*time.Millisecond
}

// hung waits until the worker shows that it takes no jobs, because of why.
func (r *rig) hung(why string) {
	r.t.Helper()
	eventually(r.t, "the worker shows that it takes no jobs", func() bool { return r.Load().Status == events.StatusDraining })
	_, err := r.Reserve("nora", events.Reserve{V: 1, Type: events.TypeReserve, RequestID: newID(), Command: "sh"})
	wantCode(r.t, err, events.CodeUnavailable)
	if err != nil && !strings.Contains(err.Error(), why) {
		r.t.Errorf("it says %q, want %q", err, why)
	}
}

func (r *rig) recovered() {
	r.t.Helper()
	eventually(r.t, "the worker takes jobs again", func() bool { return r.Load().Status == events.StatusAvailable })
}

// standStill starts a job whose supervisor stands still.
func (c *caller) standStill() (id string, supervisor int) {
	c.t.Helper()
	id = c.start("sh", "echo up; sleep 1000")
	c.until(says("up"))
	var b birth
	if err := readJSON(c.rig.store.folder(id).process, &b); err != nil {
		c.t.Fatal(err)
	}
	if err := syscall.Kill(b.Supervisor.PID, syscall.SIGSTOP); err != nil {
		c.t.Fatal(err)
	}
	return id, b.Supervisor.PID
}

// A supervisor that makes no progress shows, and that it goes on again.
func TestWatch_ASupervisorThatStandsStill(t *testing.T) {
	r := newRig(t, watchful)
	c := r.call("alice")
	id, supervisor := c.standStill()
	r.hung("the supervisor of job " + id + " does not progress")
	if err := syscall.Kill(supervisor, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	r.recovered()
	c.send(events.FrameSignal, events.JobSignal{V: 1, JobID: id, Action: events.ActionCancel})
	if _, last := c.end(); last.State != events.JobCanceled {
		t.Errorf("ended as %+v", last)
	}
}

// A hung supervisor is no reason any more when it is gone.
func TestWatch_AJobThatEndsIsForgotten(t *testing.T) {
	r := newRig(t, watchful)
	c := r.call("alice")
	_, supervisor := c.standStill()
	r.hung("does not progress")
	if err := syscall.Kill(supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r.recovered()
}

// A store that hangs shows, and one that can be written no more. Here a pipe that
// nobody reads holds whoever opens it, and a folder cannot be written.
func TestWatch_AStoreThatDoesNotProgress(t *testing.T) {
	for why, put := range map[string]func(path string) error{
		"the job store does not progress": func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"the job store fails: ":           func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(why, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, tryFile)
			if err := put(path); err != nil {
				t.Fatal(err)
			}
			r := newRig(t, func(c *Config) { watchful(c); c.Dir = dir })
			r.hung(why)
			reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			r.recovered()
		})
	}
}
