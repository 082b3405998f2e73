package replica

import (
	"slices"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

// While the admin was cut off, another won the seat and left it.
func TestAdmin_ALaterVacantTermEndsItsOwn(t *testing.T) {
	d := newDriver(t)
	d.elect(2, "worker-b", 2)
	d.step(HubDown{})
	d.step(HubUp{})
	d.step(Renewed{Ack: events.Ack{Standing: standing(3, "", 0), Certificate: d.vacant(3)}})
	if v := d.quiet(); v.Answering || v.AdminPeerID != "" || v.Term.N != 3 {
		t.Errorf("answering %v, admin %q, term %d: the hub says that term 3 is vacant", v.Answering, v.AdminPeerID, v.Term.N)
	}
}

// Nobody could prove the term to a hub that was put back to a copy from before it, and
// the room would wait for it for ever.
func TestTerm_WithoutItsCertificateIsNotFollowed(t *testing.T) {
	d := newDriver(t)
	d.elect(2, "worker-b", 2)
	out := d.step(Presence{events.PeerEvent{Type: events.TypePeerLeft, Seat: seat("worker-c", 3), Reason: events.ReasonLeft, Standing: standing(3, "", 0)}})
	if len(only[Refresh](out)) != 1 {
		t.Error("the hub is not asked for the certificate")
	}
	if v := d.quiet(); v.Answering || v.AdminPeerID != "worker-b" || v.Term.N != 2 {
		t.Errorf("answering %v, admin %q, term %d: want term 2, unconfirmed", v.Answering, v.AdminPeerID, v.Term.N)
	}
	back := standing(2, "worker-b", 2)
	d.step(Refreshed{RoomInfo: events.RoomInfo{Standing: back, Certificate: d.certificate(2, "worker-b", 2), SeatKeys: []string{public(d.hub)}}})
	if !d.quiet().Answering {
		t.Error("the store was put back, and the admin of its term waits for the later one")
	}
}

// What a vacancy proves: the term has come, so a hub that has an earlier one is behind.
func TestTerm_AVacantOneIsShownToAHubThatWasPutBack(t *testing.T) {
	d := newDriver(t)
	d.presence(events.TypePeerLeft, seat("worker-a", 1), events.ReasonCrashed, standing(3, "", 0))
	out := d.step(Renewed{Ack: events.Ack{Standing: standing(2, "worker-c", 3), Certificate: d.certificate(2, "worker-c", 3)}})
	if r := only[Register](out); len(r) != 1 || r[0].Certificate != d.vacant(3) {
		t.Errorf("want a registration with the certificate of term 3: %v", out)
	}
}

func TestAdmin_AHubBehindItsTermConfirmsNothing(t *testing.T) {
	d := newDriver(t)
	d.elect(2, "worker-b", 2)
	d.now = d.now.Add(doubtAfter + TickInterval)
	d.step(Tick{})
	out := d.step(Renewed{Ack: events.Ack{Standing: standing(1, "worker-a", 1)}})
	if d.quiet().Answering {
		t.Error("it answers in term 2 and the hub stands at term 1")
	}
	if !slices.ContainsFunc(out, func(o Output) bool { r, ok := o.(Register); return ok && r.Certificate.N == 2 }) {
		t.Errorf("no registration shows the hub term 2: %v", out)
	}
}

func TestAdmin_AMembersWordConfirmsNoTerm(t *testing.T) {
	d := newDriver(t)
	d.frame(seat("worker-c", 3), events.FrameFence, d.certificate(2, "worker-b", 2))
	if v := d.quiet(); v.Answering || v.AdminPeerID != "worker-b" {
		t.Errorf("answering %v, admin %q after a member has shown the own certificate", v.Answering, v.AdminPeerID)
	}
	d.step(Refreshed{RoomInfo: events.RoomInfo{Standing: standing(2, "worker-b", 2), SeatKeys: []string{public(d.hub)}}})
	if !d.quiet().Answering {
		t.Error("it does not answer after the hub confirmed its term")
	}
}

func TestAdmin_AnAnswerFromBeforeADoubtConfirmsNothing(t *testing.T) {
	d := newDriver(t)
	d.elect(2, "worker-b", 2)
	asked := d.replica.Doubts()
	d.now = d.now.Add(doubtAfter + TickInterval)
	if out := d.step(Tick{}); len(only[Refresh](out)) != 1 {
		t.Fatal("after standing still the hub is not asked")
	}
	answer := Refreshed{RoomInfo: events.RoomInfo{Standing: standing(2, "worker-b", 2), SeatKeys: []string{public(d.hub)}}}
	d.step(Answer{answer, asked})
	if d.quiet().Answering {
		t.Error("an answer to a question put before confirms the term")
	}
	d.step(Answer{answer, d.replica.Doubts()})
	if !d.quiet().Answering {
		t.Error("an answer to a question put after does not")
	}
}

func TestNextBeat_IsAMultipleOfTheInterval(t *testing.T) {
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct{ after, interval, want time.Duration }{
		{0, 5 * time.Second, 5 * time.Second},
		{time.Nanosecond, 5 * time.Second, 5*time.Second - time.Nanosecond},
		{3 * time.Second, 5 * time.Second, 2 * time.Second},
		{7 * time.Second, 2 * time.Second, time.Second},
	} {
		now := start.Add(c.after)
		if got := nextBeat(now, c.interval).Sub(now); got != c.want {
			t.Errorf("%s after the hour, every %s: in %s, want %s", c.after, c.interval, got, c.want)
		}
	}
}
