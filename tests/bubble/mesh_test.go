package bubble

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/moothall/moothall/worker/mesh"
	"github.com/nats-io/nats-server/v2/server/ats"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	ats.Register() // else JetStream's clock would stop virtual time
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server/ats.Register.func1"))
}

// openLinks counts the open ends of all workers that still run.
func openLinks(workers []*Worker) int {
	n := 0
	for _, w := range workers {
		for _, l := range w.Room().Links {
			if l.State == mesh.StateOpen {
				n++
			}
		}
	}
	return n
}

// agree reports whether all workers hold the same heads, not none, and the same
// admin.
func agree(workers []*Worker) bool {
	first := workers[0].Room()
	for _, w := range workers {
		r := w.Room()
		if len(r.Heads) == 0 || !slices.Equal(r.Heads, first.Heads) || r.AdminPeerID == "" || r.AdminPeerID != first.AdminPeerID || len(r.Workers) != len(workers) {
			return false
		}
	}
	return true
}

func startAll(c *Cluster, n int) []*Worker {
	for i := range n {
		c.Start(fmt.Sprintf("worker-%d", i+1), 16000)
		c.Until(time.Second, func() bool { return len(c.workers[i].Room().Workers) > 0 })
	}
	return c.workers
}

func testMesh(t *testing.T, n int) {
	Run(t, func(t *testing.T, c *Cluster) {
		workers := startAll(c, n)
		took, ok := c.Until(30*time.Second, func() bool { return openLinks(workers) == n*(n-1) && agree(workers) })
		if !ok {
			t.Fatalf("%d of %d ends open, agreed %v", openLinks(workers), n*(n-1), agree(workers))
		}
		t.Logf("%d workers, %d links, equal state after %v of virtual time", n, n*(n-1)/2, took)
	})
}

// Work list 3.5, 7.1.
func TestMesh_TwoWorkersOneLink(t *testing.T) { testMesh(t, 2) }

func TestMesh_FiveWorkersTenLinks(t *testing.T) { testMesh(t, 5) }

func TestMesh_TenWorkers45LinksWithin30s(t *testing.T) { testMesh(t, 10) }
