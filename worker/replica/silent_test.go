package replica

import (
	"testing"

	"github.com/moothall/moothall/events"
)

// A silent link to the admin is suspected: the state is shown as old. Heard again, it is
// as before. The own status goes to all; that it reaches all is said only while no link
// is silent.
func TestLinkSilent_IsNoWayToTheAdminUntilItIsHeardAgain(t *testing.T) {
	d := newDriver(t)
	d.elect(2, "worker-b", 2) // which founds a generation
	d.elect(3, "worker-c", 3)
	for _, c := range []struct {
		link   events.Seat
		silent bool
		lost   bool // the way to the admin
		all    bool // are reached
	}{
		{seat("worker-a", 1), true, false, false},
		{seat("worker-a", 1), false, false, true},
		{seat("worker-c", 2), true, false, true}, // a process that was replaced
		{seat("worker-c", 3), true, true, false},
		{seat("worker-c", 3), false, false, true},
	} {
		d.step(LinkSilent{c.link, c.silent})
		if v := d.quiet(); v.Stale != c.lost {
			t.Errorf("%s silent %v: stale %v", c.link, c.silent, v.Stale)
		}
		for _, s := range []events.Status{events.StatusBusy, events.StatusAvailable} {
			told := d.tells(s, "worker-a", "worker-c")
			if all := told == standing(3, "worker-c", 3).MembersVersion; all != c.all || !all && told != 0 {
				t.Errorf("%s silent %v: status %s is said to reach all of list %d", c.link, c.silent, s, told)
			}
		}
	}
	d.step(LinkSilent{seat("worker-c", 3), true})
	d.frame(seat("worker-c", 3), events.FramePing, events.Ping{Nonce: 7})
	if d.quiet().Stale {
		t.Error("a frame of the admin came, and its link still counts as silent")
	}
}

// tells changes the own status, wants it to be told to all of these, and returns which
// list of members that is said to reach.
func (d *driver) tells(s events.Status, to ...string) (toldVersion uint64) {
	d.t.Helper()
	updates := map[string]events.State{}
	for _, o := range only[Send](d.step(Load{Status: s, Free: 1})) {
		var state events.State
		if events.FrameType(o.Frame[0]) != events.FrameStatusUpdate {
			continue
		}
		if err := events.Unpack(o.Frame[events.FrameHeader:], &state); err != nil {
			d.t.Fatal(err)
		}
		updates[o.To] = state
	}
	for _, id := range to {
		if len(updates[id].Chunks) != 1 {
			d.t.Errorf("status %s: %s is told %+v", s, id, updates[id])
		}
	}
	return updates[to[0]].ToldVersion
}

// The admin passes on a change, unless its owner reaches the members of the same list.
func TestAdmin_PassesOnWhatOwnersDoNotTellAll(t *testing.T) {
	for _, c := range []struct {
		known, told uint64
		want        bool
	}{
		{10, 0, true}, {10, 9, true}, {10, 10, false}, {10, 11, true},
		{0, 0, true}, // a certificate has come from another store, and no list yet
	} {
		known, told, want := c.known, c.told, c.want
		d, g := adminOf(t)
		d.replica.hub.record.MembersVersion = known
		c := adopted(t, d.peerRoster("worker-c", 3), g)
		chunk := row(t, c, events.StatusBusy, "")
		d.frame(seat("worker-c", 3), events.FrameStatusUpdate, events.State{
			Fence: events.Term{Store: store, N: 2}, Position: c.Position(), ToldVersion: told, Chunks: [][]byte{chunk},
		})
		if got := sent(d.step(Quiet{}), "worker-a", events.FrameStateBroadcast); got != want {
			t.Errorf("told version %d of %d: passed on %v, want %v", told, known, got, want)
		}
	}
}
