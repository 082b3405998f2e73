package signaling

import (
	"time"

	"github.com/moothall/moothall/events"
)

// Bounds of a testimony, in milliseconds.
const (
	// maxAnsweredMS: the link must have answered in the 5 s before the suspicion,
	// and before the hub saw the connection end, with a second for the way of the
	// news. The suspicion may be an older one, of which only the claimer knows.
	maxAnsweredMS = 6000
	// minSilentMS and silentTrips: it must have been silent for the longer of both
	// since, the second in round trips.
	minSilentMS = 100
	silentTrips = 4
)

// convincing reports whether a testimony, beside what the hub saw, establishes a
// crash.
func convincing(t events.Testimony, f Fact, now time.Time) bool {
	return !f.Lost.IsZero() && t.RTTMS >= 0 && t.SilentMS >= max(minSilentMS, silentTrips*t.RTTMS) &&
		t.AnsweredMS >= 0 && t.AnsweredMS <= maxAnsweredMS &&
		t.SilentMS <= maxAnsweredMS-t.AnsweredMS+now.Sub(f.Lost).Milliseconds()
}

// Claim gives the admin's seat to a member in the term after the record's: when it
// is vacant, or when its holder left, crashed or fell silent. It is idempotent for
// the present holder. CodeHolderAlive asks to try again; CodeStaleTerm says that
// the claimer knows less than the record.
func (g Registry) Claim(r Record, store, from string, c events.Claim, f Facts, now time.Time) (Decision, error) {
	d := decide(r, now)
	m, err := d.Record.seated(from, c.Seat)
	if err != nil {
		return Decision{}, err
	}
	claimer := *m
	d.Seat = claimer.Seat
	holder := r.Admin()
	switch {
	case holder == claimer.Seat:
		return d.on(r), nil
	case !claimer.Registry:
		return Decision{}, events.Errorf(events.CodeForbidden, "%s works without the registry and cannot be admin", from)
	case c.After != r.Tenure.Term:
		return Decision{}, events.Errorf(events.CodeStaleTerm, "the claim follows term %s and the room is at %s", c.After, r.Tenure.Term)
	}
	if !holder.IsZero() {
		if err := d.depose(holder, c, f, now); err != nil {
			return Decision{}, err
		}
	}
	reason, since := events.ReasonFirst, now
	if v := d.Record.Vacancy; v != nil {
		reason, since = v.Reason, v.Since
	}
	d.elect(claimer, store, reason, since, now)
	return d.on(r), nil
}

// depose vacates the admin's seat if a claim's evidence, or what the hub knows
// anyway, suffices.
func (d *Decision) depose(holder events.Seat, c events.Claim, f Facts, now time.Time) error {
	if c.Holder != holder {
		return events.Errorf(events.CodeStaleTerm, "the claim names %s as holder and the record %s", c.Holder, holder)
	}
	fact := f.of(holder)
	switch {
	case !d.Record.holds(holder):
		d.vacate(events.ReasonReplaced, now)
	case !fact.Lapsed.IsZero():
		d.departed(holder, events.ReasonSilent, fact.first(now), now)
	case c.Evidence == events.EvidenceLeave:
		if err := d.Record.saidGoodbye(holder, c.Goodbye); err != nil {
			return err
		}
		d.departed(holder, events.ReasonLeft, fact.first(now), now)
	case c.Evidence == events.EvidenceCrash && convincing(c.Testimony, fact, now):
		d.departed(holder, events.ReasonCrashed, fact.first(now), now)
	default:
		return stillHere(holder, c.Evidence, fact)
	}
	return nil
}

func stillHere(s events.Seat, evidence string, fact Fact) error {
	err := events.Errorf(events.CodeHolderAlive, "%s is not known to be gone (evidence: %s)", s, evidence)
	if fact.Lost.IsZero() {
		return err.WithFact("the hub did not see its connection end")
	}
	return err.WithFact("the hub saw its connection end; a testimony needs an answer at most %d ms before and silence of max(%d ms, %d round trips) since",
		maxAnsweredMS, minSilentMS, silentTrips)
}

// Gone is the admin's testimony that a member crashed. It is idempotent.
func (g Registry) Gone(r Record, from string, q events.Gone, f Facts, now time.Time) (Decision, error) {
	d := decide(r, now)
	m, err := d.Record.seated(from, q.Seat)
	if err != nil {
		return Decision{}, err
	}
	d.Seat = m.Seat
	switch {
	case r.Admin() != m.Seat:
		return Decision{}, events.Errorf(events.CodeNotAdmin, "%s is not the admin of room %q", m.Seat, r.Room)
	case q.Term != r.Tenure.Term:
		return Decision{}, events.Errorf(events.CodeStaleTerm, "the testimony is of term %s and the room is at %s", q.Term, r.Tenure.Term)
	case q.Member == m.Seat:
		return Decision{}, events.Errorf(events.CodeInvalid, "%s says that it crashed itself", m.Seat)
	case !d.Record.holds(q.Member):
		return d.on(r), nil
	}
	fact := f.of(q.Member)
	switch {
	case !fact.Lapsed.IsZero():
		d.departed(q.Member, events.ReasonSilent, fact.first(now), now)
	case convincing(q.Testimony, fact, now):
		d.departed(q.Member, events.ReasonCrashed, fact.first(now), now)
	default:
		return Decision{}, stillHere(q.Member, events.EvidenceCrash, fact)
	}
	return d.on(r), nil
}
