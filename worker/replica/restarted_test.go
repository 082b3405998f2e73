package replica

import (
	"slices"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/liveness"
)

// What was heard of a process that is gone is no evidence against the one that followed
// it, to which there is no link yet: only who heard a seat may say that it fell silent.
func TestTestify_NothingOfASeatThatWasNeverHeard(t *testing.T) {
	for _, linked := range []bool{false, true} {
		d := newDriver(t)
		st := standing(2, "worker-b", 2)
		d.elect(2, "worker-b", 2)
		d.step(Presence{events.PeerEvent{
			Type: events.TypePeerJoined, RoomID: "lab", Seat: seat("worker-a", 4), Peer: d.peer("worker-a", 4), Standing: st,
		}})
		if linked {
			d.open(seat("worker-a", 4))
		}
		d.awake(time.Second)
		d.frame(seat("worker-c", 3), events.FramePing, events.Ping{Nonce: 1})
		out := d.presence(events.TypePeerSuspect, seat("worker-a", 4), events.ReasonCrashed, st)
		if asked := sent(out, "worker-a", events.FramePing); asked != linked {
			t.Errorf("linked %v: asked %v", linked, asked)
		}
		if got := only[Testify](d.awake(2 * liveness.MinWindow)); (len(got) > 0) != linked {
			t.Errorf("linked %v: testimony %+v", linked, got)
		}
	}
}

// Who is suspected while there is no link is asked as soon as there is one: an
// examination without a question would end against it.
func TestLinkUp_ASuspectIsAsked(t *testing.T) {
	d := newDriver(t)
	d.step(LinkDown{seat("worker-a", 1)})
	if out := d.presence(events.TypePeerSuspect, seat("worker-a", 1), events.ReasonCrashed, standing(1, "worker-a", 1)); sent(out, "worker-a", events.FramePing) {
		t.Error("asked without a link")
	}
	if out := d.step(LinkUp{seat("worker-a", 1), "direct"}); !sent(out, "worker-a", events.FramePing) {
		t.Error("not asked")
	}
}

// The first question may be lost: the other end was not open yet.
func TestHeartbeat_AsksUntilTheLinkHasAnswered(t *testing.T) {
	d := newDriver(t)
	d.step(LinkUp{seat("worker-a", 1), "direct"})
	asks := func() bool {
		return slices.ContainsFunc(only[Send](d.awake(events.HeartbeatInterval)), func(s Send) bool {
			_, payload, _ := events.ParseFrame(s.Frame)
			var h events.Heartbeat
			return s.To == "worker-a" && events.Unpack(payload, &h) == nil && h.Type == events.TypeHeartbeat && h.Nonce != 0
		})
	}
	for range 2 * measureEvery {
		if !asks() {
			t.Fatal("a heartbeat over a link that never answered does not ask")
		}
	}
	d.open(seat("worker-a", 1))
	for range 3 {
		if asks() && d.replica.beats%measureEvery != 2 {
			t.Error("a heartbeat asks that need not")
		}
	}
}
