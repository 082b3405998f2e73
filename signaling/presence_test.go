package signaling

import (
	"slices"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

// A lounge is a Presence with a clock that the test turns.
type lounge struct {
	*Presence
	t   *testing.T
	now time.Time
}

var (
	conn1 = events.Connection{ServerID: "S", ClientID: 1}
	conn2 = events.Connection{ServerID: "S", ClientID: 2}
	w1    = events.Seat{PeerID: "w1", Incarnation: 1}
	w2    = events.Seat{PeerID: "w2", Incarnation: 2}
)

func newLounge(t *testing.T) *lounge {
	now := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	return &lounge{Presence: NewPresence(events.LeaseTTL, now), t: t, now: now}
}

func (l *lounge) after(d time.Duration) *lounge { l.now = l.now.Add(d); return l }

func (l *lounge) lease(s events.Seat, c events.Connection) bool {
	return l.Leased(testRoom, events.Lease{Seat: s, Connection: c}, l.now)
}

func (l *lounge) fact(s events.Seat) Fact { return l.Facts(testRoom, l.now).of(s) }

func (l *lounge) wantLost(s events.Seat, want bool) {
	l.t.Helper()
	if got := !l.fact(s).Lost.IsZero(); got != want {
		l.t.Fatalf("%s lost: %v, want %v", s, got, want)
	}
}

func (l *lounge) wantLapsed(s events.Seat, want bool) {
	l.t.Helper()
	if got := !l.fact(s).Lapsed.IsZero(); got != want {
		l.t.Fatalf("%s lapsed: %v, want %v", s, got, want)
	}
	if got := slices.Contains(l.Lapsed(l.now), testRoom); got != want {
		l.t.Fatalf("room to sweep: %v, want %v", got, want)
	}
}

func TestPresence_LastConnectionClosedByItsEndIsALoss(t *testing.T) {
	l := newLounge(t)
	l.Connected(testRoom, "w1", conn1, l.now)
	l.lease(w1, conn1)
	if !l.Ended(testRoom, "w1", conn1, true, l.now) {
		t.Fatal("no loss reported")
	}
	l.wantLost(w1, true)
}

func TestPresence_OtherEndingsSayNothing(t *testing.T) {
	l := newLounge(t)
	l.Connected(testRoom, "w1", conn1, l.now)
	l.lease(w1, conn1)
	if l.Ended(testRoom, "w1", conn1, false, l.now) {
		t.Fatal("silence, expiry or a kick counted as a crash")
	}
	l.wantLost(w1, false)
}

func TestPresence_OldConnectionClosingAfterTheNewOneBeganIsNoLoss(t *testing.T) {
	l := newLounge(t)
	l.Connected(testRoom, "w1", conn1, l.now)
	l.lease(w1, conn1)
	l.Connected(testRoom, "w1", conn2, l.now)
	if l.Ended(testRoom, "w1", conn1, true, l.now) {
		t.Fatal("a reconnect counted as a crash")
	}
	l.wantLost(w1, false)
}

func TestPresence_NewConnectionEndsTheLoss(t *testing.T) {
	l := newLounge(t)
	l.Connected(testRoom, "w1", conn1, l.now)
	l.lease(w1, conn1)
	l.Ended(testRoom, "w1", conn1, true, l.now)
	if !l.Connected(testRoom, "w1", conn2, l.now) {
		t.Fatal("its return was not reported")
	}
	l.wantLost(w1, false)
}

func TestPresence_LeaseOverAnotherConnectionEndsTheLoss(t *testing.T) {
	l := newLounge(t)
	l.Connected(testRoom, "w1", conn1, l.now)
	l.lease(w1, conn1)
	l.Ended(testRoom, "w1", conn1, true, l.now)
	if l.lease(w1, conn1) {
		t.Fatal("a lease sent before the end revived it")
	}
	l.wantLost(w1, true)
	if !l.lease(w1, conn2) {
		t.Fatal("a lease over another connection did not")
	}
	l.wantLost(w1, false)
}

func TestPresence_ConnectionThatOnlyALeaseNamedCountsToo(t *testing.T) {
	l := newLounge(t)
	l.lease(w1, conn1)
	if !l.Ended(testRoom, "w1", conn1, true, l.now) {
		t.Fatal("no loss reported")
	}
	if l.Ended(testRoom, "w2", conn2, true, l.now) {
		t.Fatal("a connection that the hub never knew counted")
	}
}

func TestPresence_LeaseLapsesAfterFifteenSeconds(t *testing.T) {
	l := newLounge(t)
	l.after(time.Minute).lease(w1, conn1)
	l.after(15*time.Second-1).wantLapsed(w1, false)
	l.after(1).wantLapsed(w1, true)
}

func TestPresence_BlindHubCountsNoLapseForOneLease(t *testing.T) {
	l := newLounge(t)
	l.lease(w1, conn1)
	l.after(14 * time.Second).WasBlind(l.now)
	l.after(15*time.Second-1).wantLapsed(w1, false)
	l.after(1).wantLapsed(w1, true)
}

func TestPresence_SeatSeenInTheRecordGetsAFullLease(t *testing.T) {
	l := newLounge(t)
	l.after(time.Hour).Noted(testRoom, w1, l.now)
	l.after(10*time.Second).Noted(testRoom, w1, l.now)
	l.wantLapsed(w1, false)
	l.after(5*time.Second).wantLapsed(w1, true)
}

func TestPresence_HubThatHearsNobodyDoubtsItselfOnce(t *testing.T) {
	l := newLounge(t)
	for i, s := range []events.Seat{w1, w2} {
		c := events.Connection{ServerID: "S", ClientID: uint64(i + 1)}
		l.Connected(testRoom, s.PeerID, c, l.now)
		l.lease(s, c)
	}
	l.after(Doubt(15 * time.Second)).Lapsed(l.now)
	l.after(15*time.Second-1).wantLapsed(w1, false)
	l.after(1).wantLapsed(w1, true)
}

// Blind, seeing and blind again: the second silence is doubted like the first.
func TestPresence_HubThatWasBlindDoubtsItselfAgain(t *testing.T) {
	l := newLounge(t)
	for i, s := range []events.Seat{w1, w2} {
		l.lease(s, events.Connection{ServerID: "S", ClientID: uint64(i + 1)})
	}
	l.after(9 * time.Second).WasBlind(l.now)
	l.after(Doubt(15 * time.Second)).Lapsed(l.now)
	l.after(15*time.Second-1).wantLapsed(w1, false)
	l.after(1).wantLapsed(w1, true)
}

func TestPresence_OneSilentAmongMoreIsBelieved(t *testing.T) {
	l := newLounge(t)
	l.Connected(testRoom, "w1", conn1, l.now)
	l.lease(w1, conn1)
	for range 3 {
		l.after(5*time.Second).lease(w2, conn2)
	}
	l.wantLapsed(w1, true)
}

func TestPresence_OlderProcessRenewsNothing(t *testing.T) {
	l := newLounge(t)
	newer := events.Seat{PeerID: "w1", Incarnation: 2}
	l.Seated(testRoom, newer, conn2, l.now)
	l.after(15*time.Second).lease(w1, conn1)
	l.wantLapsed(newer, true)
}

func TestPresence_InventedIncarnationDoesNotHoldASeatForever(t *testing.T) {
	l := newLounge(t)
	l.Seated(testRoom, w1, conn1, l.now)
	l.lease(events.Seat{PeerID: "w1", Incarnation: 99}, conn1)
	l.after(15*time.Second).Unseated(testRoom, events.Seat{PeerID: "w1", Incarnation: 99})
	l.Noted(testRoom, w1, l.now)
	l.after(15*time.Second).wantLapsed(w1, true)
}

func TestPresence_ForgetsWhoIsLongGone(t *testing.T) {
	l := newLounge(t)
	l.Connected(testRoom, "client-1", conn1, l.now)
	l.Ended(testRoom, "client-1", conn1, true, l.now)
	l.Connected(testRoom, "client-2", conn2, l.now)
	l.after(keepIdle + 1).Lapsed(l.now)
	if f := l.Facts(testRoom, l.now); len(f) != 1 {
		t.Fatalf("remembered: %v", f)
	}
}
