package jobs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/transfer"
)

func TestServe_StartRefusals(t *testing.T) {
	r := newRig(t, func(c *Config) {
		cs, err := ParseCommands("sh=/bin/sh -c {args}; fixed=/bin/true; gone=/does/not/exist")
		if err != nil {
			t.Fatal(err)
		}
		c.Commands, c.Slots = cs, 2
	})
	alice, bob := r.call("alice"), r.call("bob")
	lease := alice.reserve()
	for _, tt := range []struct {
		name  string
		from  *caller
		start events.JobStart
		want  events.Code
	}{
		{"no lease", alice, events.JobStart{V: 1, Command: "sh"}, events.CodeNoLease},
		{"another's lease", bob, events.JobStart{V: 1, Lease: lease, Command: "sh"}, events.CodeForbidden},
		{"an old incarnation", alice, events.JobStart{V: 1, Lease: events.JobLease{Incarnation: 6, Seq: 1}, Command: "sh"}, events.CodeNoLease},
		{"another protocol", alice, events.JobStart{V: 2, Lease: lease, Command: "sh"}, events.CodeVersion},
		{"another command", alice, events.JobStart{V: 1, Lease: lease, Command: "bash"}, events.CodeNotAllowed},
		{"arguments for none", alice, events.JobStart{V: 1, Lease: lease, Command: "fixed", Args: []string{"x"}}, events.CodeInvalid},
		{"a missing program", alice, events.JobStart{V: 1, Lease: lease, Command: "gone"}, events.CodeUnavailable},
		{"too many inputs", alice, events.JobStart{V: 1, Lease: lease, Command: "sh", Inputs: 1000}, events.CodeTooLarge},
		{"fewer than none", alice, events.JobStart{V: 1, Lease: lease, Command: "sh", Inputs: -1}, events.CodeTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.from.send(events.FrameStart, tt.start)
			wantCode(t, tt.from.answer(), tt.want)
		})
	}
	if entries, err := os.ReadDir(r.dir); err != nil || len(entries) != 0 {
		t.Errorf("refused jobs left %v, %v", entries, err)
	}
	alice.startWith(events.JobStart{V: 1, Lease: lease, Command: "sh", Args: []string{"true"}})
	alice.end()
	alice.send(events.FrameStart, events.JobStart{V: 1, Lease: alice.reserve(), Command: "sh"})
	wantCode(t, alice.answer(), events.CodeInvalid) // one job a link
}

func TestServe_OnlyItsClientTouchesAJob(t *testing.T) {
	r := newRig(t, nil)
	alice, bob := r.call("alice"), r.call("bob")
	id := alice.start("sh", "echo up; sleep 1000")
	alice.until(says("up"))
	bob.send(events.FrameAttach, events.JobAttach{V: 1, JobID: id, Outputs: true})
	wantCode(t, bob.answer(), events.CodeForbidden)
	bob.send(events.FrameSignal, events.JobSignal{V: 1, JobID: id, Action: events.ActionCancel})
	wantCode(t, bob.answer(), events.CodeForbidden)
	bob.send(events.FrameAttach, events.JobAttach{V: 1, JobID: "j-aaaaaaaa"})
	wantCode(t, bob.answer(), events.CodeNoJob)
	alice.send(events.FrameSignal, events.JobSignal{V: 1, JobID: id, Action: "explode"})
	wantCode(t, alice.answer(), events.CodeInvalid)
	if got := r.Load(); got.Status != events.StatusBusy || got.Job != id {
		t.Errorf("the job is gone: %+v", got)
	}
}

