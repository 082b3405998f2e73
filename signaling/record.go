package signaling

import (
	"cmp"
	"slices"
	"time"

	"github.com/moothall/moothall/events"
)

// recordVersion is the version of a Record's stored form.
const recordVersion = 1

// A Record is all that is decided about a room. It is stored whole and changed by
// compare-and-set only. Its zero parts mean: no tenure yet, nobody here.
type Record struct {
	V       int      `json:"v"`
	Room    string   `json:"room_id"`
	Tenure  Tenure   `json:"tenure"`            // the present one, or the last while vacant
	Vacancy *Vacancy `json:"vacancy,omitempty"` // set when the last tenure has ended
	Members []Member `json:"members"`           // one per peer, by peer id; away ones included
	Names   []Name   `json:"names"`             // chosen peer ids, by peer id
	Version uint64   `json:"members_version"`   // rises with every change of who is here
	Serial  uint64   `json:"serial"`            // no incarnation was minted above it, peers' own claims aside
}

// NewRecord is the record of a room that a store has none of.
func NewRecord(room, store string) Record {
	return Record{V: recordVersion, Room: room, Tenure: Tenure{Term: events.Term{Store: store}}}
}

// A Tenure is one admin's time in office.
type Tenure struct {
	events.Term
	events.Seat
	Key        string    `json:"key"`
	Since      time.Time `json:"since"`
	Reason     string    `json:"reason"`
	Previous   string    `json:"previous_admin_peer_id"`
	ElectionMS float64   `json:"election_time_ms"`
	Announced  bool      `json:"announced"`
}

// A Vacancy says why the admin's seat is free, and since when a hub had the first
// evidence of it.
type Vacancy struct {
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
}

// A Member is a peer's seat, held by one process of it (Instance).
type Member struct {
	events.Seat
	Instance   string          `json:"instance"`
	Former     []string        `json:"former,omitempty"` // instances that lost the seat to a later one
	Key        string          `json:"key"`
	Registry   bool            `json:"registry"`
	Metadata   events.Metadata `json:"metadata"`
	Status     events.Status   `json:"status,omitempty"`
	CurrentJob string          `json:"current_job,omitempty"`
	Slots      events.Slots    `json:"slots,omitzero"`
	Away       *Absence        `json:"away,omitempty"`
}

// An Absence says why a seat is away and since when.
type Absence struct {
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
}

// Here reports whether the seat is occupied.
func (m Member) Here() bool { return m.Away == nil }

// Admin is the seat that holds the admin's office, zero while it is vacant.
func (r Record) Admin() events.Seat {
	if r.Vacancy != nil {
		return events.Seat{}
	}
	return r.Tenure.Seat
}

// Standing is who is admin, in which term, of which version of the members.
func (r Record) Standing() events.Standing {
	a := r.Admin()
	return events.Standing{Term: r.Tenure.Term, AdminPeerID: a.PeerID, AdminIncarnation: a.Incarnation, MembersVersion: r.Version}
}

// Here counts the occupied seats.
func (r Record) Here() int {
	n := 0
	for _, m := range r.Members {
		if m.Here() {
			n++
		}
	}
	return n
}

// Unannounced reports whether the present tenure was not told to the room, as far
// as the record knows.
func (r Record) Unannounced() bool { return !r.Admin().IsZero() && !r.Tenure.Announced }

// member is the seat of a peer, away or not, nil if there is none.
func (r *Record) member(peer string) *Member {
	i, ok := slices.BinarySearchFunc(r.Members, peer, func(m Member, p string) int { return cmp.Compare(m.PeerID, p) })
	if !ok {
		return nil
	}
	return &r.Members[i]
}

// holds reports whether s is occupied.
func (r *Record) holds(s events.Seat) bool {
	m := r.member(s.PeerID)
	return m != nil && m.Seat == s && m.Here()
}

// seated is the occupied seat of a peer that asks as s, its newest process.
func (r *Record) seated(from string, s events.Seat) (*Member, error) {
	if s.PeerID != from {
		return nil, events.Errorf(events.CodeForbidden, "%s asks in the name of %s", from, s.PeerID)
	}
	m := r.member(from)
	switch {
	case m == nil, s.Incarnation > m.Incarnation, s.Incarnation == m.Incarnation && !m.Here():
		return nil, events.Errorf(events.CodeNotMember, "%s has no seat in room %q", s, r.Room).WithTry("register again")
	case s.Incarnation < m.Incarnation:
		return nil, events.Errorf(events.CodeOldIncarnation, "a newer process of %s has its seat (incarnation %d, not %d)", from, m.Incarnation, s.Incarnation)
	}
	return m, nil
}

// put adds a seat or replaces the peer's old one.
func (r *Record) put(m Member) {
	i, ok := slices.BinarySearchFunc(r.Members, m.PeerID, func(m Member, p string) int { return cmp.Compare(m.PeerID, p) })
	if ok {
		r.Members[i] = m
	} else {
		r.Members = slices.Insert(r.Members, i, m)
	}
}

// clone lets a decision change the record without its origin noticing.
func (r Record) clone() Record {
	r.Members = slices.Clone(r.Members)
	r.Names = slices.Clone(r.Names)
	return r
}

// maxAway bounds the away seats of a record; the longest gone is forgotten first
// and comes back as a newcomer.
const maxAway = 32

// forget drops what nobody needs to remember: seats and names unseen for
// AwayKept, and away seats beyond maxAway.
func (r *Record) forget(now time.Time) {
	old := func(t time.Time) bool { return now.Sub(t) >= events.AwayKept }
	r.Members = slices.DeleteFunc(r.Members, func(m Member) bool { return !m.Here() && old(m.Away.Since) })
	r.Names = slices.DeleteFunc(r.Names, func(n Name) bool { return old(n.Seen) && r.member(n.PeerID) == nil })
	for len(r.Members)-r.Here() > maxAway {
		longest := -1
		for i, m := range r.Members {
			if !m.Here() && (longest < 0 || m.Away.Since.Before(r.Members[longest].Away.Since)) {
				longest = i
			}
		}
		r.Members = slices.Delete(r.Members, longest, longest+1)
	}
}
