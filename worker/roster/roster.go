package roster

import (
	"cmp"
	"errors"
	"slices"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster/guard"
)

// ErrNoGeneration is returned by Write before the first genesis.
var ErrNoGeneration = errors.New("roster: no generation yet")

// Config says in which room, as whom and on whose word a replica works.
type Config struct {
	Room        string
	Seat        events.Seat
	Key         events.Signer // of the seat
	Certificate events.MemberCertificate
	HubKeys     []string // the hub's public seat keys: current, next, former
}

// A Roster is one replica of a room's state. There is one for the whole life of a
// seat: it remembers what the seat signed, and a second one would sign other
// changes with the same numbers.
type Roster struct {
	config  Config
	present *generation // nil before the first genesis
	waiting waitingRoom
	newest  map[string]Row // the newest row of each peer ever seen, but for
	dropped map[string]age // those forgotten
	version uint64
}

// New makes a replica without a generation.
func New(c Config) *Roster {
	c.HubKeys = slices.Clone(c.HubKeys)
	return &Roster{config: c, newest: map[string]Row{}, dropped: map[string]age{}}
}

// Trust replaces the hub's public seat keys.
func (r *Roster) Trust(hubKeys []string) { r.config.HubKeys = slices.Clone(hubKeys) }

// Position is what this replica holds; zero before the first genesis. Heads are
// hexadecimal and sorted.
func (r *Roster) Position() events.Position {
	if r.present == nil {
		return events.Position{}
	}
	heads := r.present.history.heads()
	p := events.Position{Generation: r.present.id(), Genesis: r.present.genesis.Hash, Heads: make([]string, len(heads))}
	for i, h := range heads {
		p.Heads[i] = h.String()
	}
	return p
}

// Version rises with every accepted change and every adoption.
func (r *Roster) Version() uint64 { return r.version }

// Rows are the rows of the room by peer id, the highest incarnation of each. For
// no peer does it ever show an older (incarnation, seq) than was seen before: if
// the document has one, the newer row is shown until its owner writes again.
func (r *Roster) Rows() []Row {
	if r.present == nil {
		return nil
	}
	rows := make([]Row, 0, len(r.present.seats))
	for seat := range r.present.seats {
		if row, ok := r.newest[seat.PeerID]; ok {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.PeerID, b.PeerID) })
	return slices.CompactFunc(rows, func(a, b Row) bool { return a.PeerID == b.PeerID })
}

// noted remembers a row that the document has and counts the change.
func (r *Roster) noted(row Row) {
	r.version++
	r.remember(row)
}

// remember keeps the newest row of each peer; of two with the same age, the
// document's. One older than a row that was forgotten is not shown.
func (r *Roster) remember(row Row) {
	if dropped, ok := r.dropped[row.PeerID]; ok {
		if row.age().compare(dropped) < 0 {
			return
		}
		delete(r.dropped, row.PeerID)
	}
	if held, ok := r.newest[row.PeerID]; !ok || row.compareAge(held) >= 0 {
		r.newest[row.PeerID] = row
	}
}

// Changes counts the changes of the present generation, its genesis included.
func (r *Roster) Changes() int {
	if r.present == nil {
		return 0
	}
	return len(r.present.history.entries)
}

// Bytes is the size of those changes.
func (r *Roster) Bytes() int {
	if r.present == nil {
		return 0
	}
	return r.present.history.bytes
}

// Missing reports whether one of the heads (hexadecimal) is of a change that
// this replica does not have.
func (r *Roster) Missing(heads []string) bool {
	return slices.ContainsFunc(heads, func(head string) bool {
		h, err := guard.ParseHash(head)
		return err != nil || r.present == nil || !r.present.history.has(h)
	})
}

// Since returns the change chunks, in causal order, that a holder of the heads
// lacks; never the genesis, which travels as its rows. Heads that this replica
// does not know are ignored. Do not change the chunks.
func (r *Roster) Since(heads []string) [][]byte {
	if r.present == nil {
		return nil
	}
	var known []guard.Hash
	for _, head := range heads {
		if h, err := guard.ParseHash(head); err == nil {
			known = append(known, h)
		}
	}
	var chunks [][]byte
	for _, e := range r.present.history.since(known) {
		chunks = append(chunks, e.chunk)
	}
	return chunks
}
