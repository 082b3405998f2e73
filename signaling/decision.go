package signaling

import (
	"reflect"
	"time"

	"github.com/moothall/moothall/events"
)

// A Decision is what a request makes of a record: the record to store, and what
// to tell the room once it is stored.
type Decision struct {
	Record  Record
	Changed bool        // Record differs from the one decided on
	Seat    events.Seat // of the peer that asked
	Seated  bool        // a seat was filled that was free
	Elected bool        // a tenure began
	Notices []Notice

	began Record // what was decided on, less what nobody needs to remember
}

// A Notice becomes one presence event.
type Notice struct {
	Event  string // EventPeerJoined, EventPeerSuspect or EventPeerLeft
	Seat   events.Seat
	Reason string
}

// decide starts a decision on a copy of r.
func decide(r Record, now time.Time) *Decision {
	d := &Decision{Record: r.clone()}
	d.Record.forget(now)
	d.began = d.Record.clone()
	return d
}

// on ends a decision that began with r. To have forgotten something is no reason to store
// the record: the next decision forgets it as well.
func (d *Decision) on(r Record) Decision {
	d.Changed = !reflect.DeepEqual(d.began, d.Record)
	if !d.Changed {
		d.Record = r
	}
	return *d
}

func (d *Decision) notice(event string, s events.Seat, reason string) {
	d.Notices = append(d.Notices, Notice{Event: event, Seat: s, Reason: reason})
}

// joined fills a seat.
func (d *Decision) joined(m Member) {
	d.Record.put(m)
	d.Record.Version++
	d.notice(events.EventPeerJoined, m.Seat, "")
}

// departed sets a seat away and, if it was the admin's, vacates that. since is the
// first evidence of it.
func (d *Decision) departed(s events.Seat, reason string, since, now time.Time) {
	r := &d.Record
	m := *r.member(s.PeerID)
	m.Away = &Absence{Reason: reason, Since: now}
	// The rest is told anew by whoever comes back; a record must fit one message.
	m.Metadata = events.Metadata{Name: m.Metadata.Name}
	m.Status, m.CurrentJob, m.Slots = "", "", events.Slots{}
	r.put(m)
	r.Version++
	d.notice(events.EventPeerLeft, s, reason)
	if r.Admin() == s {
		d.vacate(reason, since)
	}
}

func (d *Decision) vacate(reason string, since time.Time) {
	d.Record.Vacancy = &Vacancy{Reason: reason, Since: since}
}

// elect begins a tenure in the next term.
func (d *Decision) elect(m Member, store, reason string, since, now time.Time) {
	last := d.Record.Tenure
	d.Record.Tenure = Tenure{
		Term: events.Term{Store: max(store, last.Store), N: last.N + 1},
		Seat: m.Seat, Key: m.Key, Since: now, Reason: reason, Previous: last.PeerID,
		ElectionMS: max(0, float64(now.Sub(since).Microseconds())/1000),
	}
	d.Record.Vacancy = nil
	d.Elected = true
}
