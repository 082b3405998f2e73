package signaling

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"github.com/moothall/moothall/events"
)

// A Registry decides. It has no state, clock or I/O: the same record, request,
// facts and time give the same decision. Safe for concurrent use.
type Registry struct {
	Limits         events.Limits
	RolloutPercent int // rooms, by a hash of their id, in which the registry is in effect
	Hub            events.Signer
	HubKeys        []string // public halves that certificates may be signed with
}

// InRollout reports whether the registry is in effect in a room. It looks at the
// id only, so a room never disagrees with itself.
func (g Registry) InRollout(room string) bool {
	sum := sha256.Sum256([]byte(room))
	return int(binary.BigEndian.Uint32(sum[:])%100) < g.RolloutPercent
}

// Bounds of a registration.
const (
	maxInstance = 64
	// maxIncarnation is the largest whole number that every JSON reader keeps.
	maxIncarnation = 1<<53 - 1
	// maxFormer is how many replaced instances a seat remembers, so that they do
	// not take it back when they retry.
	maxFormer = 4
)

// Register gives a peer its seat. The same instance gets the seat it had, unless it has
// had a later one since (the store was put back to an old copy); another instance takes
// it over with a higher incarnation. The first worker of a room in
// which no other registry worker is here becomes admin in the same decision.
// store is the newest store id.
func (g Registry) Register(r Record, store, from string, q events.Register, now time.Time) (Decision, error) {
	d := decide(r, now)
	if err := g.checkRegister(&d.Record, from, q, now); err != nil {
		return Decision{}, err
	}
	if g.Overtaken(r, q.Certificate) {
		d.supersede(store, now)
	}
	if err := g.takeSeat(d, from, q, now); err != nil {
		return Decision{}, err
	}
	m := *d.Record.member(from)
	d.Seat = m.Seat
	switch isAdmin := d.Record.Admin() == m.Seat; {
	case isAdmin && !m.Registry: // the room was taken out of the rollout
		d.vacate(events.ReasonReplaced, now)
	case !isAdmin && m.Registry && !d.Record.othersHere(from):
		d.elect(m, store, events.ReasonFirst, now, now)
	}
	return d.on(r), nil
}

func (g Registry) checkRegister(r *Record, from string, q events.Register, now time.Time) error {
	switch {
	case q.Instance == "" || len(q.Instance) > maxInstance:
		return events.Errorf(events.CodeInvalid, "instance of %d characters: must have 1 to %d", len(q.Instance), maxInstance)
	case q.LastIncarnation >= maxIncarnation:
		return events.Errorf(events.CodeInvalid, "last_incarnation %d is out of bounds", q.LastIncarnation)
	case q.Status != "" && !q.Status.Valid():
		return events.Errorf(events.CodeInvalid, "status %q is not one that a worker reports", q.Status)
	}
	if err := q.Metadata.Validate(); err != nil {
		return err
	}
	return r.bind(from, q.NKey, now)
}

// takeSeat puts the peer's process on the peer's seat.
func (g Registry) takeSeat(d *Decision, from string, q events.Register, now time.Time) error {
	next := Member{
		Instance: q.Instance, Key: q.NKey, Metadata: q.Metadata,
		Status: q.Status, Slots: q.Slots,
		Registry: q.Registry && g.InRollout(d.Record.Room),
	}
	old := d.Record.member(from)
	if old != nil && slices.Contains(old.Former, q.Instance) {
		return events.Errorf(events.CodeOldIncarnation, "a newer process of %s has its seat (incarnation %d)", from, old.Incarnation)
	}
	if old == nil || !old.Here() {
		if err := g.roomFor(d.Record); err != nil {
			return err
		}
		d.Seated = true
	}
	switch {
	case old == nil:
		next.Seat = d.mint(from, q.LastIncarnation, 0)
	case old.Instance == q.Instance && q.LastIncarnation <= old.Incarnation:
		d.keepSeat(*old, next)
		return nil
	default:
		replaced := *old
		if next.Former = replaced.Former; replaced.Instance != q.Instance {
			next.Former = append(slices.Clone(replaced.Former), replaced.Instance)
			next.Former = next.Former[max(0, len(next.Former)-maxFormer):]
		}
		next.Seat = d.mint(from, q.LastIncarnation, replaced.Incarnation)
		if replaced.Here() {
			d.departed(replaced.Seat, events.ReasonReplaced, now, now)
		}
	}
	d.joined(next)
	return nil
}

// keepSeat is for the process that the seat belongs to: it asks again, or it was
// set away and comes back as itself.
func (d *Decision) keepSeat(old, next Member) {
	next.Seat, next.Former = old.Seat, old.Former
	if !old.Here() {
		d.joined(next)
		return
	}
	if next.Status == "" {
		next.Status, next.CurrentJob, next.Slots = old.Status, old.CurrentJob, old.Slots
	}
	if old.Registry != next.Registry || !sameMetadata(old.Metadata, next.Metadata) {
		d.Record.Version++
	}
	d.Record.put(next)
}

func sameMetadata(a, b events.Metadata) bool {
	return a.Name == b.Name && a.Properties == b.Properties && maps.Equal(a.Tags, b.Tags)
}

// mint makes an incarnation above the record's serial and above all that the peer
// had. The serial does not follow the peer's own claim: a liar spoils only its
// own numbers.
func (d *Decision) mint(peer string, last, had uint64) events.Seat {
	d.Record.Serial++
	return events.Seat{PeerID: peer, Incarnation: max(d.Record.Serial, last+1, had+1)}
}

func (g Registry) roomFor(r Record) error {
	if here := r.Here(); here >= g.Limits.MaxWorkers {
		return events.Errorf(events.CodeRoomFull, "room %q is full: %d of %d workers", r.Room, here, g.Limits.MaxWorkers).
			WithTry("another room (MOOT_ROOM), or start the hub with a higher MOOTHALL_MAX_WORKERS")
	}
	return nil
}

// othersHere reports whether another registry worker than peer is here.
func (r Record) othersHere(peer string) bool {
	return slices.ContainsFunc(r.Members, func(m Member) bool { return m.PeerID != peer && m.Registry && m.Here() })
}
