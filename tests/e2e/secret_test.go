package e2e

import (
	"strings"
	"testing"

	"github.com/moothall/moothall/scripts/stage"
)

// Issue 6.3: with MOOT_ROOM_SECRET, moot refuses a worker that lacks it, and a worker
// refuses a moot that lacks it; the two that have it work together. Nobody prints it.
func TestRoomSecret_BothSidesMustHaveIt(t *testing.T) {
	t.Parallel()
	const secret = "MOOT_ROOM_SECRET=a-canary-that-the-hub-never-sees"
	h := open(t, stage.Spec{PeerID: "heron", MemoryMB: 8000, Commands: anything, Settings: []string{secret}})
	h.add(stage.Spec{PeerID: "otter", MemoryMB: 8000, Commands: anything})
	h.awaitWorkers(2)
	run := func(peer string, settings ...string) (int, string) {
		c := h.moot(settings, "run", "--worker", peer, "--", "sh", "-c", "exit 0")
		return c.end(), c.err.String()
	}
	for _, c := range []struct {
		what, peer string
		settings   []string
		ok         bool
	}{
		{"both have it", "heron", []string{secret}, true},
		{"moot lacks it", "heron", nil, false},
		{"the worker lacks it", "otter", []string{secret}, false},
		{"another secret", "heron", []string{secret + "x"}, false},
	} {
		code, said := run(c.peer, c.settings...)
		t.Logf("%s: exit code %d\n%s", c.what, code, said)
		if (code == 0) != c.ok {
			t.Errorf("%s: exit code %d\n%s", c.what, code, said)
		}
		if !c.ok && !strings.Contains(said, "room secret") {
			t.Errorf("%s: nobody says why:\n%s", c.what, said)
		}
	}
	for _, p := range []string{h.read(h.Hub().Log), h.read(h.worker("heron").Log), h.read(h.worker("otter").Log)} {
		if strings.Contains(p, "canary") {
			t.Error("the secret is in a log")
		}
	}
}
