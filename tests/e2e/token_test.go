package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/scripts/stage"
	"github.com/moothall/moothall/tests/process"
)

// moothall runs a command of the operator's on the hall's data folder.
func (h hall) moothall(args ...string) string {
	h.t.Helper()
	out, err := exec.Command(filepath.Join(process.Bin, "moothall"), append(args, "--data", h.Data())...).CombinedOutput()
	if err != nil {
		h.t.Fatalf("moothall %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Issue 6.1: a token that is revoked in mid-session ends the worker and the client that
// it admitted within 5 s, clearly, and cuts them off from the others, who go on.
func TestToken_RevokedInMidSession(t *testing.T) {
	t.Parallel()
	h := open(t, stage.Spec{PeerID: "heron", MemoryMB: 8000}, stage.Spec{PeerID: "lynx", MemoryMB: 8000})
	worker := h.token("--room", room, "--role", "worker", "--id", "rented")
	client := h.token("--room", room, "--role", "client", "--id", "visitor")
	bad := h.serve(stage.Spec{PeerID: "otter", MemoryMB: 16000}, "MOOT_TOKEN="+worker)
	h.awaitWorkers(3)
	watcher := h.moot([]string{"MOOT_TOKEN=" + client}, "watch")
	await(t, "the client watches", soon, func() bool { return strings.Contains(watcher.err.String(), "watching") })

	for id, c := range map[string]*command{"rented": bad, "visitor": watcher} {
		begun := time.Now()
		h.moothall("token", "revoke", id)
		c.refuses(77, "the token was revoked", "try: moothall token new")
		took := time.Since(begun)
		t.Logf("%s: revoked and ended in %s", id, took.Round(time.Millisecond))
		if took > 5*time.Second {
			t.Errorf("%s ended %s after the revocation", id, took)
		}
	}
	await(t, "the others have no link to it and one state", soon, func() bool { return h.agree("heron", "lynx") })
	h.serve(stage.Spec{PeerID: "otter", MemoryMB: 16000}, "MOOT_TOKEN="+worker).refuses(77, "the token was revoked")
	if list := h.moothall("token", "ls"); !strings.Contains(list, "(revoked)") {
		t.Errorf("token ls:\n%s", list)
	}
}

// Issue 6.2: an expired token ends a worker clearly.
func TestToken_ExpiresInMidSession(t *testing.T) {
	t.Parallel()
	h := open(t, stage.Spec{PeerID: "heron", MemoryMB: 8000})
	short := h.token("--room", room, "--role", "worker", "--ttl", "6s")
	c := h.serve(stage.Spec{PeerID: "otter", MemoryMB: 16000}, "MOOT_TOKEN="+short)
	h.awaitWorkers(2)
	c.refuses(77, "the token expired", "try: moothall token new --room lab --role worker")
}

// Issue 6.1: rotating the signing keys restarts no worker: even without a grace all are
// back with credentials of the new keys, as the same processes.
func TestToken_RotateRestartsNoWorker(t *testing.T) {
	t.Parallel()
	h := open(t, stage.Spec{PeerID: "heron", MemoryMB: 8000}, stage.Spec{PeerID: "lynx", MemoryMB: 8000})
	before := h.seats()
	begun := time.Now()
	h.moothall("token", "rotate", "--grace", "0s")
	await(t, "the hub has rotated", soon, func() bool { return strings.Contains(h.read(h.Hub().Log), "signing keys rotated") })
	await(t, "both are back", soon, func() bool {
		return strings.Count(h.read(h.worker("heron").Log), "back at the hub") == 1 && strings.Count(h.read(h.worker("lynx").Log), "back at the hub") == 1
	})
	t.Logf("all back %s after the rotation", time.Since(begun).Round(time.Millisecond))
	await(t, "the room is whole", soon, func() bool { return h.agree("heron", "lynx") })
	for peer, incarnation := range h.seats() {
		if before[peer] != incarnation {
			t.Errorf("%s was %d and is %d", peer, before[peer], incarnation)
		}
	}
	if l := h.workers(); l.Total != 2 {
		t.Errorf("%d workers", l.Total)
	}
}

// DESIGN 4: the operator releases a peer id, for another key to have.
func TestPeer_ReleasedIDIsAnotherKeys(t *testing.T) {
	t.Parallel()
	h := open(t, stage.Spec{PeerID: "heron", MemoryMB: 8000})
	if list := h.moothall("peer", "ls"); !strings.Contains(list, "heron") || !strings.Contains(list, "here") {
		t.Errorf("peer ls:\n%s", list)
	}
	other := stage.Spec{PeerID: "heron", MemoryMB: 16000}
	h.serve(other).refuses(77, "with another key", "moothall peer release heron")
	h.worker("heron").Kill()
	h.moothall("peer", "release", "heron")
	c := h.serve(other)
	await(t, "another key has the id", soon, func() bool { return strings.Contains(h.moothall("peer", "ls"), "here") || !c.runs() })
	if !c.runs() {
		t.Errorf("it was refused:\n%s", c.err)
	}
}
