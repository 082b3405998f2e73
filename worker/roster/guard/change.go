package guard

import (
	"encoding/hex"
	"fmt"
)

// Bounds of a change. MaxCounter keeps sequence numbers and operation counters
// far from the 32 bits at which automerge aborts.
const (
	MaxOps     = 2
	MaxDeps    = 64
	MaxCounter = 1 << 30
)

// A Hash names a change: SHA-256 over its chunk without magic bytes and checksum.
type Hash [32]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// ParseHash reads what String writes.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != hex.EncodedLen(len(h)) {
		return Hash{}, fmt.Errorf("hash of %d characters, want %d", len(s), hex.EncodedLen(len(h)))
	}
	_, err := hex.Decode(h[:], []byte(s))
	return h, err
}

// An Actor is the writer of a change. Automerge allows any length; ours have 16
// bytes.
type Actor [16]byte

func (a Actor) String() string { return hex.EncodeToString(a[:]) }

// An OpID names one operation. The zero OpID is none.
type OpID struct {
	Counter uint64
	Actor   Actor
}

// An Op sets a key of the root map to a string. Pred is the operation whose
// value it replaces, zero if the key was not set.
type Op struct {
	Key, Value string
	Pred       OpID
}

// A Change is what a chunk says. Its operations have the counters StartOp,
// StartOp+1. Deps are sorted and have no repetition. Hash is filled in by Parse
// and Encode.
type Change struct {
	Actor   Actor
	Seq     uint64
	StartOp uint64
	Deps    []Hash
	Ops     []Op
	Hash    Hash
}

// MaxOp is the counter of the change's last operation.
func (c Change) MaxOp() uint64 { return c.StartOp + uint64(len(c.Ops)) - 1 }
