package replica

import (
	"math"
	"time"

	"github.com/moothall/moothall/events"
)

// doubtAfter is the lateness of a step from which an admin doubts its own term:
// others may have elected somebody while this process stood still.
const doubtAfter = events.LeaseInterval

// pongTimeout is how long a ping is remembered.
const pongTimeout = 2 * events.StaleAfter

func (Tick) step(r *Replica) {
	if !r.seated() {
		if r.hub.up {
			r.register()
		}
		return
	}
	r.dirty, r.stirred = r.dirty || r.stirred, false
	if !r.now.Before(r.nextHeartbeat) {
		r.nextHeartbeat = nextBeat(r.now, r.heartbeatInterval())
		r.forgetPings()
		r.heartbeat()
		r.dirty = true
	}
	if r.hub.up && !r.now.Before(r.nextLease) {
		r.nextLease = r.now.Add(r.leaseInterval())
		r.emit(Renew{r.seat})
	}
	if r.now.Sub(r.checkpoint) >= CheckpointInterval {
		r.examine()
		r.dynamic.LastHeartbeat = events.At(r.now)
		r.assertOwn()
	}
}

// nextBeat is the next multiple of the interval on the wall clock. Members whose clocks
// agree send together, so that each is woken a few times an interval and not by every
// member's heartbeat and acknowledgement on its own; if they do not agree, no harm.
func nextBeat(now time.Time, interval time.Duration) time.Time {
	return now.Add(interval - time.Duration(now.UnixNano()%int64(interval)))
}

// firstLease is the wait from a registration to the first lease, under one interval.
// A hub that hears nobody for longer than an interval believes itself deaf; so a room's
// leases are spread, also after a hub's restart, when all register at once. Multiples of
// the golden ratio, without their whole part, divide an interval about evenly for any
// consecutive incarnations (Knuth, The Art of Computer Programming 3, 6.4, theorem S).
func firstLease(seat events.Seat, interval time.Duration) time.Duration {
	_, part := math.Modf(float64(seat.Incarnation) / math.Phi)
	return time.Duration(part * float64(interval))
}

// late makes the worker doubt itself before others.
func (r *Replica) late(lag time.Duration) {
	r.detector.Late(r.now, lag)
	if lag >= doubtAfter && r.hub.up && r.seated() {
		r.doubt()
		r.refresh()
	}
}

func (r *Replica) forgetPings() {
	for nonce, p := range r.pings {
		if r.now.Sub(p.sent) > pongTimeout {
			delete(r.pings, nonce)
		}
	}
}

// Quiet sends what was collected and shows what has changed.
func (Quiet) step(r *Replica) {
	if !r.seated() {
		return
	}
	r.attend()
	r.flush()
	if r.dirty {
		r.dirty = false
		r.show()
	}
}
