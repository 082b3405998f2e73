package jobs

import (
	"testing"

	"github.com/moothall/moothall/events"
)

// A worker that drains waits for Idle: until the client of a job that has ended is
// gone, with the end and the outputs.
func TestIdle_OnceTheClientHasLeft(t *testing.T) {
	r := newRig(t, nil)
	idle := func(want bool, when string) {
		t.Helper()
		if r.Idle() != want {
			t.Errorf("idle %v %s", !want, when)
		}
	}
	idle(true, "before any job")
	c := r.call("alice")
	idle(true, "while a client only listens")
	lease := c.reserve()
	idle(false, "with a reservation")
	c.startWith(events.JobStart{V: 1, Lease: lease, Command: "sh", Args: []string{`echo x >"$MOOT_OUT/x"`}})
	c.end()
	eventually(t, "the slot is free", func() bool { return r.Load().Free == 1 })
	idle(false, "while the client may want the outputs")
	<-r.Changed()
	c.hangUp()
	idle(true, "after the client has left")
	select {
	case <-r.Changed():
	default:
		t.Error("nobody is told that it is idle now")
	}
}
