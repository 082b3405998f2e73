package roster

import (
	"slices"
	"testing"
	"time"

	"github.com/automerge/automerge-go"
	"github.com/google/go-cmp/cmp"

	"github.com/moothall/moothall/events"
)

// The work list's tests of the room's state as a CRDT (1.1 to 1.3, 4.3). Where two
// writers share a key they work on bare automerge documents, below the guard:
// between workers that does not happen (forgery_test.go).

// bareDocs are two documents with the same first change and different actors.
func bareDocs(t *testing.T) (a, b *automerge.Doc) {
	t.Helper()
	origin := newDocument(genesisActor).doc
	genesis := bareSet(t, origin, map[string]string{"w/worker-1/1/d": "available", "w/worker-2/1/d": "available"})
	docs := make([]*automerge.Doc, 2)
	for i, actor := range []string{"aa", "bb"} {
		docs[i] = automerge.New()
		bareMerge(t, docs[i], genesis)
		if err := docs[i].SetActorID(actor); err != nil {
			t.Fatal(err)
		}
	}
	return docs[0], docs[1]
}

// bareSet commits the values in one change and returns its chunk.
func bareSet(t *testing.T, d *automerge.Doc, values map[string]string) []byte {
	t.Helper()
	for k, v := range values {
		if err := d.Path(k).Set(v); err != nil {
			t.Fatal(err)
		}
	}
	hash, err := d.Commit("", automerge.CommitOptions{Time: &time.Time{}})
	if err != nil {
		t.Fatal(err)
	}
	change, err := d.Change(hash)
	if err != nil {
		t.Fatal(err)
	}
	return change.Save()
}

func bareMerge(t *testing.T, d *automerge.Doc, chunks ...[]byte) {
	t.Helper()
	for _, c := range chunks {
		if err := d.LoadIncremental(c); err != nil {
			t.Fatal(err)
		}
	}
}

