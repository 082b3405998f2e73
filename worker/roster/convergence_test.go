package roster

import (
	"fmt"
	"slices"
	"testing"

	"github.com/automerge/automerge-go"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster/guard"
)

// A world is a room whose chunks are delivered in any order, twice or not yet.
type world struct {
	*rapid.T
	*room
	replicas []*Roster
	genesis  events.Genesis
	sent     []chunkOf
	shown    []map[string]Row
}

type chunkOf struct {
	chunk   []byte
	genesis string
}

func newWorld(t *testing.T, rt *rapid.T, n int) *world {
	w := &world{T: rt, room: newRoom(t)}
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("w%d", i)
	}
	w.replicas = w.room.join(names...)
	w.genesis = w.replicas[0].Genesis()
	w.shown = make([]map[string]Row, n)
	for i := range w.shown {
		w.shown[i] = map[string]Row{}
	}
	return w
}

func (w *world) anyone() *Roster { return rapid.SampledFrom(w.replicas).Draw(w.T, "replica") }

// write has a replica write a random row; half of the time only what changes.
func (w *world) write(r *Roster) {
	s := staticOf(r)
	s.Slots = rapid.IntRange(1, 2).Draw(w.T, "slots")
	status := rapid.SampledFrom([]events.Status{events.StatusAvailable, events.StatusReserved, events.StatusBusy}).Draw(w.T, "status")
	chunk, err := r.Write(s, dynamicOf(status))
	if err != nil {
		w.Fatal(err)
	}
	w.send(r, chunk)
}

func (w *world) send(r *Roster, chunk []byte) {
	if chunk != nil {
		w.sent = append(w.sent, chunkOf{chunk, r.Genesis().Hash})
	}
}

func (w *world) deliver(r *Roster, c chunkOf) {
	if r.Genesis().Hash != c.genesis {
		return // a mismatch is refused before it reaches the roster
	}
	if a := r.Apply([][]byte{c.chunk}); len(a.Refused) > 0 {
		w.Fatalf("%s refused %v", r.config.Seat, a.Refused)
	}
}

func (w *world) adopt(r *Roster) {
	if _, _, err := r.Adopt(w.genesis); err != nil {
		w.Fatal(err)
	}
}

// neverOlder asserts invariant I2 for what every replica shows.
func (w *world) neverOlder() {
	for i, r := range w.replicas {
		for _, row := range r.Rows() {
			if before, ok := w.shown[i][row.PeerID]; ok && row.compareAge(before) < 0 {
				w.Fatalf("%s shows %s seq %d after seq %d", r.config.Seat, row.Seat, row.Seq, before.Seq)
			}
			w.shown[i][row.PeerID] = row
		}
	}
}

// deliverAll gives everything to everyone, in another order to each.
func (w *world) deliverAll() {
	for _, r := range w.replicas {
		w.adopt(r)
		for _, c := range rapid.Permutation(w.sent).Draw(w.T, "order") {
			w.deliver(r, c)
		}
	}
}

func (w *world) wantConverged() {
	first := w.replicas[0]
	for _, r := range w.replicas {
		if d := cmp.Diff(first.Position(), r.Position()); d != "" {
			w.Fatalf("positions of %s and %s differ: %s", first.config.Seat, r.config.Seat, d)
		}
		if d := cmp.Diff(first.Rows(), r.Rows()); d != "" {
			w.Fatalf("rows of %s and %s differ: %s", first.config.Seat, r.config.Seat, d)
		}
		w.wantLoadable(r)
	}
}

// wantLoadable saves the document and loads it again, and compares the heads with
// those that the history counts.
func (w *world) wantLoadable(r *Roster) {
	loaded, err := automerge.Load(r.present.document.doc.Save())
	if err != nil {
		w.Fatalf("the document of %s does not load: %v", r.config.Seat, err)
	}
	var heads []guard.Hash
	for _, h := range bareHeads(loaded) {
		heads = append(heads, guard.Hash(h))
	}
	if d := cmp.Diff(r.present.history.heads(), heads); d != "" {
		w.Fatalf("heads of %s, history and document: %s", r.config.Seat, d)
	}
}

