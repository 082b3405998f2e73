package signaling

import (
	"time"

	"github.com/moothall/moothall/events"
)

// Leave gives a seat back on its own signed goodbye. It is idempotent.
func (g Registry) Leave(r Record, from string, q events.Leave, f Facts, now time.Time) (Decision, error) {
	d := decide(r, now)
	s := q.Goodbye.Seat
	if m := d.Record.member(from); m != nil && m.Seat == s && !m.Here() {
		d.Seat = s
		return d.on(r), nil
	}
	if _, err := d.Record.seated(from, s); err != nil {
		return Decision{}, err
	}
	if err := d.Record.saidGoodbye(s, q.Goodbye); err != nil {
		return Decision{}, err
	}
	d.Seat = s
	d.departed(s, events.ReasonLeft, f.of(s).first(now), now)
	return d.on(r), nil
}

// saidGoodbye checks a goodbye of an occupied seat against the seat's key.
func (r *Record) saidGoodbye(s events.Seat, g events.Goodbye) error {
	if g.Room != r.Room || g.Seat != s {
		return events.Errorf(events.CodeForbidden, "the goodbye is of %s in room %q, not of %s in %q", g.Seat, g.Room, s, r.Room)
	}
	return g.Verify(r.member(s.PeerID).Key)
}

// Lapse sets every seat away whose lease ran out.
func (g Registry) Lapse(r Record, f Facts, now time.Time) Decision {
	d := decide(r, now)
	for _, m := range r.Members {
		if fact := f.of(m.Seat); m.Here() && !fact.Lapsed.IsZero() {
			d.departed(m.Seat, events.ReasonSilent, fact.first(now), now)
		}
	}
	return d.on(r)
}

// Presence says what a change of a peer's connection means for the room: a seat
// without one is suspect, and one that has it again is back.
func (g Registry) Presence(r Record, peer string, f Facts) Decision {
	d := Decision{Record: r}
	m := r.member(peer)
	if m == nil || !m.Here() {
		return d
	}
	if f.of(m.Seat).Lost.IsZero() {
		d.notice(events.EventPeerJoined, m.Seat, "")
	} else {
		d.notice(events.EventPeerSuspect, m.Seat, events.ReasonCrashed)
	}
	return d
}

// Revoke sets the seats away whose keys are refused now.
func (g Registry) Revoke(r Record, refused map[string]bool, now time.Time) Decision {
	d := decide(r, now)
	for _, m := range r.Members {
		if !m.Here() || !refused[m.Key] {
			continue
		}
		d.departed(m.Seat, events.ReasonRevoked, now, now)
		if v := d.Record.Vacancy; v != nil && v.Reason == events.ReasonRevoked {
			v.Reason = events.ReasonLeft // as an election's reason has it
		}
	}
	return d.on(r)
}
