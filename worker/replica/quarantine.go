package replica

import (
	"time"

	"github.com/moothall/moothall/events"
)

// A member whose frames break rules more than MaxOffences times within a minute is not
// listened to for QuarantineTime, but for its signs of life.
const (
	MaxOffences    = 16
	QuarantineTime = time.Minute
)

// conduct is how a seat behaves.
type conduct struct {
	offences int
	since    time.Time // of the first of them
	until    time.Time // not listened to
}

// blame counts an offence of a seat.
func (r *Replica) blame(s events.Seat) {
	c := r.conduct[s]
	if r.now.Sub(c.since) > time.Minute {
		c = conduct{since: r.now, until: c.until}
	}
	if c.offences++; c.offences > MaxOffences {
		c = conduct{until: r.now.Add(QuarantineTime)}
		r.note(Warn, "quarantined", "peer_id", s.PeerID, "incarnation", s.Incarnation, "until", c.until)
	}
	r.conduct[s] = c
}

// shunned reports whether a frame of a seat is to be ignored.
func (r *Replica) shunned(s events.Seat, t events.FrameType) bool {
	return !signOfLife(t) && t != events.FrameGoodbye && r.now.Before(r.conduct[s].until)
}
