package roster

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster/guard"
)

// A forgery is a replica's honest next change, to be spoilt and then signed.
type forgery struct {
	t       testing.TB
	change  guard.Change
	static  *staticText // nil if the change has none
	dynamic dynamicText
	key     events.Signer
}

// forge begins with what the replica would write now, without writing it.
func forge(t testing.TB, r *Roster, status events.Status) *forgery {
	t.Helper()
	c, err := r.compose(staticOf(r), dynamicOf(status), r.present.seats[r.config.Seat].row.Seq == 0)
	if err != nil {
		t.Fatal(err)
	}
	f := &forgery{t: t, change: c, key: r.config.Key}
	f.dynamic, _ = parseDynamic(c.Ops[len(c.Ops)-1].Value)
	if len(c.Ops) == 2 {
		s, _ := parseStatic(c.Ops[0].Value)
		f.static = &s
	}
	return f
}

// depend sets the dependencies in the change and in what is signed.
func (f *forgery) depend(deps ...guard.Hash) {
	slices.SortFunc(deps, compareHashes)
	f.change.Deps = deps
	f.dynamic.Deps = hashDeps(deps)
	if f.static != nil {
		f.static.Deps = f.dynamic.Deps
	}
}

// signed signs the texts as they are now and puts them into the change.
func (f *forgery) signed() *forgery {
	f.t.Helper()
	text, err := f.dynamic.sign(f.key)
	if err != nil {
		f.t.Fatal(err)
	}
	f.change.Ops[len(f.change.Ops)-1].Value = text
	if f.static != nil {
		if f.change.Ops[0].Value, err = f.static.sign(f.key); err != nil {
			f.t.Fatal(err)
		}
	}
	return f
}

func (f *forgery) chunk() []byte {
	chunk, _ := f.change.Encode()
	return chunk
}

// A scene is a room in which w1 has written twice, w2 once and w3 never; every
// replica has it all.
type scene struct {
	*room
	w1, w2, w3 *Roster
	first      []byte // w1's first chunk
}

func newScene(t *testing.T) scene {
	t.Helper()
	rm := newRoom(t)
	replicas := rm.join("w1", "w2", "w3")
	s := scene{rm, replicas[0], replicas[1], replicas[2], nil}
	s.first = write(t, s.w1, events.StatusAvailable)
	spread(t, replicas, s.first)
	spread(t, replicas, write(t, s.w2, events.StatusAvailable))
	spread(t, replicas, write(t, s.w1, events.StatusBusy))
	return s
}

// newVictim is a worker that has joined and not yet written.
func newVictim(s scene, peer string) *Roster {
	r := s.replica(peer, 1)
	adopt(s.t, r, s.w1.Genesis())
	apply(s.t, r, s.w1.Since(nil)...)
	return r
}

func mustCompose(t *testing.T, r *Roster) guard.Change {
	t.Helper()
	c, err := r.compose(staticOf(r), dynamicOf(events.StatusAvailable), true)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// compressed is the change chunk as automerge's third type of chunk.
func compressed(t testing.TB, chunk []byte) []byte {
	t.Helper()
	const header = 9 // magic, checksum, type
	_, n := binary.Uvarint(chunk[header:])
	deflated := deflate(t, chunk[header+n:])
	head := append(bytes.Clone(chunk[:8]), 2)
	return append(binary.AppendUvarint(head, uint64(len(deflated))), deflated...)
}
