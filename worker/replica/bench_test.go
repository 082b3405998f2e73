package replica

import (
	"fmt"
	"slices"
	"testing"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster"
)

// BenchmarkReceive is what a worker in a room of ten does with another's change of
// status, from the frame to the view, in generations of a hundred changes.
func BenchmarkReceive(b *testing.B) {
	const history = 100
	d, admin := roomOfTen(b)
	from := seat("worker-c", 3)
	owner := d.peerRoster(from.PeerID, from.Incarnation)
	frames := make([][]byte, history)
	for i := 0; b.Loop(); i++ {
		if i%history == 0 {
			b.StopTimer()
			adopted(b, owner, d.refound(admin))
			for j := range frames {
				chunk := row(b, owner, []events.Status{events.StatusBusy, events.StatusAvailable}[j%2], "")
				frames[j] = d.update(owner, from, chunk)
			}
			b.StartTimer()
		}
		d.step(Frame{from, frames[i%history]})
		if v := d.quiet(); i%history == history-1 && !slices.Contains(v.Position.Heads, owner.Position().Heads[0]) {
			b.Fatal("not all was received")
		}
	}
}

// roomOfTen is worker-b in a room of which worker-a, whose document it returns, is admin.
func roomOfTen(b *testing.B) (*driver, *roster.Roster) {
	d := newDriver(b)
	for i := range 7 {
		s := seat(fmt.Sprintf("worker-%d", i), uint64(10+i))
		d.keys[s.PeerID] = key(b)
		p := d.peer(s.PeerID, s.Incarnation)
		d.step(Presence{events.PeerEvent{Type: events.TypePeerJoined, Seat: s, Peer: p, Standing: standing(1, "worker-a", 1)}})
		d.step(LinkUp{s, "direct"})
	}
	admin := d.peerRoster("worker-a", 1)
	d.refound(admin)
	for id, p := range d.replica.members {
		chunk := row(b, adopted(b, d.peerRoster(id, p.Incarnation), admin.Genesis()), events.StatusAvailable, "")
		if a := admin.Apply([][]byte{chunk}); id != "worker-a" && a.Accepted != 1 {
			b.Fatal(a.Refused)
		}
	}
	return d, admin
}

// refound begins the admin's next generation and gives it to the driver.
func (d *driver) refound(admin *roster.Roster) events.Genesis {
	next := events.Generation{Term: d.replica.fence.Term(), Count: admin.Position().Generation.Count + 1}
	g, err := admin.Found(next, d.certificate(1, "worker-a", 1), func(events.Seat) bool { return true })
	if err != nil {
		d.t.Fatal(err)
	}
	d.frame(seat("worker-a", 1), events.FrameGenesis, g)
	return g
}

// update is the frame with which an owner tells all of its change.
func (d *driver) update(owner *roster.Roster, from events.Seat, chunk []byte) []byte {
	return events.Pack(events.FrameStatusUpdate, events.State{
		V: events.ProtocolVersion, Type: events.TypeStatusUpdate, FromPeerID: from.PeerID, Timestamp: events.Unix(d.now),
		Fence: d.replica.fence.Term(), Version: owner.Version(), Position: owner.Position(), ToldVersion: 10, Chunks: [][]byte{chunk},
	})
}
