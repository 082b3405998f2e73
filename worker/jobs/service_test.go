package jobs

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/moothall/moothall/events"
)

func TestReserve_CommandNotAllowed(t *testing.T) {
	r := newRig(t, nil)
	_, err := r.Reserve("alice", events.Reserve{V: 1, RequestID: "r", Command: "bash"})
	wantCode(t, err, events.CodeNotAllowed)
	if want := `calm-heron does not allow "bash" (allowed: env, folders, print, sh)`; err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	if got := r.Load(); got.Status != events.StatusAvailable {
		t.Errorf("a refusal took a slot: %+v", got)
	}
}

func TestReserve_NothingAllowed(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Commands = nil })
	_, err := r.Reserve("alice", events.Reserve{V: 1, RequestID: "r", Command: "bash"})
	wantCode(t, err, events.CodeNotAllowed)
	if want := `calm-heron does not allow "bash" (allowed: nothing)`; err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

func TestReserve_ProgramMissing(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Commands = Commands{{"track", []string{"/does/not/exist"}}} })
	_, err := r.Reserve("alice", events.Reserve{V: 1, RequestID: "r", Command: "track"})
	wantCode(t, err, events.CodeUnavailable)
	if want := `calm-heron cannot run track: program "/does/not/exist": no such file or directory`; err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

func TestReserve_RefusesNonsense(t *testing.T) {
	r := newRig(t, nil)
	_, err := r.Reserve("alice", events.Reserve{V: 1, Command: "sh"})
	wantCode(t, err, events.CodeInvalid)
	_, err = r.Reserve("alice", events.Reserve{V: 2, RequestID: "r", Command: "sh"})
	wantCode(t, err, events.CodeVersion)
}

func TestReserve_OneClientAtATime(t *testing.T) {
	r := newRig(t, nil)
	got, err := r.Reserve("alice", events.Reserve{V: 1, RequestID: "r", Command: "sh"})
	want := events.Reserved{V: 1, Lease: events.JobLease{Incarnation: 7, Seq: 1}, TTLMS: 30000, Slots: events.Slots{Total: 1, Free: 0}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	_, err = r.Reserve("bob", events.Reserve{V: 1, RequestID: "r", Command: "sh"})
	wantCode(t, err, events.CodeBusy)
	wantCode(t, r.Release("bob", events.Release{V: 1, Lease: got.Lease}), events.CodeForbidden)
	if err := r.Release("alice", events.Release{V: 1, Lease: got.Lease}); err != nil {
		t.Error(err)
	}
	if _, err = r.Reserve("bob", events.Reserve{V: 1, RequestID: "r", Command: "sh"}); err != nil {
		t.Error(err)
	}
}

func TestService_SlotsRunAtOnce(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Slots = 2 })
	dir := t.TempDir()
	meet := func(mine, other string) string {
		return `touch ` + dir + `/` + mine + `; until [ -e ` + dir + `/` + other + ` ]; do sleep 0.01; done`
	}
	a, b := r.call("alice"), r.call("bob")
	a.start("sh", meet("a", "b"))
	if got := r.Load(); got.Status != events.StatusAvailable || got.Free != 1 {
		t.Errorf("with one of two: %+v", got)
	}
	b.start("sh", meet("b", "a"))
	_, last := a.end()
	wantEnd(t, last, events.JobDone, 0)
	_, last = b.end()
	wantEnd(t, last, events.JobDone, 0)
}

func TestService_LoadAndNoticesFollowAJob(t *testing.T) {
	r := newRig(t, nil)
	c := r.call("alice")
	var seen []Load
	note := func() {
		if l := r.Load(); len(seen) == 0 || seen[len(seen)-1] != l {
			seen = append(seen, l)
		}
	}
	note()
	lease := c.reserve()
	<-r.Changed()
	note()
	id := c.startWith(events.JobStart{V: 1, Lease: lease, Command: "sh", Args: []string{"true"}})
	note()
	c.end()
	note()
	want := []Load{
		{events.StatusAvailable, "", 1}, {events.StatusReserved, "", 0}, {events.StatusBusy, id, 0}, {events.StatusAvailable, "", 1},
	}
	// The job may end before it was seen busy.
	if len(seen) == 3 {
		want = slices.Delete(want, 2, 3)
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
	for _, state := range []events.JobState{events.JobRunning, events.JobReturning, events.JobDone} {
		n := <-r.Notices()
		if n.State != state || n.JobID != id || n.Worker != "worker-1" || n.RoomID != "lab" || n.Type != "job" || n.V != 1 || n.Time.IsZero() {
			t.Errorf("notice %+v, want %s", n, state)
		}
	}
}

func TestService_NoticesDropTheOldest(t *testing.T) {
	r := newRig(t, nil)
	for range 100 {
		r.notify(events.JobEvent{JobID: "old", State: events.JobRunning})
	}
	r.notify(events.JobEvent{JobID: "new", State: events.JobDone})
	var last events.JobNotice
	for len(r.Notices()) > 0 {
		last = <-r.Notices()
	}
	if last.JobID != "new" {
		t.Errorf("the newest is lost: %+v", last)
	}
}

func TestService_Drain(t *testing.T) {
	r := newRig(t, nil)
	c := r.call("alice")
	lease := c.reserve()
	r.Drain()
	_, err := r.Reserve("bob", events.Reserve{V: 1, RequestID: "r", Command: "sh"})
	wantCode(t, err, events.CodeUnavailable)
	if r.Load().Status != events.StatusDraining {
		t.Errorf("status %s", r.Load().Status)
	}
	c.startWith(events.JobStart{V: 1, Lease: lease, Command: "sh", Args: []string{"true"}})
	_, last := c.end()
	wantEnd(t, last, events.JobDone, 0)
}
