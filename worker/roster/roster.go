package roster

import (
	"errors"

	"github.com/moothall/moothall/events"
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

// A Roster is one replica of a room's state.
type Roster struct {
	config Config
}

// New makes a replica without a generation.
func New(c Config) *Roster { return &Roster{config: c} }

// Trust replaces the hub's public seat keys.
func (r *Roster) Trust(hubKeys []string) {}

// Position is what this replica holds; zero before the first genesis. Heads are
// hexadecimal and sorted.
func (r *Roster) Position() events.Position { return events.Position{} }

// Version rises with every accepted change and every adoption.
func (r *Roster) Version() uint64 { return 0 }

// Rows are the rows of the room by peer id, the highest incarnation of each. For
// no peer does it ever show an older (incarnation, seq) than it showed before.
func (r *Roster) Rows() []Row { return nil }

// Changes counts the changes of the present generation, its genesis included.
func (r *Roster) Changes() int { return 0 }

// Bytes is the size of those changes.
func (r *Roster) Bytes() int { return 0 }

// Write puts the own row into the document, signed, and returns the change chunk
// to send. Only the scalars that differ from the document's are written; the
// chunk is nil if none does. Before the first genesis it returns ErrNoGeneration.
func (r *Roster) Write(s Static, d Dynamic) (chunk []byte, err error) { return nil, ErrNoGeneration }

// Missing reports whether one of the heads (hexadecimal) is of a change that
// this replica does not have.
func (r *Roster) Missing(heads []string) bool { return false }

// Since returns the change chunks, in causal order, that a holder of the heads
// lacks. Heads that this replica does not know are ignored.
func (r *Roster) Since(heads []string) [][]byte { return nil }
