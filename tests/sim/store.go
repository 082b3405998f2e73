package sim

import (
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling"
)

// store is what the hubs share: one room's record, changed by compare-and-set.
type store struct {
	id       string
	record   signaling.Record
	revision int
}

func newStore(w *world) *store {
	s := &store{}
	s.wipe(w)
	return s
}

// opened is what a hub does with the store at its start.
func (s *store) opened(w *world) { s.id = signaling.Above(s.id, w.now, w.rng.Uint32()) }

// putBack makes the store what it once was.
func (s *store) putBack(id string, r signaling.Record) {
	s.id, s.record = id, r
	s.revision++
}

// wipe loses everything: another store is made in its place.
func (s *store) wipe(w *world) {
	s.id = events.StoreID(w.now.UnixMilli(), w.rng.Uint32())
	s.record = signaling.NewRecord(room, s.id)
	s.revision++
}

// update stores a record that was decided on at a revision, unless another hub was
// faster.
func (s *store) update(r signaling.Record, at int) bool {
	if at != s.revision {
		return false
	}
	s.record = r
	s.revision++
	return true
}
