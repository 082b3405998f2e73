package roster

import (
	"fmt"

	"github.com/moothall/moothall/worker/roster/guard"
)

// Write puts the own row into the document, signed, and returns the change chunk
// to send. Only what differs from the document's row is written (a new static
// scalar always with a dynamic one that names it); the chunk is nil if nothing
// does. Control characters and invalid UTF-8 are replaced. Before the first
// genesis it returns ErrNoGeneration; a row that other replicas would refuse is
// refused with a *Refusal and leaves the document as it is.
func (r *Roster) Write(s Static, d Dynamic) (chunk []byte, err error) {
	if r.present == nil {
		return nil, ErrNoGeneration
	}
	s, d = s.clean(), d.clean()
	state := r.present.seats[r.config.Seat]
	newStatic := state.row.Seq == 0 || encode(s) != encode(state.row.Static)
	if !newStatic && encode(d) == encode(state.row.Dynamic) && state.row.Seq >= r.lastSeq() {
		return nil, nil
	}
	c, err := r.compose(s, d, newStatic)
	if err != nil {
		return nil, err
	}
	return r.commit(c)
}

// lastSeq is the highest seq that this seat has signed, in any generation.
func (r *Roster) lastSeq() uint64 {
	if row := r.newest[r.config.Seat.PeerID]; row.Seat == r.config.Seat {
		return row.Seq
	}
	return 0
}

// compose signs the row and makes the change that automerge will make of it.
func (r *Roster) compose(s Static, d Dynamic, newStatic bool) (guard.Change, error) {
	g, seat := r.present, r.config.Seat
	state := g.seats[seat]
	deps := g.history.nextDeps(state.last)
	h := heading{
		V: textVersion, Room: g.room, Generation: g.id(), Seat: seat,
		Kind: kindDynamic, Seq: max(state.row.Seq, r.lastSeq()) + 1, Deps: hashDeps(deps),
	}
	var ops []guard.Op
	staticSeq := state.row.StaticSeq
	if newStatic {
		staticSeq = h.Seq
		sh := h
		sh.Kind = kindStatic
		text, err := staticText{heading: sh, Key: r.config.Certificate.Key, Certificate: r.config.Certificate.Signature, Static: s}.sign(r.config.Key)
		if err != nil {
			return guard.Change{}, fmt.Errorf("roster: static row: %w", err)
		}
		ops = append(ops, guard.Op{Key: rowKey(seat, kindStatic), Value: text, Pred: state.staticOp})
	}
	text, err := dynamicText{heading: h, StaticSeq: staticSeq, Dynamic: d}.sign(r.config.Key)
	if err != nil {
		return guard.Change{}, fmt.Errorf("roster: dynamic row: %w", err)
	}
	ops = append(ops, guard.Op{Key: rowKey(seat, kindDynamic), Value: text, Pred: state.dynamicOp})
	return guard.Change{Actor: g.own, Seq: state.changes + 1, StartOp: g.history.maxOp(deps) + 1, Deps: deps, Ops: ops}, nil
}

// commit judges the own change as every peer will, but for a signature just made, and
// then has automerge make it. It panics if automerge makes another one: then every
// peer would refuse it.
func (r *Roster) commit(c guard.Change) ([]byte, error) {
	chunk, hash := c.Encode()
	c, err := guard.Parse(chunk)
	if err != nil {
		return nil, refusalOf(err)
	}
	p, refused := r.present.propose(c, chunk)
	if refused != nil {
		return nil, refused
	}
	judge := r.present.follow
	if p.static != nil {
		judge = r.check
	}
	next, refused := judge(p)
	if refused != nil {
		return nil, refused
	}
	if made, _ := r.present.document.commit(c.Ops); made != hash {
		panic(fmt.Sprintf("roster: automerge made change %s where the rules make %s", made, hash))
	}
	r.present.settle(p, next)
	r.noted(next.row)
	return chunk, nil
}
