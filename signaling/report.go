package signaling

import (
	"time"

	"github.com/moothall/moothall/events"
)

// maxJob bounds the job id in a report, in bytes.
const maxJob = 128

// Report keeps a worker's status, for those who ask over HTTP.
func (g Registry) Report(r Record, from string, q events.StatusReport, now time.Time) (Decision, error) {
	d := decide(r, now)
	m, err := d.Record.seated(from, q.Seat)
	if err != nil {
		return Decision{}, err
	}
	if !q.Status.Valid() || len(q.CurrentJob) > maxJob {
		return Decision{}, events.Errorf(events.CodeInvalid, "status %q with a job id of %d bytes", q.Status, len(q.CurrentJob))
	}
	next := *m
	next.Status, next.CurrentJob, next.Slots = q.Status, q.CurrentJob, q.Slots
	d.Record.put(next)
	d.Seat = next.Seat
	return d.on(r), nil
}

// Renew checks that a lease is of the seat's newest process.
func (g Registry) Renew(r Record, from string, q events.Lease) error {
	m, err := r.seated(from, q.Seat)
	if err != nil {
		return err
	}
	if q.Instance != m.Instance {
		return events.Errorf(events.CodeOldIncarnation, "another process of %s has its seat", q.Seat)
	}
	return nil
}

// Bind gives a peer id to the key that joins with it.
func (g Registry) Bind(r Record, peer, nkey string, now time.Time) (Decision, error) {
	d := decide(r, now)
	if err := d.Record.bind(peer, nkey, now); err != nil {
		return Decision{}, err
	}
	return d.on(r), nil
}

// MarkAnnounced notes that a tenure was told to the room.
func (g Registry) MarkAnnounced(r Record, t events.Term) Decision {
	d := Decision{Record: r}
	if r.Tenure.Term == t && r.Unannounced() {
		d.Record.Tenure.Announced = true
		d.Changed = true
	}
	return d
}