// TestConvergence_WhateverTheOrderOfDelivery: random writes, random delivery and
// repetition; then equal heads and rows.
func TestConvergence_WhateverTheOrderOfDelivery(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, rt, rapid.IntRange(2, 5).Draw(rt, "replicas"))
		rt.Repeat(map[string]func(*rapid.T){
			"write": func(*rapid.T) { w.write(w.anyone()) },
			"deliver": func(*rapid.T) {
				if len(w.sent) > 0 {
					w.deliver(w.anyone(), rapid.SampledFrom(w.sent).Draw(rt, "chunk"))
				}
			},
			"": func(*rapid.T) { w.neverOlder() },
		})
		w.deliverAll()
		w.wantConverged()
	})
}

// TestConvergence_AcrossGenerations: the first replica cuts generations while the
// others write in older ones; when all have adopted and asserted their rows, all
// are equal, and nobody ever showed an older row.
func TestConvergence_AcrossGenerations(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, rt, rapid.IntRange(2, 4).Draw(rt, "replicas"))
		latest := map[*Roster]events.Status{}
		rt.Repeat(map[string]func(*rapid.T){
			"write": func(*rapid.T) {
				r := w.anyone()
				w.write(r)
				if rows := r.Rows(); len(rows) > 0 {
					i := slices.IndexFunc(rows, func(row Row) bool { return row.Seat == r.config.Seat })
					latest[r] = rows[i].Status
				}
			},
			"deliver": func(*rapid.T) {
				if len(w.sent) > 0 {
					w.deliver(w.anyone(), rapid.SampledFrom(w.sent).Draw(rt, "chunk"))
				}
			},
			"found": func(*rapid.T) {
				g := w.replicas[0].Genesis().Generation
				g.Count++
				w.genesis = w.room.found(w.replicas[0], g)
			},
			"adopt": func(*rapid.T) { w.adopt(w.anyone()) },
			"":      func(*rapid.T) { w.neverOlder() },
		})
		for _, r := range w.replicas {
			w.adopt(r)
			if status, ok := latest[r]; ok {
				chunk, err := r.Write(staticOf(r), dynamicOf(status))
				if err != nil {
					rt.Fatal(err)
				}
				w.send(r, chunk)
			}
		}
		w.deliverAll()
		w.neverOlder()
		w.wantConverged()
		for r, status := range latest {
			if got := statusOf(t, w.replicas[0], r.config.Seat.PeerID); got != status {
				rt.Fatalf("%s is shown %s, wrote %s last", r.config.Seat, got, status)
			}
		}
	})
}

// spoils are what a member that signs properly may do to its own change.
var spoils = map[string]func(*rapid.T, *Roster, *forgery){
	"nothing":    func(*rapid.T, *Roster, *forgery) {},
	"seq":        func(rt *rapid.T, _ *Roster, f *forgery) { f.change.Seq = drawNear(rt, f.change.Seq) },
	"start op":   func(rt *rapid.T, _ *Roster, f *forgery) { f.change.StartOp = drawNear(rt, f.change.StartOp) },
	"row seq":    func(rt *rapid.T, _ *Roster, f *forgery) { f.dynamic.Seq = drawNear(rt, f.dynamic.Seq) },
	"static seq": func(rt *rapid.T, _ *Roster, f *forgery) { f.dynamic.StaticSeq = drawNear(rt, f.dynamic.StaticSeq) },
	"no pred":    func(_ *rapid.T, _ *Roster, f *forgery) { f.change.Ops[0].Pred = guard.OpID{} },
	"other pred": spoilPred,
	"other deps": spoilDeps,
	"other actor": func(_ *rapid.T, r *Roster, f *forgery) {
		f.change.Actor = r.present.actor(events.Seat{PeerID: "w0", Incarnation: 1})
	},
	"one op": func(_ *rapid.T, _ *Roster, f *forgery) {
		f.change.Ops, f.static = f.change.Ops[len(f.change.Ops)-1:], nil
	},
	"other seat": func(_ *rapid.T, _ *Roster, f *forgery) {
		f.change.Ops[0].Key = rowKey(events.Seat{PeerID: "w0", Incarnation: 1}, kindDynamic)
	},
}

