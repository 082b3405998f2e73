package signaling

import (
	"time"

	"github.com/moothall/moothall/events"
)

// Overtaken reports whether a member holds proof of a term that a record never
// reached: the store was wiped or restored from an old copy. If the proof's store
// is not older than this one's id, the id must rise above it before anything is
// decided, because a term must never be given twice.
func (g Registry) Overtaken(r Record, proof events.SeatCertificate) bool {
	if proof.IsZero() || proof.Verify(r.Room, g.HubKeys) != nil {
		return false
	}
	order := proof.Term.Compare(r.Tenure.Term)
	return order > 0 || order == 0 && proof.Seat != r.Tenure.Seat
}

// Above is a store id with a later creation time than both the clock and the
// store that was shown.
func Above(shown string, now time.Time, random uint32) string {
	return events.StoreID(max(now.UnixMilli(), events.StoreTime(shown)+1), random)
}

// supersede ends a tenure of a store that was overtaken: its term means nothing to
// members who saw higher ones.
func (d *Decision) supersede(store string, now time.Time) {
	if !d.Record.Admin().IsZero() {
		d.vacate(events.ReasonReplaced, now)
	}
	d.Record.Tenure.Store = store
}
