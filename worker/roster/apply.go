package roster

import (
	"bytes"
	"slices"

	"github.com/moothall/moothall/worker/roster/guard"
)

// Applied is what became of the chunks given to Apply.
type Applied struct {
	Accepted int      // changes that are new in the document, chunks that had waited included
	Chunks   [][]byte // of them, in causal order, to pass on; do not change them
	Peers    []string // whose rows changed, sorted
	Refused  []error  // each a *Refusal
	Waiting  int      // chunks that wait for a change they depend on, in all
}

// Apply takes change chunks of peers, which it does not keep. Chunks of changes
// already held are skipped; chunks whose dependencies are unknown wait, at most
// MaxWaiting of them. Whether a change is accepted follows from the change and
// its causal past alone, so that the order of arrival does not matter.
func (r *Roster) Apply(chunks [][]byte) Applied {
	var a Applied
	for _, chunk := range chunks {
		r.take(chunk, &a)
	}
	slices.Sort(a.Peers)
	a.Peers = slices.Compact(a.Peers)
	a.Waiting = len(r.waiting.queue)
	return a
}

// take reads one chunk as far as it goes without its causal past.
func (r *Roster) take(chunk []byte, a *Applied) {
	if r.present == nil {
		a.refuse(refuse(NoGeneration, "chunk of %d bytes before the first genesis", len(chunk)))
		return
	}
	c, err := guard.Parse(chunk)
	if err != nil {
		a.refuse(refusalOf(err))
		return
	}
	if r.present.history.has(c.Hash) {
		return
	}
	p, refused := r.present.propose(c, bytes.Clone(chunk))
	if refused != nil {
		a.refuse(refused)
		return
	}
	if !r.present.history.hasAll(c.Deps) {
		a.refuse(r.waiting.add(p))
		return
	}
	for ok := true; ok; p, ok = r.waiting.ready(r.present.history.hasAll) {
		r.enter(p, a)
	}
}

// enter puts a proposal whose causal past is complete into the document.
func (r *Roster) enter(p proposal, a *Applied) {
	next, refused := r.check(p)
	if refused == nil {
		refused = r.present.accept(p, next)
	}
	if refused != nil {
		a.refuse(refused)
		return
	}
	r.noted(next.row)
	a.Accepted++
	a.Chunks = append(a.Chunks, p.chunk)
	a.Peers = append(a.Peers, p.seat.PeerID)
}

// check verifies a proposal whose causal past is complete.
func (r *Roster) check(p proposal) (seatState, *Refusal) {
	if refused := p.verify(r.present.seats[p.seat].row.Key, r.config.HubKeys); refused != nil {
		return seatState{}, refused
	}
	return r.present.follow(p)
}

func (a *Applied) refuse(refused *Refusal) {
	if refused != nil {
		a.Refused = append(a.Refused, refused)
	}
}