// bareValues reads every key of a document.
func bareValues(t *testing.T, d *automerge.Doc) map[string]string {
	t.Helper()
	values, err := automerge.As[map[string]string](d.Root())
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func bareHeads(d *automerge.Doc) []automerge.ChangeHash {
	heads := d.Heads()
	slices.SortFunc(heads, func(a, b automerge.ChangeHash) int { return slices.Compare(a[:], b[:]) })
	return heads
}

// 1.1: automerge links and works.
func TestRoomState_AutomergeWorks(t *testing.T) {
	d := automerge.New()
	bareSet(t, d, map[string]string{"key": "value"})
	if d := cmp.Diff(map[string]string{"key": "value"}, bareValues(t, d)); d != "" {
		t.Error(d)
	}
}

// 1.2, acceptance: create, add a worker, update its status, serialize, deserialize.
func TestRoomState_CreateUpdateSerializeDeserialize(t *testing.T) {
	rm := newRoom(t)
	state := rm.join("worker-1")[0]
	write(t, state, events.StatusAvailable)
	write(t, state, events.StatusBusy)
	genesis, chunks := state.Genesis(), state.Since(nil)

	state2 := rm.replica("worker-2", 1)
	adopt(t, state2, genesis)
	apply(t, state2, chunks...)
	row := rowOfPeer(t, state2, "worker-1")
	if row.Status != events.StatusBusy {
		t.Errorf("worker-1 is %s, want busy", row.Status)
	}
	if d := cmp.Diff(staticOf(state), row.Static); d != "" {
		t.Errorf("metadata (-want +got): %s", d)
	}
	wantEqual(t, state, state2)
}

// 1.3: a new document has its admin's certificate and no worker.
func TestRoomState_Creation(t *testing.T) {
	rm := newRoom(t)
	state := rm.join("worker-1")[0]
	if rows := state.Rows(); len(rows) != 0 {
		t.Errorf("%d rows in a new room", len(rows))
	}
	if p := state.Position(); p.Generation != generationOf(1, 0) || len(p.Heads) != 1 || p.Heads[0] != p.Genesis {
		t.Errorf("position %+v", p)
	}
	values := bareValues(t, state.present.document.doc)
	want := map[string]string{"admin": encode(state.Genesis().Certificate), "generation": encode(generationOf(1, 0))}
	if d := cmp.Diff(want, values); d != "" {
		t.Errorf("document (-want +got): %s", d)
	}
}

// 1.3: two workers update different fields at once; both updates stay.
func TestRoomState_ConcurrentUpdatesOfDifferentFields(t *testing.T) {
	a, b := bareDocs(t)
	ca := bareSet(t, a, map[string]string{"w/worker-1/1/d": "busy"})
	cb := bareSet(t, b, map[string]string{"w/worker-2/1/d": "reserved"})
	bareMerge(t, a, cb)
	bareMerge(t, b, ca)
	want := map[string]string{"w/worker-1/1/d": "busy", "w/worker-2/1/d": "reserved"}
	for _, d := range []*automerge.Doc{a, b} {
		if d := cmp.Diff(want, bareValues(t, d)); d != "" {
			t.Errorf("values (-want +got): %s", d)
		}
	}
	if d := cmp.Diff(bareHeads(a), bareHeads(b)); d != "" || len(bareHeads(a)) != 2 {
		t.Errorf("heads %v differ: %s", bareHeads(a), d)
	}
}

// 1.3: two writers update the same field at once; both sides choose the same one,
// and the next write ends the conflict.
func TestRoomState_SameFieldConflictIsResolvedAlike(t *testing.T) {
	a, b := bareDocs(t)
	ca := bareSet(t, a, map[string]string{"w/worker-1/1/d": "busy"})
	cb := bareSet(t, b, map[string]string{"w/worker-1/1/d": "reserved"})
	bareMerge(t, a, cb)
	bareMerge(t, b, ca)
	va, vb := bareValues(t, a), bareValues(t, b)
	if d := cmp.Diff(va, vb); d != "" {
		t.Errorf("the sides chose differently: %s", d)
	}
	if got := va["w/worker-1/1/d"]; got != "reserved" { // equal counters: the higher actor, "bb"
		t.Errorf("winner %q", got)
	}
	bareMerge(t, b, bareSet(t, a, map[string]string{"w/worker-1/1/d": "available"}))
	for _, d := range []*automerge.Doc{a, b} {
		if got := bareValues(t, d)["w/worker-1/1/d"]; got != "available" || len(d.Heads()) != 1 {
			t.Errorf("%q with %d heads after a write that knew both", got, len(d.Heads()))
		}
	}
}

// 1.3: the order and repetition of merges do not matter.
func TestRoomState_MergeIsCommutativeAndIdempotent(t *testing.T) {
	a, b := bareDocs(t)
	ca := bareSet(t, a, map[string]string{"w/worker-1/1/d": "busy", "x": "a"})
	cb := bareSet(t, b, map[string]string{"w/worker-1/1/d": "reserved", "y": "b"})
	c1, c2 := bareDocs(t)
	bareMerge(t, c1, ca, cb, ca)
	bareMerge(t, c2, cb, cb, ca)
	if d := cmp.Diff(bareValues(t, c1), bareValues(t, c2)); d != "" {
		t.Errorf("values differ: %s", d)
	}
	if d := cmp.Diff(bareHeads(c1), bareHeads(c2)); d != "" {
		t.Errorf("heads differ: %s", d)
	}
}

// 1.3: a document survives serialization with values and heads.
func TestRoomState_RoundTrip(t *testing.T) {
	replicas := newRoom(t).join("worker-1", "worker-2")
	write(t, replicas[0], events.StatusBusy)
	apply(t, replicas[0], write(t, replicas[1], events.StatusReserved))
	doc := replicas[0].present.document.doc
	loaded, err := automerge.Load(doc.Save())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(bareValues(t, doc), bareValues(t, loaded)); d != "" {
		t.Errorf("values differ: %s", d)
	}
	if d := cmp.Diff(bareHeads(doc), bareHeads(loaded)); d != "" {
		t.Errorf("heads differ: %s", d)
	}
}

// 4.3, acceptance: two workers change their status at once, the admin merges, what
// it broadcasts gives everyone both.
func TestRoomState_AdminMergesConcurrentStatusUpdates(t *testing.T) {
	replicas := newRoom(t).join("worker-1", "worker-2", "worker-3")
	admin, worker2, worker3 := replicas[0], replicas[1], replicas[2]
	for _, r := range replicas {
		spread(t, replicas, write(t, r, events.StatusAvailable))
	}
	write(t, admin, events.StatusBusy)
	update := write(t, worker2, events.StatusReserved)
	before := worker3.Position().Heads
	apply(t, admin, update)

	broadcast := admin.Since(before)
	for _, r := range replicas {
		spread(t, []*Roster{r}, broadcast[0])
		spread(t, []*Roster{r}, broadcast[1])
		if got := statusOf(t, r, "worker-1"); got != events.StatusBusy {
			t.Errorf("%s sees worker-1 %s, want busy", r.config.Seat, got)
		}
		if got := statusOf(t, r, "worker-2"); got != events.StatusReserved {
			t.Errorf("%s sees worker-2 %s, want reserved", r.config.Seat, got)
		}
		wantEqual(t, admin, r)
	}
}
