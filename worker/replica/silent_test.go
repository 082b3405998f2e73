package replica

import (
	"testing"

	"github.com/moothall/moothall/events"
)

// A silent link to the admin is suspected: the state is shown as old, and the own
// status goes to all, of whom one may reach the admin. Heard again, it is as before.
func TestLinkSilent_IsNoWayToTheAdminUntilItIsHeardAgain(t *testing.T) {
	d := newDriver(t)
	d.elect(2, "worker-b", 2) // which founds a generation
	d.elect(3, "worker-c", 3)
	load := func(s events.Status) (toAdmin, toOther bool) {
		out := d.step(Load{Status: s, Free: 1})
		return sent(out, "worker-c", events.FrameStatusUpdate), sent(out, "worker-a", events.FrameStatusUpdate)
	}
	for _, c := range []struct {
		link   events.Seat
		silent bool
		lost   bool // the way to the admin
	}{
		{seat("worker-a", 1), true, false},
		{seat("worker-a", 1), false, false},
		{seat("worker-c", 2), true, false}, // a process that was replaced
		{seat("worker-c", 3), true, true},
		{seat("worker-c", 3), false, false},
	} {
		d.step(LinkSilent{c.link, c.silent})
		if v := d.quiet(); v.Stale != c.lost {
			t.Errorf("%s silent %v: stale %v", c.link, c.silent, v.Stale)
		}
		for _, s := range []events.Status{events.StatusBusy, events.StatusAvailable} {
			if toAdmin, toOther := load(s); !toAdmin || toOther != c.lost {
				t.Errorf("%s silent %v: status %s goes to the admin %v, to others %v", c.link, c.silent, s, toAdmin, toOther)
			}
		}
	}
	d.step(LinkSilent{seat("worker-c", 3), true})
	d.frame(seat("worker-c", 3), events.FramePing, events.Ping{Nonce: 7})
	if d.quiet().Stale {
		t.Error("a frame of the admin came, and its link still counts as silent")
	}
}
