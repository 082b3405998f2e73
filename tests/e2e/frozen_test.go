package e2e

import (
	"syscall"
	"testing"

	"github.com/moothall/moothall/scripts/stage"
)

// Work list 4.2, 9.2.1. The admin's machine freezes: its process lives and says
// nothing. Within 16 s another is admin; when the old one wakes up it steps down, is
// the same process as before, and nobody is elected again.
func TestFrozenAdmin_IsReplacedAndStepsDown(t *testing.T) {
	t.Parallel()
	h := open(t, stage.Spec{PeerID: "adder", MemoryMB: 16000}, stage.Spec{PeerID: "heron", MemoryMB: 24000}, stage.Spec{PeerID: "lynx", MemoryMB: 16000})
	before := h.workers().of("adder")
	w := h.watch()
	signal := func(s syscall.Signal) {
		t.Helper()
		if err := syscall.Kill(h.worker("adder").PID(), s); err != nil {
			t.Fatal(err)
		}
	}

	signal(syscall.SIGSTOP)
	took := await(t, "the others have another admin", silenceLimit, func() bool { return len(w.seen("admin_elected")) > 0 })
	t.Logf("replaced after %s", took)
	if e := w.seen("admin_elected")[0]; e.AdminPeerID != "heron" || e.PreviousAdminPeerID != "adder" || e.Term != 2 || e.Reason != "silent" {
		t.Errorf("%+v", e)
	}
	left := w.first("peer_left", func(e happening) bool { return e.PeerID == "adder" })
	if left.Reason != "silent" {
		t.Errorf("%+v", left)
	}

	signal(syscall.SIGCONT)
	h.awaitWorkers(3)
	await(t, "all three agree", soon, func() bool { return h.agree("adder", "heron", "lynx") })
	if r := h.room("adder"); r.AdminPeerID != "heron" || r.Term != 2 || r.Incarnation != before.Incarnation {
		t.Errorf("adder has admin %s in term %d and is incarnation %d, which was %d", r.AdminPeerID, r.Term, r.Incarnation, before.Incarnation)
	}
	if l := h.workers(); l.AdminPeerID != "heron" || l.of("adder").Status != "available" || l.of("adder").IsAdmin {
		t.Errorf("%+v", l)
	}
	if all := w.seen("admin_elected"); len(all) != 1 {
		t.Errorf("elections %+v", all)
	}
}
