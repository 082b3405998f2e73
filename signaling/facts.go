package signaling

import (
	"time"

	"github.com/moothall/moothall/events"
)

// Facts are what this hub observed by itself of a room's peers, by peer id. They
// come from Presence; a hub that was blind has none yet.
type Facts map[string]Fact

// A Fact is about one peer; times are of the hub's own clock, zero for never.
type Fact struct {
	Incarnation uint64    // of the newest process that registered or leased, 0 if unknown
	Heard       time.Time // its last lease or registration
	Lost        time.Time // when its last connection ended by its end; zero while it has one
	Lapsed      time.Time // when its lease ran out; zero while it has not, or the hub was blind
}

// of is the fact about a seat. What concerns another process of the peer is none.
func (f Facts) of(s events.Seat) Fact {
	fact := f[s.PeerID]
	if fact.Incarnation != 0 && fact.Incarnation != s.Incarnation {
		return Fact{}
	}
	return fact
}

// first is the first sign that a seat is gone, now if there was none before.
func (f Fact) first(now time.Time) time.Time {
	first := now
	for _, t := range []time.Time{f.Lost, f.Lapsed} {
		if !t.IsZero() && t.Before(first) {
			first = t
		}
	}
	return first
}
