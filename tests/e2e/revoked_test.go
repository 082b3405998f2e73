package e2e

import (
	"testing"
	"time"

	"github.com/moothall/moothall/scripts/stage"
)

// Issue 6.1: who is put out while a job of theirs runs is cut off from its worker too,
// over a link that the hub has no part in.
func TestToken_RevokedWhileAJobRuns(t *testing.T) {
	t.Parallel()
	h, g := open(t, stage.Spec{PeerID: "heron", MemoryMB: 8000, Commands: anything}), newGate(t)
	visitor := h.token("--room", room, "--role", "client", "--id", "visitor")
	c := h.moot([]string{"MOOT_TOKEN=" + visitor}, "run", "--worker", "heron", "--to", t.TempDir(), "--", "sh", "-c", wait, g.path)
	c.says("begun\n")
	begun := time.Now()
	h.moothall("token", "revoke", "visitor")
	c.refuses(77, "the token was revoked", "may go on at heron")
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("the client was cut off %s after the revocation", took)
	}
}
