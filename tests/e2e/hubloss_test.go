package e2e

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/scripts/stage"
)

// Show; work list 9.2.4. The hub is killed while a job runs. The job ends at its
// client, with its output, and within 1 s all five workers show its worker available
// again, hold equal heads, and have four open links each, with UDP addresses.
func TestHubLoss_TheJobEndsAndTheMeshAgrees(t *testing.T) {
	peers := []string{"adder", "bison", "crane", "dingo", "eland"}
	var specs []stage.Spec
	for _, peer := range peers {
		specs = append(specs, stage.Spec{PeerID: peer, MemoryMB: 16000, Commands: anything})
	}
	h, g := open(t, specs...), newGate(t)
	await(t, "the mesh is whole", soon, func() bool { return h.agree(peers...) })
	c := h.moot(nil, "run", "--json", "--worker", "dingo", "--to", t.TempDir(), "--", "sh", "-c", wait+` >"$MOOT_OUT/said"`, g.path)
	for _, peer := range peers {
		await(t, peer+" shows dingo busy", soon, func() bool { return h.statusAt(peer, "dingo") == "busy" })
	}

	h.Hub().Kill()
	g.open()
	if code := c.end(); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, c.out, c.err)
	}
	await(t, "all five show it available, agree, and keep their links", time.Second, func() bool {
		for _, peer := range peers {
			if h.statusAt(peer, "dingo") != "available" {
				return false
			}
		}
		return h.agree(peers...)
	})
	if r := c.report(); r.State != "done" || len(r.Outputs) != 1 || h.read(r.Outputs[0].Path) != "go on\n" {
		t.Errorf("%s", c.out)
	}
	for _, peer := range peers {
		for _, l := range h.room(peer).Links {
			if l.State != "open" || !udp(l.Local) || !udp(l.Remote) {
				t.Errorf("%s: %+v", peer, l)
			}
		}
	}
}

// statusAt is a worker's status as another sees it.
func (h hall) statusAt(viewer, peer string) string {
	for _, w := range h.room(viewer).Workers {
		if w.PeerID == peer {
			return string(w.Status)
		}
	}
	return ""
}

// udp reports whether an end of a link reads udp IP:PORT.
func udp(end string) bool {
	address, ok := strings.CutPrefix(end, "udp ")
	at, err := netip.ParseAddrPort(address)
	return ok && err == nil && at.Port() != 0
}
