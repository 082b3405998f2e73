package e2e

import (
	"testing"
	"time"

	"github.com/moothall/moothall/scripts/stage"
)

// silenceLimit is from the last word of somebody to everybody's knowledge: silence of
// 15 s, and one to say so (work list 4.2).
const silenceLimit = 16 * time.Second

// comeBack is how long a worker that has departed has to be started again.
const comeBack = 30 * time.Second

// The worker is killed in mid-job and not started again: the client says lost and exits
// 75, 30 s after the worker has departed. Where others are in the room their testimony
// makes that quicker; alone, silence has to do.
func TestLost_WorkerKilledInMidJob(t *testing.T) {
	for _, tt := range []struct {
		name   string
		others []string
		limit  time.Duration
	}{
		{"a member", []string{"adder"}, electionLimit + comeBack},
		{"the only worker", nil, silenceLimit + comeBack},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			peers := append(tt.others, "dingo")
			var specs []stage.Spec
			for _, peer := range peers {
				specs = append(specs, stage.Spec{PeerID: peer, MemoryMB: 16000, Commands: anything})
			}
			h, g := open(t, specs...), newGate(t)
			await(t, "the mesh is whole", soon, func() bool { return h.agree(peers...) })
			c := h.moot(nil, "run", "--json", "--worker", "dingo", "--", "sh", "-c", wait, g.path)
			c.says("begun\n")
			h.worker("dingo").Kill()
			killed := time.Now()
			code := c.end()
			took := time.Since(killed)
			t.Logf("lost after %s", took)
			if took > tt.limit {
				t.Errorf("at most %s are allowed", tt.limit)
			}
			if r := c.report(); code != 75 || r.State != "lost" || r.ExitCode != nil || r.Error == nil || r.Error.Code != "lost" {
				t.Errorf("exit code %d: %s", code, c.out)
			}
		})
	}
}
