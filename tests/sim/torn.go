package sim

import (
	"time"

	"github.com/moothall/moothall/events"
)

// Times of a torn connection.
const (
	// lonelyFor is how long nobody hears a lonely peer: its links do not fail yet.
	lonelyFor = 10 * time.Second
	// blinkLow and blinkHigh bound how long an observer stands still: around the
	// silence that a testimony needs.
	blinkLow, blinkHigh = 50 * time.Millisecond, 400 * time.Millisecond
)

// reset tears a living peer's connection to the hub, which looks like its death. It
// is the admin's, mostly. Whoever could accuse it cannot hear it, or stands still
// while it answers.
func (w *world) reset(p *peer) bool {
	if admin := w.admin(); admin != nil && w.chance(70) {
		p = admin
	}
	if p.proc == nil || p.proc.conn == (events.Connection{}) {
		return false
	}
	switch roll := w.rng.IntN(3); roll {
	case 0:
		w.isolate(p, 100)
		wait := w.between(0, lonelyFor)
		if w.chance(50) {
			wait = w.between(longUnheard, lonelyFor)
		}
		w.after(wait, func() { w.tear(p) })
	case 1:
		w.isolate(p, 20)
		w.tear(p)
	case 2:
		w.tear(p)
		w.blink(p)
	}
	return true
}

// isolate cuts the way to p from a share of the others.
func (w *world) isolate(p *peer, percent int) {
	for _, other := range w.peers {
		if other != p && w.chance(percent) {
			w.net.sever(other.id, p.id)
			w.after(lonelyFor, func() { w.net.mend(other.id, p.id) })
		}
	}
}

// blink lets most of the others stand still for a moment, about when they learn that
// p is suspected.
func (w *world) blink(p *peer) {
	for _, other := range w.peers {
		if other == p || w.chance(30) {
			continue
		}
		w.after(w.between(0, 2*pathDelayHigh), func() {
			if other.proc != nil && other.proc.frozen.IsZero() {
				other.proc.freeze(w.between(blinkLow, blinkHigh))
			}
		})
	}
}

func (w *world) tear(p *peer) {
	if p.proc != nil {
		w.note("tear %s", p.proc.instance)
		w.ended(p.id, p.proc.conn, true, time.Millisecond)
		p.hubLost(time.Millisecond)
	}
}
