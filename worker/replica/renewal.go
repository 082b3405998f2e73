package replica

import (
	"slices"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster"
)

// RenewInterval bounds how often an admin begins a generation for the sake of members:
// for rows that were lost, damage, or a seat that equivocates.
const RenewInterval = time.Minute

// FoundAfter is how long a new admin leaves the room in the generation of the term before:
// until all have heard of the term, so that the work of changing over delays nobody's news.
const FoundAfter = 30 * time.Millisecond

// heir reports whether the worker is admin and the room still in a generation of a term
// before, or in none.
func (r *Replica) heir() bool {
	return r.isAdmin() && r.roster.Position().Generation.Term.Compare(r.fence.Term()) < 0
}

// renew begins the next generation of the own term, if it is the present one.
func (r *Replica) renew(why string, ban ...events.Seat) {
	g := r.roster.Position().Generation
	if !r.isAdmin() || g.Term != r.fence.Term() {
		return
	}
	g.Count++
	r.begin(g, why, ban...)
}

func (r *Replica) begin(g events.Generation, why string, ban ...events.Seat) {
	genesis, err := r.roster.Found(g, r.fence.Certificate(), r.keepRow, ban...)
	if err != nil {
		r.note(Warn, "no new generation", "generation", g.String(), "error", err.Error())
		r.nextAttempt = r.now.Add(RenewInterval)
		return
	}
	r.note(Info, "generation begun", "generation", g.String(), "why", why, "rows", len(genesis.Rows), "banned", len(genesis.Banned))
	r.dirty, r.pending = true, nil // what was pending is in the rows
	r.sendAll(events.Pack(events.FrameGenesis, genesis))
	r.assertOwn()
}

// keepRow leaves rows out of a new generation whose owner has been away for long.
func (r *Replica) keepRow(s events.Seat) bool {
	p, ok := r.members[s.PeerID]
	return ok && (!p.Away || r.now.Sub(p.AwaySince.Time) < AwayRowsKept)
}

// want asks for a new generation when the next may begin.
func (r *Replica) want(why string, ban ...events.Seat) {
	r.wanted = why
	for _, s := range ban {
		if !slices.Contains(r.offenders, s) {
			r.offenders = append(r.offenders, s)
		}
	}
}

// attend begins the generation that is due or wanted.
func (r *Replica) attend() {
	switch {
	case !r.isAdmin():
		r.wanted, r.offenders = "", nil
	case r.heir():
		if !r.now.Before(r.nextAttempt) {
			r.begin(events.Generation{Term: r.fence.Term()}, "a new term")
		}
	case r.wanted != "" && !r.now.Before(r.nextRenewal):
		r.nextRenewal = r.now.Add(RenewInterval)
		r.renew(r.wanted, r.offenders...)
		r.wanted, r.offenders = "", nil
	case r.roster.Full() && !r.now.Before(r.nextAttempt):
		r.renew("the history is full")
	}
}

// restore sends the admin rows that its genesis lacks. Living owners write theirs anew
// themselves; those of peers that are long gone are lacking for good.
func (r *Replica) restore(newer []events.SignedRow) {
	newer = slices.DeleteFunc(newer, func(row events.SignedRow) bool { return row.Seat == r.seat || !r.keepRow(row.Seat) })
	admin := r.admin()
	if len(newer) == 0 || !r.linked(admin) {
		return
	}
	for len(newer) > 0 {
		n := 1
		for size := rowSize(newer[0]); n < len(newer) && size+rowSize(newer[n]) <= chunksPerFrame; n++ {
			size += rowSize(newer[n])
		}
		r.emit(Send{admin.PeerID, events.Pack(events.FrameWant, events.Want{
			V: events.ProtocolVersion, Generation: r.roster.Position().Generation, Rows: newer[:n],
		})})
		newer = newer[n:]
	}
}

func rowSize(row events.SignedRow) int { return len(row.Static) + len(row.Dynamic) }

// onWant takes rows that a member holds. A generation is begun for those whose owners
// cannot write them.
func (r *Replica) onWant(from events.Seat, w events.Want) error {
	newer, refused := r.roster.Learn(w.Rows)
	r.refused(from, refused)
	if len(newer) > 0 {
		r.dirty = true
	}
	for _, s := range newer {
		if r.keepRow(s) && !r.linked(s) {
			r.want("rows of members that are away")
		}
	}
	if w.Damaged && w.Generation == r.roster.Position().Generation {
		r.want("the document of " + from.PeerID + " is damaged")
	}
	return nil
}

// examine checks that the own document can be saved and loaded, and asks for the next
// generation if not.
func (r *Replica) examine() {
	err := r.roster.Check()
	if err == nil {
		return
	}
	r.note(Warn, "damaged document", "error", err.Error())
	r.want("the own document is damaged")
	if admin := r.admin(); r.links[admin.PeerID] != nil {
		r.emit(Send{admin.PeerID, events.Pack(events.FrameWant, events.Want{
			V: events.ProtocolVersion, Generation: r.roster.Position().Generation, Damaged: true,
		})})
	}
}

// refused notes refused changes, and whose they are if that is proven.
func (r *Replica) refused(from events.Seat, refusals []error) {
	for _, err := range refusals {
		reason := roster.ReasonOf(err)
		r.note(Warn, "refused a change", "peer_id", from.PeerID, "reason", string(reason), "error", err.Error())
		if s := roster.Offender(err); reason == roster.Equivocation && s != r.seat {
			r.want(s.String()+" contradicts itself", s)
		} else if !blameless[reason] {
			r.blame(from)
		}
	}
}

// blameless reasons happen between honest replicas.
var blameless = map[roster.Reason]bool{
	roster.NoGeneration: true, roster.WrongGeneration: true, roster.WaitingFull: true, roster.Damage: true,
	roster.Banned: true, roster.OldRow: true, roster.Equivocation: true,
}
