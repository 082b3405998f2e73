package replica

import (
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/election"
	"github.com/moothall/moothall/worker/liveness"
)

// contest is the pursuit of the admin's seat: for which reason, since when, and
// when the next claim is due.
type contest struct {
	evidence string
	holder   events.Seat
	after    events.Term
	since    time.Time
	due      time.Time // zero: no claim is planned
	retry    time.Time // no claim before
	claiming bool
}

// pursue claims the admin's seat when there is evidence that it is free and the
// members before us in rank had their time.
func (r *Replica) pursue() {
	c, ok := r.evidence()
	if !ok {
		r.contest = contest{claiming: r.contest.claiming}
		return
	}
	if c.Evidence != r.contest.evidence || c.Holder != r.contest.holder || c.After != r.contest.after {
		r.contest = contest{evidence: c.Evidence, holder: c.Holder, after: c.After, since: r.now, claiming: r.contest.claiming}
	}
	candidates, reached := r.electorate(c.Holder)
	place := election.Place(candidates, r.seat)
	if place < 0 {
		return
	}
	r.contest.due = r.contest.since.Add(election.Delay(place, reached, len(candidates)))
	if r.contest.retry.After(r.contest.due) {
		r.contest.due = r.contest.retry
	}
	if r.contest.claiming || r.now.Before(r.contest.due) {
		return
	}
	c.Testimony.Reached = reached
	r.contest.claiming, r.contest.retry = true, r.now.Add(RetryClaim)
	r.emit(Claim{c})
}

// evidence is what the worker has in hand against the present holder.
func (r *Replica) evidence() (events.Claim, bool) {
	holder := r.hub.record.Admin()
	c := events.Claim{V: events.ProtocolVersion, Seat: r.seat, After: r.hub.record.Term, Holder: holder}
	if !r.hub.up || !r.hub.confirmed || holder == r.seat {
		return c, false
	}
	if holder.IsZero() {
		c.Evidence = events.EvidenceVacant
		return c, true
	}
	if g, ok := r.farewells[holder]; ok {
		c.Evidence, c.Goodbye = events.EvidenceLeave, g
		return c, true
	}
	if p := r.members[holder.PeerID]; p.Seat != holder || !p.Suspect {
		return c, false
	}
	t, ok := r.detector.Testimony(holder.PeerID, r.now)
	c.Evidence, c.Testimony = events.EvidenceCrash, t
	return c, ok
}

// electorate are the living members but the holder, and how many of them we
// reach, ourselves included.
func (r *Replica) electorate(holder events.Seat) (candidates []election.Candidate, reached int) {
	for _, c := range r.living() {
		if c.Seat == holder {
			continue
		}
		candidates = append(candidates, c)
		if c.Seat == r.seat || r.detector.State(c.PeerID, r.now) == liveness.Alive {
			reached++
		}
	}
	return candidates, reached
}

func (in Claimed) step(r *Replica) {
	r.contest.claiming = false
	if in.Err != nil {
		r.note(Debug, "claim refused", "code", string(in.Err.Code), "error", in.Err.Message)
		r.refusedSeat(in.Err)
		if in.Err.Code == events.CodeStaleTerm {
			r.refresh()
		}
		return
	}
	r.answered(in.Standing, in.Certificate)
}

// testify tells the hub, as admin, which suspected members have crashed.
func (r *Replica) testify() {
	if !r.isAdmin() || !r.hub.up || r.now.Before(r.nextTestimony) {
		return
	}
	for _, id := range sorted(r.members) {
		p := r.members[id]
		if !p.Suspect || p.Away || p.Seat == r.seat {
			continue
		}
		if t, ok := r.detector.Testimony(id, r.now); ok {
			_, t.Reached = r.electorate(p.Seat)
			r.emit(Testify{events.Gone{V: events.ProtocolVersion, Seat: r.seat, Term: r.fence.Term(), Member: p.Seat, Testimony: t}})
			r.nextTestimony = r.now.Add(RetryClaim)
		}
	}
}
