package roster

import (
	"slices"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster/guard"
)

// A seatState is a seat's row and what its next change must build on. Changes of
// one seat form a chain, so the newest state is the one in the causal past of the
// next change, whatever else has arrived.
type seatState struct {
	row                 Row
	staticOp, dynamicOp guard.OpID
	changes             uint64     // of the seat's actor in this generation
	last                guard.Hash // of them, zero if none
}

// A proposal is a change whose own words are in order: keys, actor, headings,
// values. Static is nil if the change leaves it as it is.
type proposal struct {
	change  guard.Change
	chunk   []byte
	seat    events.Seat
	static  *staticText
	dynamic dynamicText
}

// propose checks what can be checked without the causal past.
func (g *generation) propose(c guard.Change, chunk []byte) (proposal, *Refusal) {
	p := proposal{change: c, chunk: chunk}
	var refused *Refusal
	if p.seat, refused = seatOf(c.Ops); refused != nil {
		return p, refused
	}
	if g.banned(p.seat) {
		return p, refuse(Banned, "%s contradicted itself in an earlier generation", p.seat)
	}
	if want := g.actor(p.seat); c.Actor != want {
		return p, refuse(WrongActor, "%s, that of %s in generation %s is %s", c.Actor, p.seat, g.id(), want)
	}
	if p.dynamic, refused = parseDynamic(c.Ops[len(c.Ops)-1].Value); refused != nil {
		return p, refused
	}
	if refused = g.checkHeading(p, p.dynamic.heading, kindDynamic); refused != nil {
		return p, refused
	}
	if len(c.Ops) == 1 {
		return p, nil
	}
	s, refused := parseStatic(c.Ops[0].Value)
	if refused != nil {
		return p, refused
	}
	if s.Seq != p.dynamic.Seq || s.Seq != p.dynamic.StaticSeq {
		return p, refuse(WrongStatic, "/s %d beside /d %d naming %d", s.Seq, p.dynamic.Seq, p.dynamic.StaticSeq)
	}
	p.static = &s
	return p, g.checkHeading(p, s.heading, kindStatic)
}

// seatOf is the one seat whose /d, or /s and /d, the operations set.
func seatOf(ops []guard.Op) (events.Seat, *Refusal) {
	want := []string{kindStatic, kindDynamic}[2-len(ops):]
	var seat events.Seat
	for i, op := range ops {
		s, kind, ok := parseRowKey(op.Key)
		if !ok || kind != want[i] || (i > 0 && s != seat) {
			return seat, refuse(WrongKeys, "%q is key %d of %d", op.Key, i+1, len(ops))
		}
		seat = s
	}
	return seat, nil
}

// checkHeading also wants the scalar to be signed for this very change.
func (g *generation) checkHeading(p proposal, h heading, kind string) *Refusal {
	if refused := h.check(g.room, p.seat, kind); refused != nil {
		return refused
	}
	if h.Generation != g.id() {
		return refuse(WrongGeneration, "%s, not %s", h.Generation, g.id())
	}
	if deps := hashDeps(p.change.Deps); h.Deps != deps {
		return refuse(WrongDeps, "%s, the change has %s", h.Deps, deps)
	}
	return nil
}

// verify checks certificate and signatures. key is the seat's key in the causal
// past, "" if it has no row there.
func (p proposal) verify(key string, hubKeys []string) *Refusal {
	if p.static == nil {
		if key == "" {
			return refuse(WrongStatic, "/d of %s without any /s", p.seat)
		}
		return p.dynamic.verify(key)
	}
	if key != "" && key != p.static.Key {
		return refuse(WrongKey, "%s has %s, not %s", p.seat, key, p.static.Key)
	}
	if refused := p.static.verify(hubKeys); refused != nil {
		return refused
	}
	return p.dynamic.verify(p.static.Key)
}

// follow checks a verified proposal against its causal past, which the
// generation must have, and returns the seat's next state.
func (g *generation) follow(p proposal) (seatState, *Refusal) {
	state, c := g.seats[p.seat], p.change
	switch first := g.history.maxOp(c.Deps) + 1; {
	case c.Seq <= state.changes && g.forked(p):
		refused := refuse(Equivocation, "%s has another change %d than %s", p.seat, c.Seq, c.Hash)
		refused.Seat = p.seat
		return state, refused
	case c.Seq != state.changes+1 || (c.Seq > 1 && !slices.Contains(c.Deps, state.last)):
		return state, refuse(WrongSeq, "%d after %d of %s, or not based on it", c.Seq, state.changes, p.seat)
	case c.StartOp != first:
		return state, refuse(WrongStartOp, "%d, the next one is %d", c.StartOp, first)
	case p.dynamic.Seq <= state.row.Seq:
		return state, refuse(OldRow, "%d after %d of %s", p.dynamic.Seq, state.row.Seq, p.seat)
	case p.static == nil && p.dynamic.StaticSeq != state.row.StaticSeq:
		return state, refuse(WrongStatic, "/d names %d, /s of %s is %d", p.dynamic.StaticSeq, p.seat, state.row.StaticSeq)
	}
	return state.next(p)
}

// forked reports whether the seat signed two rows for one place in the chain of its
// changes. Place and row prove it, for the signature covers the row and what its change
// depends on; the rest of a change is anybody's, who may have overheard the row.
func (g *generation) forked(p proposal) bool {
	var rows []string
	place := 0
	for _, e := range g.history.entries[1:] {
		c, err := guard.Parse(e.chunk)
		if err != nil || c.Actor != p.change.Actor {
			continue
		}
		rows = append(rows, c.Ops[len(c.Ops)-1].Value)
		if slices.Contains(p.change.Deps, c.Hash) {
			place = len(rows)
		}
	}
	return place < len(rows) && rows[place] != p.change.Ops[len(p.change.Ops)-1].Value
}

// next checks the predecessors and puts the change on top of the state.
func (s seatState) next(p proposal) (seatState, *Refusal) {
	visible := []guard.OpID{s.staticOp, s.dynamicOp}[2-len(p.change.Ops):]
	for i, op := range p.change.Ops {
		if op.Pred != visible[i] {
			return s, refuse(WrongPred, "%s replaces %v, its value is of %v", op.Key, op.Pred, visible[i])
		}
	}
	row := Row{
		Seat: p.seat, Key: s.row.Key, Static: s.row.Static, Dynamic: p.dynamic.Dynamic,
		StaticSeq: s.row.StaticSeq, Seq: p.dynamic.Seq,
		Signed: events.SignedRow{Seat: p.seat, Static: s.row.Signed.Static, Dynamic: p.change.Ops[len(p.change.Ops)-1].Value},
	}
	if p.static != nil {
		row.Key, row.Static, row.StaticSeq = p.static.Key, p.static.Static, p.static.Seq
		row.Signed.Static = p.change.Ops[0].Value
		s.staticOp = guard.OpID{Counter: p.change.StartOp, Actor: p.change.Actor}
	}
	s.row = row
	s.dynamicOp = guard.OpID{Counter: p.change.MaxOp(), Actor: p.change.Actor}
	s.changes, s.last = p.change.Seq, p.change.Hash
	return s, nil
}
