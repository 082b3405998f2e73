package e2e

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/moothall/moothall/scripts/stage"
)

// Work list 2.3, 7.2.2. SIGTERM: the admin says goodbye, exits 0, and the next one
// follows at once.
func TestGoodbye_AdminHandsOver(t *testing.T) {
	t.Parallel()
	h := open(t, stage.Spec{PeerID: "adder", MemoryMB: 24000}, stage.Spec{PeerID: "heron", MemoryMB: 16000})
	w := h.watch()
	h.worker("adder").Terminate()
	if left := w.first("peer_left", func(e happening) bool { return e.PeerID == "adder" }); left.Reason != "left" {
		t.Errorf("%+v", left)
	}
	e := w.first("admin_elected", func(happening) bool { return true })
	if e.AdminPeerID != "heron" || e.PreviousAdminPeerID != "adder" || e.Reason != "left" || e.Term != 2 {
		t.Errorf("%+v", e)
	}
	if code := h.worker("adder").ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if l := h.workers(); l.Total != 1 || l.AdminPeerID != "heron" {
		t.Errorf("%+v", l)
	}
}

// SIGTERM with a job: the worker drains. It takes no other job, waits for this one and
// until its client has the outputs, at most MOOT_DRAIN_TIMEOUT, and exits 0 either way.
func TestDrain_WaitsForTheJobAtMostTheTimeout(t *testing.T) {
	t.Parallel()
	patient := stage.Spec{PeerID: "patient", MemoryMB: 24000, Commands: anything, Settings: []string{"MOOT_DRAIN_TIMEOUT=1m"}}
	hasty := stage.Spec{PeerID: "hasty", MemoryMB: 16000, Commands: anything, Settings: []string{"MOOT_DRAIN_TIMEOUT=500ms"}}
	h := open(t, stage.Spec{PeerID: "adder", MemoryMB: 8000}, patient, hasty)

	g := newGate(t)
	to := t.TempDir()
	c := h.moot(nil, "run", "--worker", "patient", "--to", to, "--", "sh", "-c", wait+`; head -c 4000000 /dev/zero >"$MOOT_OUT/zero"`, g.path)
	c.says("begun\n")
	h.worker("patient").Terminate()
	await(t, "it drains", soon, func() bool { return h.workers().of("patient").Status == "draining" })
	h.moot(nil, "run", "--worker", "patient", "--", "sh").refuses(75, "patient")
	g.open()
	if code := c.end(); code != 0 || c.out.String() != "begun\ngo on\n" {
		t.Errorf("exit code %d\n%s%s", code, c.out, c.err)
	}
	if n := len(h.read(filepath.Join(to, "zero"))); n != 4000000 {
		t.Errorf("%d bytes came back", n)
	}
	if code := h.worker("patient").ExitCode(); code != 0 {
		t.Errorf("patient: exit code %d", code)
	}

	c = h.moot(nil, "run", "--json", "--worker", "hasty", "--", "sh", "-c", wait, newGate(t).path)
	c.says("begun\n")
	asked := time.Now()
	h.worker("hasty").Terminate()
	if code := h.worker("hasty").ExitCode(); code != 0 || time.Since(asked) < 500*time.Millisecond || time.Since(asked) > electionLimit {
		t.Errorf("hasty: exit code %d after %s", code, time.Since(asked))
	}
	code := c.end()
	if r := c.report(); code != 75 || r.State != "lost" {
		t.Errorf("exit code %d: %s", code, c.out)
	}
}
