package sim

import (
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling"
	"github.com/moothall/moothall/worker/liveness"
)

const (
	// healing is the time after which a path or a process that was healed is as good
	// as any.
	healing = time.Second
	// longUnheard is a silence before a loss that makes the one after it meaningless.
	longUnheard = liveness.RecentAnswer + healing
	// slowFrame is a delay that an answer within liveness.MinWindow cannot have twice.
	slowFrame = liveness.MinWindow * 2 / 5
	// vouching is more than a voucher needs to hear a suspect and to say so.
	vouching = liveness.MinWindow / 2
)

// departed checks that whoever a hub set away by a decision of witness' really is
// gone. lost is when that hub saw the connection end.
func (c *checks) departed(n signaling.Notice, witness events.Seat, lost time.Time) {
	w := c.world
	if n.Event != events.EventPeerLeft {
		return
	}
	if n.Reason == events.ReasonCrashed {
		if by, gone := w.processOf(witness), w.processOf(n.Seat); by != nil && gone != nil && gone.awake() {
			c.accused(gone, by, lost)
		}
	}
}

// lapsed checks, when a hub decides, that whoever it sets away as silent really was. What
// a peer sends while the hub writes that down comes too late.
func (c *checks) lapsed(h *hub, notices []signaling.Notice) {
	w := c.world
	for _, n := range notices {
		silence := w.now.Sub(c.leased[n.Seat])
		if n.Event == events.EventPeerLeft && n.Reason == events.ReasonSilent && silence < events.LeaseTTL && !h.unaware() {
			w.violate("departure", "%s counts as silent %v after its lease", n.Seat, silence)
		}
	}
}

// accused checks that a process which lives could be taken for dead: the witness
// does not hear it, had heard it shortly before, and nobody who hears both vouched.
func (c *checks) accused(q, witness *process, lost time.Time) {
	w, of := c.world, q.replica.Seat()
	since, cut := w.net.cutSince(witness.peer.id, q.peer.id)
	switch {
	case !cut && w.net.healthy(witness.peer.id, q.peer.id):
		w.violate("departure", "%s counts as crashed, but it lives and %s hears it", of, witness.instance)
	case cut && lost.Sub(since) > longUnheard:
		w.violate("departure", "%s counts as crashed, but it lives and %s had not heard it for %v before", of, witness.instance, lost.Sub(since))
	}
	for _, p := range w.peers {
		v := p.proc
		if v == nil || v == q || v == witness || !v.awake() || !v.linked(q) || !v.linked(witness) {
			continue
		}
		if told := v.suspects[of]; told.After(lost) && w.now.Sub(told) > vouching {
			w.violate("departure", "%s counts as crashed, but it lives and %s told %s so", of, v.instance, witness.instance)
		}
	}
}

// awake: it runs and has run for a while.
func (q *process) awake() bool {
	return q.frozen.IsZero() && q.peer.world.now.Sub(q.thawed) > healing
}

// linked: frames between the two arrive at once.
func (q *process) linked(other *process) bool {
	n := q.peer.world.net
	l := n.links[pair(q.peer.id, other.peer.id)]
	return l != nil && !l.over && q.peer.world.now.Sub(l.opened) > healing && n.healthy(q.peer.id, other.peer.id)
}

// healthy: the path between two is not cut, and nothing was slow on it lately.
func (n *network) healthy(a, b string) bool {
	return !n.isCut(a, b) && n.world.now.Sub(n.slow[pair(a, b)]) > healing
}

// unaware: it is deaf and has no reason to doubt its ears, because it has heard nobody
// for a short while only and so misses the lease of a peer that was silent before, or
// because it knows of one peer only.
func (h *hub) unaware() bool {
	held := 0
	for _, f := range h.facts() {
		if !f.Heard.IsZero() && f.Lost.IsZero() {
			held++
		}
	}
	return h.blind && (held < 2 || h.world.now.Sub(h.deaf) <= signaling.Doubt(events.LeaseTTL)+sweepInterval)
}
