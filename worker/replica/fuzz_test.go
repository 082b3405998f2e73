package replica

import (
	"testing"

	"github.com/moothall/moothall/events"
)

// FuzzStep gives a worker any two frames of a member that is not the admin: no process
// dies of it, the admin and its term stay, and nobody departs.
func FuzzStep(f *testing.F) {
	high := events.Term{Store: "~", N: 1 << 40}
	f.Add(events.Pack(events.FrameHeartbeat, events.Heartbeat{V: 1, FromPeerID: "worker-c", Standing: events.Standing{AdminPeerID: "worker-c", Term: high}}), []byte{})
	f.Add(events.Pack(events.FrameGoodbye, events.Goodbye{Seat: seat("worker-a", 1)}), events.Pack(events.FrameFence, events.SeatCertificate{Term: high, Seat: seat("worker-a", 1)}))
	f.Add(events.Pack(events.FrameGenesis, events.Genesis{V: 1, Generation: events.Generation{Term: high}}), events.Pack(events.FrameStateBroadcast, events.State{V: 1, Fence: high, Chunks: [][]byte{{0x85, 0x6f, 0x4a, 0x83}}}))
	f.Add(events.Pack(events.FramePull, events.Pull{}), events.Pack(events.FrameVouch, events.Vouch{}))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		d := newDriver(t)
		before := d.replica.standing()
		workers := len(d.view.Workers)
		for _, frame := range [][]byte{one, two} {
			d.step(Frame{seat("worker-c", 3), frame})
		}
		after := d.replica.standing()
		if before.Term != after.Term || before.AdminPeerID != after.AdminPeerID || before.AdminIncarnation != after.AdminIncarnation || len(d.view.Workers) != workers {
			t.Fatalf("%q, %q: %+v, %d workers", one, two, after, len(d.view.Workers))
		}
	})
}
