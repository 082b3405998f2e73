package client

import (
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/moothall/moothall/events"
)

// maxLag is how many changes of admin wait for a reader of WatchAdmin.
const maxLag = 64

// A record is what the client has accepted of its room on the hub's word: the term,
// its admin, the keys of peers. The accepted term never falls.
type record struct {
	room string
	log  *slog.Logger

	mu        sync.Mutex // guards all below; held for no I/O
	seatKeys  []string
	standing  events.Standing
	announced events.Term         // up to here readers were told
	last      events.Announcement // the newest known, zero if none
	nkeys     map[string]string
	readers   map[*reader]struct{}
	closed    bool
}

// A reader is one call of WatchAdmin or Watch.
type reader struct{ changes chan events.Announcement }

func newRecord(room string, reply events.JoinReply, log *slog.Logger) *record {
	return &record{
		room: room, log: log,
		seatKeys: reply.SeatKeys, standing: reply.Standing, announced: reply.Term,
		nkeys: map[string]string{}, readers: map[*reader]struct{}{},
	}
}

// now is the accepted standing.
func (r *record) now() events.Standing {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.standing
}

// learn takes the hub's own word: a join reply's or a room info's. An older one, of
// a hub that lags behind, changes nothing.
func (r *record) learn(s events.Standing, seatKeys []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(seatKeys) > 0 {
		r.seatKeys = slices.Clone(seatKeys)
	}
	if s.Term.Compare(r.standing.Term) >= 0 {
		r.standing = s
	}
}

// answer checks the standing that an admin's answer claims. A higher term than the
// accepted one needs the hub's certificate; a lower one, or another admin in the
// same term, is refused.
func (r *record) answer(s events.Standing, c events.SeatCertificate) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch d := s.Term.Compare(r.standing.Term); {
	case d < 0:
		return events.Errorf(events.CodeStaleTerm, "%s answered in term %s; %s is accepted", s.AdminPeerID, s.Term, r.standing.Term)
	case d == 0 && r.standing.AdminPeerID != "" && s.Admin() != r.standing.Admin():
		return events.Errorf(events.CodeForbidden, "%s answered as admin of term %s, which is %s", s.Admin(), s.Term, r.standing.Admin())
	case d == 0:
		return nil
	}
	if err := r.certified(s.Term, s.Admin(), c); err != nil {
		return err
	}
	r.standing = s
	return nil
}

// certified checks that the hub says so. The caller holds mu.
func (r *record) certified(t events.Term, seat events.Seat, c events.SeatCertificate) error {
	if c.Term != t || c.Seat != seat {
		return events.Errorf(events.CodeForbidden, "the certificate of term %s is %s's, not that of %s in %s", c.Term, c.Seat, seat, t)
	}
	return c.Verify(r.room, r.seatKeys)
}

// announce takes an announcement: the first of its term is passed to the readers,
// in the order of terms.
func (r *record) announce(a events.Announcement) error {
	seat := events.Seat{PeerID: a.AdminPeerID, Incarnation: a.Incarnation}
	r.mu.Lock()
	defer r.mu.Unlock()
	if a.Term.Compare(r.announced) < 0 {
		return nil
	}
	if err := r.certified(a.Term, seat, a.Certificate); err != nil {
		return err
	}
	if a.Term.Compare(r.standing.Term) > 0 {
		r.standing = events.Standing{Term: a.Term, AdminPeerID: seat.PeerID, AdminIncarnation: seat.Incarnation, MembersVersion: a.MembersVersion}
	}
	if a.Term.Compare(r.last.Term) > 0 {
		r.last = a
	}
	if a.Term == r.announced {
		return nil
	}
	r.announced = a.Term
	for w := range r.readers {
		r.pass(w, a)
	}
	return nil
}

// pass never blocks: a reader that lags loses its oldest change.
func (r *record) pass(w *reader, a events.Announcement) {
	for {
		select {
		case w.changes <- a:
			return
		default:
		}
		select {
		case lost := <-w.changes:
			r.log.Warn("a reader of admin changes lags, dropped the oldest", "room_id", r.room, "term", lost.N)
		default:
		}
	}
}

// read adds a reader; one that wants the present begins with the current admin, if
// the seat is held. A closed record gives a closed reader.
func (r *record) read(present bool) *reader {
	w := &reader{changes: make(chan events.Announcement, maxLag)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		close(w.changes)
		return w
	}
	r.readers[w] = struct{}{}
	if present && r.standing.AdminPeerID != "" && r.last.Term == r.standing.Term {
		r.pass(w, r.last)
	}
	return w
}

// drop ends a reader; again is harmless.
func (r *record) drop(w *reader) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.readers[w]; ok {
		delete(r.readers, w)
		close(w.changes)
	}
}

// watched reports whether anybody reads changes.
func (r *record) watched() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.readers) > 0
}

// close ends all readers.
func (r *record) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for w := range maps.Clone(r.readers) {
		delete(r.readers, w)
		close(w.changes)
	}
}

// know remembers a peer's public nkey. An id that is derived from another key than
// the one named is a lie and not remembered.
func (r *record) know(peer, nkey string) {
	if nkey == "" || events.CheckDerived(peer, nkey) != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nkeys[peer] = nkey
}

// nkey is a peer's public key, if it was ever named.
func (r *record) nkey(peer string) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k, ok := r.nkeys[peer]
	return k, ok
}
