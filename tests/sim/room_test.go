package sim

import (
	"slices"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/replica"
	"github.com/moothall/moothall/worker/roster"
)

// A scripted room: no faults but those that a test makes.
func newRoom(t *testing.T, memory ...int64) *world {
	t.Helper()
	w := newWorld(uint64(len(memory)), nil)
	w.openHubs(1)
	for _, mb := range memory {
		w.addPeer(mb).start()
		w.play(time.Second)
	}
	w.play(10 * time.Second)
	t.Cleanup(func() {
		for _, v := range w.result.Violations {
			t.Error(v)
		}
	})
	return w
}

// admins are the admins that the workers that run take for it, each once.
func (w *world) admins() []string {
	var all []string
	for _, p := range w.peers {
		if p.proc != nil && !slices.Contains(all, p.proc.view.AdminPeerID) {
			all = append(all, p.proc.view.AdminPeerID)
		}
	}
	return all
}

func wantAdmin(t *testing.T, w *world, want string) {
	t.Helper()
	if got := w.admins(); len(got) != 1 || got[0] != want {
		t.Fatalf("admins are %q, want all to agree on %s", got, want)
	}
}

// until plays until ok, at most limit, and returns how long it took.
func (w *world) until(limit time.Duration, ok func() bool) (time.Duration, bool) {
	begin := w.now
	for w.now.Sub(begin) < limit {
		if ok() {
			return w.now.Sub(begin), true
		}
		w.play(time.Millisecond)
	}
	return limit, ok()
}

// Work list 7.2: the first worker becomes admin, whatever its memory, and stays it.
func TestRoom_FirstWorkerBecomesAdmin(t *testing.T) {
	w := newRoom(t, 8000, 24000, 16000)
	wantAdmin(t, w, "worker-0")
}

// Work list 2.3, 2.4, 7.2: when the admin leaves, the one with the most memory
// follows, and everybody knows at once.
func TestRoom_AdminLeavesStrongestFollows(t *testing.T) {
	w := newRoom(t, 16000, 16000, 24000, 8000)
	w.leave(w.peers[0])
	took, ok := w.until(5*time.Second, func() bool { return slices.Equal(w.admins(), []string{"worker-2"}) })
	if !ok || took > 50*time.Millisecond {
		t.Fatalf("after %v the admins are %q", took, w.admins())
	}
}

// Work list 2.3: the admin's process dies; all elect the same within 5 s.
func TestRoom_AdminCrashesAllElectTheSame(t *testing.T) {
	w := newRoom(t, 16000, 24000, 16000, 16000, 8000)
	w.peers[0].stop()
	took, ok := w.until(5*time.Second, func() bool { return slices.Equal(w.admins(), []string{"worker-1"}) })
	if !ok || took > 500*time.Millisecond {
		t.Fatalf("after %v the admins are %q", took, w.admins())
	}
}

func TestRoom_TiebreakerIsThePeerID(t *testing.T) {
	w := newRoom(t, 8000, 16000, 16000, 16000)
	w.peers[0].stop()
	w.play(5 * time.Second)
	wantAdmin(t, w, "worker-1")
}

func TestRoom_TenWorkersElectOne(t *testing.T) {
	w := newRoom(t, 8000, 8000, 8000, 8000, 8000, 24000, 8000, 8000, 8000, 8000)
	for _, want := range []string{"worker-0", "worker-5", "worker-1", "worker-2"} {
		w.play(5 * time.Second)
		wantAdmin(t, w, want)
		w.peers[slices.IndexFunc(w.peers, func(p *peer) bool { return p.id == want })].stop()
	}
}

func TestRoom_EleventhWorkerIsRefused(t *testing.T) {
	w := newRoom(t, slices.Repeat([]int64{8000}, 11)...)
	if !w.peers[10].proc.replica.Seat().IsZero() {
		t.Fatal("an eleventh worker has a seat")
	}
	if here := w.store.record.Here(); here != 10 {
		t.Fatalf("%d seats are taken", here)
	}
	w.peers[10].stop()
	w.play(5 * time.Second)
	wantAdmin(t, w, "worker-0")
}

func statusOf(q *process, id string) events.Status {
	for _, worker := range q.view.Workers {
		if worker.PeerID == id {
			return worker.Status
		}
	}
	return ""
}

func (w *world) allShow(id string, status events.Status) bool {
	return !slices.ContainsFunc(w.peers, func(p *peer) bool {
		return p.proc != nil && statusOf(p.proc, id) != status
	})
}

// Work list 4.1, 4.4: owner -> admin -> all, within 100 ms.
func TestRoom_StatusChangeReachesAllWithin100ms(t *testing.T) {
	w := newRoom(t, slices.Repeat([]int64{8000}, 10)...)
	w.peers[7].proc.give(replica.Load{Status: events.StatusBusy, Job: "j-1"})
	if took, ok := w.until(time.Second, func() bool { return w.allShow("worker-7", events.StatusBusy) }); !ok || took > 100*time.Millisecond {
		t.Fatalf("took %v, ok %v", took, ok)
	}
}

