package roster

import (
	"fmt"
	"slices"

	"github.com/automerge/automerge-go"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster/guard"
)

// Bounds of a generation's history, the genesis not counted: above either it is time
// for the next one. A status change is about 500 bytes.
const (
	MaxChanges = 2000
	MaxBytes   = 64 << 10
)

// Full reports whether the present generation's history has reached a bound.
func (r *Roster) Full() bool {
	if r.present == nil {
		return false
	}
	h := r.present.history
	return len(h.entries)-1 >= MaxChanges || h.bytes-len(h.entries[0].chunk) >= MaxBytes
}

// Banned reports whether the present generation refuses the changes of a seat.
func (r *Roster) Banned(s events.Seat) bool { return r.present != nil && r.present.banned(s) }

// Learn verifies rows that come without the changes that carried them, remembers those
// that are newer than what is held, and returns their seats. Such a row is shown if the
// generation has its seat, and it is in the next genesis.
func (r *Roster) Learn(rows []events.SignedRow) (newer []events.Seat, refused []error) {
	if r.present == nil {
		return nil, nil
	}
	for _, signed := range rows {
		row, refusal := verifyRow(r.config.Room, r.present.id(), signed, r.config.HubKeys)
		if refusal == nil && r.present.banned(row.Seat) {
			refusal = refuse(Banned, "row of %s", row.Seat)
		}
		if refusal != nil {
			refused = append(refused, refusal)
			continue
		}
		if held, ok := r.newest[row.PeerID]; ok && row.compareAge(held) <= 0 || row.age().compare(r.dropped[row.PeerID]) < 0 {
			continue
		}
		r.noted(row)
		newer = append(newer, row.Seat)
	}
	return newer, refused
}

// Forget drops the rows of peers that are gone, but for those that the present generation
// has, and for how new they were: a peer may be gone from a list for a while only, and
// another member hold an older row of it.
func (r *Roster) Forget(gone func(peer string) bool) {
	kept := map[string]bool{r.config.Seat.PeerID: true}
	if r.present != nil {
		for s := range r.present.seats {
			kept[s.PeerID] = true
		}
	}
	for peer, row := range r.newest {
		if !kept[peer] && gone(peer) {
			r.dropped[peer] = row.age()
			delete(r.newest, peer)
		}
	}
}

// Check saves the document, loads it again and compares. If that fails the document is
// built anew from its history; the error says that this did not help either.
func (r *Roster) Check() error {
	if r.present == nil || r.present.document.check(r.present.history.heads()) == nil {
		return nil
	}
	if err := r.present.rebuild(); err != nil {
		return fmt.Errorf("roster: build the document anew: %w", err)
	}
	return r.present.document.check(r.present.history.heads())
}

// A Weight is what the present generation costs, for those who watch it.
type Weight struct {
	Changes, Bytes int    // of the history, the genesis included
	Saved          []byte // the document
}

// Weigh saves the document; zero before the first genesis.
func (r *Roster) Weigh() Weight {
	if r.present == nil {
		return Weight{}
	}
	return Weight{r.Changes(), r.Bytes(), r.present.document.doc.Save()}
}

// Load loads the document saved, and drops it.
func (w Weight) Load() error {
	_, err := automerge.Load(w.Saved)
	return err
}

// check saves and loads.
func (d *document) check(want []guard.Hash) error {
	loaded, err := automerge.Load(d.doc.Save())
	if err != nil {
		return fmt.Errorf("roster: the document does not load: %w", err)
	}
	var heads []guard.Hash
	for _, h := range loaded.Heads() {
		heads = append(heads, guard.Hash(h))
	}
	slices.SortFunc(heads, compareHashes)
	if !slices.Equal(heads, want) {
		return fmt.Errorf("roster: the document has heads %v after loading, want %v", heads, want)
	}
	return nil
}