func TestServe_UnknownFramesAreAnsweredBrokenOnesEndIt(t *testing.T) {
	r := newRig(t, nil)
	c := r.call("alice")
	c.send(events.FrameType(99), struct{}{})
	wantCode(t, c.answer(), events.CodeInvalid)
	if err := c.control.SendWait(t.Context(), events.Frame(events.FrameStart, []byte("{"))); err != nil {
		t.Fatal(err)
	}
	wantCode(t, c.answer(), events.CodeInvalid)
	if err := c.control.SendWait(t.Context(), []byte{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-c.served:
		wantCode(t, err, events.CodeInvalid)
	case <-time.After(patience):
		t.Fatal("a broken frame did not end the conversation")
	}
}

// The client that goes away does not end its job; it comes back and misses
// nothing.
func TestServe_JobOutlivesItsClient(t *testing.T) {
	r := newRig(t, nil)
	gate := filepath.Join(t.TempDir(), "gate")
	first := r.call("alice")
	id := first.start("sh", `echo one; until [ -e `+gate+` ]; do sleep 0.01; done; echo two; echo kept > "$MOOT_OUT/kept"`)
	all := first.until(says("one"))
	first.hangUp()
	if got := r.Load(); got.Status != events.StatusBusy || got.Job != id {
		t.Fatalf("after its client left: %+v", got)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	second := r.call("alice")
	second.send(events.FrameAttach, events.JobAttach{V: 1, JobID: id, Since: all[len(all)-1].Seq + 1})
	rest, last := second.end()
	wantEnd(t, last, events.JobDone, 0)
	all = append(all, rest...)
	for i, e := range all {
		if e.Seq != uint64(i+1) {
			t.Fatalf("event %d has number %d", i+1, e.Seq)
		}
	}
	if diff := cmp.Diff([]string{"one", "two"}, lines(all, events.StreamStdout)); diff != "" {
		t.Error(diff)
	}
}

func TestServe_OutputsGoToWhoAsksForThem(t *testing.T) {
	r := newRig(t, nil)
	c := r.call("alice")
	id := c.start("sh", `mkdir "$MOOT_OUT/d"; echo hello > "$MOOT_OUT/d/a.txt"; head -c 200000 /dev/zero > "$MOOT_OUT/zero"`)
	_, last := c.end()
	c.send(events.FrameAttach, events.JobAttach{V: 1, JobID: id, Outputs: true})
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	got, err := transfer.Receive(t.Context(), c.bulk, root, transfer.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(last.Outputs, got); diff != "" {
		t.Error(diff)
	}
	if text, err := root.ReadFile("d/a.txt"); err != nil || string(text) != "hello\n" {
		t.Errorf("got %q, %v", text, err)
	}
	eventually(t, "the job is marked as fetched", func() bool { return r.store.wasFetched(id) })
}

// What a process of the job's that lives on puts in an output's place is not sent: a
// link would lead to a file that is not the job's, a pipe would never be read.
func TestServe_AnOutputThatIsAnotherByNowIsNotSent(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, swap := range map[string]func(path string) error{
		"link": func(path string) error { return os.Symlink(secret, path) },
		"pipe": func(path string) error { return syscall.Mkfifo(path, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			c := r.call("alice")
			id := c.start("sh", `echo hello > "$MOOT_OUT/a.txt"`)
			c.end()
			path := filepath.Join(r.store.folder(id).out, "a.txt")
			if err := errors.Join(os.Remove(path), swap(path)); err != nil {
				t.Fatal(err)
			}
			c.send(events.FrameAttach, events.JobAttach{V: 1, JobID: id, Outputs: true})
			root, err := os.OpenRoot(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			if _, err := transfer.Receive(t.Context(), c.bulk, root, transfer.Options{}, nil); events.CodeOf(err) != events.CodeFile {
				t.Errorf("received: %v", err)
			}
			if got, err := fs.ReadDir(root.FS(), "."); err != nil || len(got) > 0 {
				t.Errorf("there is %v, %v", got, err)
			}
		})
	}
}

func TestServe_InputsArriveBeforeTheCommandStarts(t *testing.T) {
	r := newRig(t, nil)
	dir := t.TempDir()
	for name, text := range map[string]string{"a.txt": "alpha", "run.sh": "echo ran"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c := r.call("alice")
	id := c.startWith(events.JobStart{V: 1, Lease: c.reserve(), Command: "sh", Args: []string{`cat "$MOOT_IN/a.txt"; sh "$MOOT_IN/run.sh"`}, Inputs: 2})
	inputs := []transfer.Source{
		{Name: "a.txt", Path: filepath.Join(dir, "a.txt")}, {Name: "run.sh", Path: filepath.Join(dir, "run.sh")},
	}
	c.until(func(e events.JobEvent) bool { return e.State == events.JobSending })
	c.offer(id, inputs...)
	if diff := cmp.Diff(events.JobNeeds{V: 1, JobID: id, Want: []events.JobWant{{File: 0}, {File: 1}}}, c.needs()); diff != "" {
		t.Error(diff)
	}
	sent, err := transfer.Send(t.Context(), c.bulk, inputs, nil)
	if err != nil || len(sent) != 2 {
		t.Fatalf("sent %v, %v", sent, err)
	}
	all, last := c.end()
	wantEnd(t, last, events.JobDone, 0)
	want := []events.JobState{events.JobRunning, events.JobReturning, events.JobDone}
	if diff := cmp.Diff(want, states(all)); diff != "" {
		t.Error(diff)
	}
	if got := strings.Join(lines(all, events.StreamStdout), "|"); got != "alpharan" {
		t.Errorf("got %q", got)
	}
}

// Who leaves while it sends may come back, for as long as inputs may stay away.
func TestServe_ClientThatLeavesWhileSendingFailsTheJob(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.InputIdle = 200 * time.Millisecond })
	c := r.call("alice")
	id := c.startWith(events.JobStart{V: 1, Lease: c.reserve(), Command: "sh", Args: []string{"echo ran"}, Inputs: 1})
	c.until(func(e events.JobEvent) bool { return e.State == events.JobSending })
	c.hangUp()
	eventually(t, "the slot is free", func() bool { return r.Load().Status == events.StatusAvailable })
	again := r.call("alice")
	again.send(events.FrameAttach, events.JobAttach{V: 1, JobID: id})
	all, last := again.end()
	if last.State != events.JobFailed || last.ExitCode != nil || lines(all, events.StreamStdout) != nil {
		t.Errorf("ended as %+v", last)
	}
}

func TestServe_InputsThatDoNotComeFreeTheSlot(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.InputIdle = 50 * time.Millisecond })
	c := r.call("alice")
	c.startWith(events.JobStart{V: 1, Lease: c.reserve(), Command: "sh", Args: []string{"true"}, Inputs: 1})
	_, last := c.end()
	if last.State != events.JobFailed || last.Reason != "no input came for 50ms" {
		t.Errorf("ended as %+v", last)
	}
}

func TestServe_CancelWhileSending(t *testing.T) {
	r := newRig(t, nil)
	c := r.call("alice")
	id := c.startWith(events.JobStart{V: 1, Lease: c.reserve(), Command: "sh", Args: []string{"true"}, Inputs: 1})
	c.until(func(e events.JobEvent) bool { return e.State == events.JobSending })
	c.send(events.FrameSignal, events.JobSignal{V: 1, JobID: id, Action: events.ActionCancel})
	_, last := c.end()
	if last.State != events.JobCanceled {
		t.Errorf("ended as %+v", last)
	}
}

// A link is one of few: who follows no job on it, whatever else it sends, is cut off, and
// who does is not.
func TestServe_ALinkWithoutAJobEnds(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.IdleLink = 100 * time.Millisecond })
	idle, busy := r.call("mallory"), r.call("alice")
	id := busy.start("sh", "echo up; sleep 1000")
	idle.send(events.FrameHello, events.JobHello{V: 1})
	idle.send(events.FrameAttach, events.JobAttach{V: 1, JobID: "j-aaaaaaaa"})
	select {
	case err := <-idle.served:
		if events.CodeOf(err) != events.CodeTimeout {
			t.Errorf("ended by %v", err)
		}
	case <-time.After(patience):
		t.Error("the link stands")
	}
	busy.until(says("up"))
	busy.send(events.FrameSignal, events.JobSignal{V: 1, JobID: id, Action: events.ActionCancel})
	if _, last := busy.end(); last.State != events.JobCanceled {
		t.Errorf("ended as %+v", last)
	}
}

// A job is begun once on a lease. Who asks again, on another link, is told of it and follows
// it; another client is not.
func TestStart_AskedAgainItIsTheSameJob(t *testing.T) {
	r := newRig(t, nil)
	first := r.call("alice")
	start := events.JobStart{V: 1, Lease: first.reserve(), Command: "sh", Args: []string{"echo ran; sleep 1000"}}
	id := first.startWith(start)
	first.until(says("ran"))
	first.hangUp()
	again := r.call("alice")
	if got := again.startWith(start); got != id {
		t.Errorf("asked again it is %s, not %s", got, id)
	}
	again.until(says("ran"))
	other := r.call("bob")
	other.send(events.FrameStart, start)
	if e := other.answer(); e.Code != events.CodeForbidden {
		t.Errorf("another client: %v", e)
	}
	if list, err := r.List(events.ListJobs{V: 1}); err != nil || len(list.Jobs) != 1 {
		t.Errorf("%d jobs, %v", len(list.Jobs), err)
	}
}