func drawNear(rt *rapid.T, n uint64) uint64 {
	return max(1, n+rapid.SampledFrom([]uint64{1, 2, 1000}).Draw(rt, "more")-rapid.Uint64Range(0, 3).Draw(rt, "less"))
}

// spoilPred names an operation that exists: of the genesis, or of any change.
func spoilPred(rt *rapid.T, r *Roster, f *forgery) {
	actors := []guard.Actor{genesisActor}
	for seat := range r.present.seats {
		actors = append(actors, r.present.actor(seat))
	}
	slices.SortFunc(actors, func(a, b guard.Actor) int { return slices.Compare(a[:], b[:]) })
	f.change.Ops[0].Pred = guard.OpID{
		Counter: rapid.Uint64Range(1, max(1, f.change.StartOp-1)).Draw(rt, "counter"),
		Actor:   rapid.SampledFrom(actors).Draw(rt, "actor"),
	}
}

// spoilDeps depends on some of the changes held, in a way that is allowed as long
// as the own last one is among them.
func spoilDeps(rt *rapid.T, r *Roster, f *forgery) {
	deps := []guard.Hash{rapid.SampledFrom(r.present.history.entries).Draw(rt, "dependency").hash}
	if last := r.present.seats[r.config.Seat].last; last != (guard.Hash{}) && last != deps[0] {
		deps = append(deps, last)
	}
	f.depend(deps...)
	f.change.StartOp = r.present.history.maxOp(deps) + 1
}

// TestConvergence_WithAHostileMember: whatever a certified member signs, replicas
// decide alike in any order, and their documents save and load.
func TestConvergence_WithAHostileMember(t *testing.T) {
	names := []string{}
	for name := range spoils {
		names = append(names, name)
	}
	slices.Sort(names)
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, rt, 3)
		hostile := w.replicas[2]
		var accepted, forged [][]byte
		rt.Repeat(map[string]func(*rapid.T){
			"write": func(*rapid.T) { w.write(w.replicas[rapid.IntRange(0, 1).Draw(rt, "honest")]) },
			"deliver": func(*rapid.T) {
				if len(w.sent) > 0 {
					w.deliver(w.anyone(), rapid.SampledFrom(w.sent).Draw(rt, "chunk"))
				}
			},
			"forge": func(*rapid.T) {
				f := forge(t, hostile, rapid.SampledFrom([]events.Status{events.StatusBusy, events.StatusAvailable}).Draw(rt, "status"))
				for range rapid.IntRange(1, 2).Draw(rt, "spoils") {
					spoils[rapid.SampledFrom(names).Draw(rt, "spoil")](rt, hostile, f)
				}
				chunk := f.signed().chunk()
				if a := hostile.Apply([][]byte{chunk}); a.Accepted == 1 {
					accepted = append(accepted, chunk)
				} else {
					forged = append(forged, chunk)
				}
			},
		})
		for _, c := range accepted {
			w.send(hostile, c)
		}
		w.deliverAll()
		for _, r := range w.replicas {
			if a := r.Apply(forged); a.Accepted != 0 || len(a.Refused)+a.Waiting < len(forged) {
				rt.Fatalf("%s accepted %d forgeries that another refused", r.config.Seat, a.Accepted)
			}
		}
		w.wantConverged()
		for _, r := range w.replicas[:2] {
			w.write(r)
		}
		w.deliverAll()
		w.wantConverged()
	})
}