// Work list 4.3, 4.5, 7.3: a hundred concurrent changes from ten workers are all
// everywhere within a second, and none is lost.
func TestRoom_ConcurrentUpdatesAllArrive(t *testing.T) {
	w := newRoom(t, slices.Repeat([]int64{8000}, 10)...)
	for range 10 {
		for _, p := range w.peers {
			w.changeStatus(p)
		}
	}
	w.play(time.Second)
	for _, owner := range w.peers {
		w.checks.newest(owner.proc)
	}
	for _, p := range w.peers[1:] {
		if !slices.Equal(p.proc.view.Position.Heads, w.peers[0].proc.view.Position.Heads) {
			t.Errorf("%s holds other heads than worker-0", p.id)
		}
	}
}

// Work list 4.4: an owner and an admin that keep a change from one worker are found out
// by the heads on the heartbeats of the others, who give it. The owner need not be among
// them.
func TestRoom_WithholdingIsNoticedWithinTwoHeartbeats(t *testing.T) {
	for _, helper := range []string{"worker-1", "worker-3"} { // its owner, or anyone
		w := newRoom(t, 8000, 8000, 8000, 8000)
		withheld := 0
		w.net.withholds = func(from, to string, f events.FrameType) bool {
			given := f == events.FrameStateBroadcast || f == events.FrameGenesis
			if to != "worker-2" || f != events.FrameStatusUpdate && (!given || from == helper) {
				return false
			}
			withheld++
			return true
		}
		w.peers[1].proc.give(replica.Load{Status: events.StatusBusy, Job: "j-1"})
		w.play(10 * time.Millisecond)
		if w.allShow("worker-1", events.StatusBusy) || withheld == 0 {
			t.Fatal("nothing was withheld")
		}
		took, ok := w.until(time.Minute, func() bool { return w.allShow("worker-1", events.StatusBusy) })
		if !ok || took > 2*events.HeartbeatInterval {
			t.Errorf("with the help of %s: took %v, ok %v", helper, took, ok)
		}
	}
}

// Work list 4.2: a frozen worker is known to all as departed when its 15 s are
// over; the hub's own sweep adds a second.
func TestRoom_SilentWorkerDepartsAfterFifteenSeconds(t *testing.T) {
	w := newRoom(t, 8000, 8000, 8000)
	w.peers[2].proc.freeze(time.Hour)
	gone := func() bool {
		return statusOf(w.peers[0].proc, "worker-2") == events.StatusDeparted && statusOf(w.peers[1].proc, "worker-2") == events.StatusDeparted
	}
	took, ok := w.until(30*time.Second, gone)
	if !ok || took < 10*time.Second || took > 16*time.Second {
		t.Fatalf("took %v, ok %v", took, ok)
	}
}

// Work list 4.2: the owner's timestamp is for people. Clocks differ by days here
// (see addPeer) and nobody departs.
func TestRoom_ClockSkewOfDaysHarmsNobody(t *testing.T) {
	w := newRoom(t, 8000, 8000, 8000)
	w.play(2 * time.Minute)
	for _, p := range w.peers {
		if !w.allShow(p.id, events.StatusAvailable) {
			t.Errorf("%s is not available to all", p.id)
		}
	}
}

// Work list 7.4 in part: a worker cut off from the admin goes on from its last
// state, says so, and catches up.
func TestRoom_CutFromTheAdminShowsStaleThenHeals(t *testing.T) {
	w := newRoom(t, 8000, 8000, 8000)
	w.net.sever("worker-0", "worker-2")
	w.net.sever("worker-2", "worker-0")
	w.play(20 * time.Second)
	if !w.peers[2].proc.view.Stale || w.peers[1].proc.view.Stale {
		t.Fatal("stale is not where the path is cut")
	}
	wantAdmin(t, w, "worker-0")
	w.peers[2].proc.give(replica.Load{Status: events.StatusBusy})
	clear(w.net.cut)
	w.play(10 * time.Second)
	if w.peers[2].proc.view.Stale || !w.allShow("worker-2", events.StatusBusy) {
		t.Fatal("the healed path did not bring the room together")
	}
}

// A hub restart elects nobody and loses no link.
func TestRoom_HubRestartElectsNobody(t *testing.T) {
	w := newRoom(t, 8000, 24000, 16000)
	term, links := w.store.record.Tenure.Term, len(w.net.links)
	w.hubs[0].stop()
	w.play(10 * time.Second)
	w.peers[1].proc.give(replica.Load{Status: events.StatusBusy})
	w.play(time.Second)
	if !w.allShow("worker-1", events.StatusBusy) {
		t.Error("a status change did not pass while the hub was away")
	}
	w.hubs[0].start()
	w.play(30 * time.Second)
	if w.store.record.Tenure.Term != term || len(w.net.links) != links {
		t.Errorf("term %s became %s, %d links became %d", term, w.store.record.Tenure.Term, links, len(w.net.links))
	}
	wantAdmin(t, w, "worker-0")
}

// A joiner gets the genesis and all changes, whoever gives them.
func TestRoom_JoinerGetsEverything(t *testing.T) {
	w := newRoom(t, 8000, 8000)
	for range 20 {
		w.changeStatus(w.peers[1])
	}
	w.addPeer(8000).start()
	w.play(5 * time.Second)
	q := w.peers[2].proc
	i := slices.IndexFunc(q.replica.Rows(), func(r roster.Row) bool { return r.PeerID == "worker-1" })
	if i < 0 || !slices.Equal(q.view.Position.Heads, w.peers[0].proc.view.Position.Heads) {
		t.Fatal("the joiner does not hold what the others hold")
	}
}
