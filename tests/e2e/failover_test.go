package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/moothall/moothall/scripts/stage"
)

// electionLimit is from the loss to the successor (work list 2.3, 7.6).
const electionLimit = 5 * time.Second

// An admin is `moot admin --json`.
type admin struct {
	RoomID      string `json:"room_id"`
	AdminPeerID string `json:"admin_peer_id"`
	Incarnation uint64 `json:"incarnation"`
	Term        uint64 `json:"term"`
	Reason      string `json:"reason"`
}

func (h hall) admin() (a admin) {
	h.t.Helper()
	h.ask(&a, "admin")
	return a
}

// Work list 2.2, 2.3, 2.4, 5.3, 6.3, 7.2. The first to register is admin. It is
// killed, and the one with most memory follows; that is killed, and among equals the
// lowest id follows, though it registered last.
func TestFailover_FirstThenMostMemoryThenLowestID(t *testing.T) {
	adder := stage.Spec{PeerID: "adder", MemoryMB: 16000}
	h := open(t, adder, stage.Spec{PeerID: "heron", MemoryMB: 24000}, stage.Spec{PeerID: "lynx", MemoryMB: 16000})
	list := h.workers()
	if list.AdminPeerID != "adder" || list.Term != 1 || list.Total != 3 || !list.of("adder").IsAdmin {
		t.Fatalf("%+v", list)
	}
	if want := []string{"adder", "heron", "lynx"}; !slices.Equal(list.ids(), want) {
		t.Fatalf("workers %v", list.ids())
	}
	w := h.watch()

	// Who has no link yet cannot bear witness, and lets others go first.
	await(t, "the mesh is whole", soon, func() bool { return h.agree("adder", "heron", "lynx") })
	h.killAdmin("adder", "heron")
	h.expectElections(w, happening{AdminPeerID: "heron", PreviousAdminPeerID: "adder", Term: 2, Reason: "crashed", NumWorkers: 2})
	h.add(adder)
	await(t, "the mesh is whole", soon, func() bool { return h.agree("adder", "heron", "lynx") })
	h.killAdmin("heron", "adder")
	h.expectElections(w,
		happening{AdminPeerID: "heron", PreviousAdminPeerID: "adder", Term: 2, Reason: "crashed", NumWorkers: 2},
		happening{AdminPeerID: "adder", PreviousAdminPeerID: "heron", Term: 3, Reason: "crashed", NumWorkers: 2})
	await(t, "the survivors agree", soon, func() bool { return h.agree("adder", "lynx") })
	if r := h.room("lynx"); r.AdminPeerID != "adder" || r.Term != 3 {
		t.Errorf("lynx has admin %s in term %d", r.AdminPeerID, r.Term)
	}
}

// killAdmin kills the admin and waits until the hub's record names the next.
func (h hall) killAdmin(old, next string) {
	h.t.Helper()
	killed := time.Now()
	h.worker(old).Kill()
	var now admin
	await(h.t, next+" is admin", electionLimit-time.Since(killed), func() bool {
		now = h.admin()
		return now.AdminPeerID == next
	})
	if now.Reason != "crashed" {
		h.t.Errorf("%+v", now)
	}
}

// expectElections compares all elections that were watched with those that had to be.
func (h hall) expectElections(w watcher, want ...happening) {
	h.t.Helper()
	await(h.t, "the election was watched", soon, func() bool { return len(w.seen("admin_elected")) >= len(want) })
	for i := range want {
		want[i].Type = "admin_elected"
	}
	got := w.seen("admin_elected")
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(happening{}, "ElectionTimeMS")); diff != "" {
		h.t.Errorf("elections (-want +got):\n%s", diff)
	}
	for _, e := range got {
		if e.ElectionTimeMS <= 0 || e.ElectionTimeMS > float64(electionLimit.Milliseconds()) {
			h.t.Errorf("an election of %v ms", e.ElectionTimeMS)
		}
	}
}
