package bubble

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/session"
	"github.com/moothall/moothall/worker"
	"github.com/moothall/moothall/worker/jobs"
)

// reserve makes a worker's status reserved: it has acknowledged that when it answers.
func reserve(t *testing.T, c *Cluster, w *Worker) {
	t.Helper()
	cfg, _ := c.Session(events.RoleClient, "")
	s, err := session.Join(context.Background(), cfg)
	must(t, err)
	defer s.Close(context.Background())
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	ask := events.Reserve{V: events.ProtocolVersion, Type: events.TypeReserve, RequestID: "r", Command: "anything"}
	must(t, s.Request(ctx, events.WorkSubject(Room, w.ID, s.Peer()), ask, nil))
}

// whoShow are those of the workers in whose view a worker has a status.
func whoShow(workers []*Worker, id string, status events.Status) (show []string) {
	for _, w := range workers {
		if slices.ContainsFunc(w.Room().Workers, func(e events.Worker) bool { return e.PeerID == id && e.Status == status }) {
			show = append(show, w.ID)
		}
	}
	return show
}

// Work list 9.2.1: the admin dies in mid-broadcast, after the i-th of n sends, for
// every i. What it sent after that reaches nobody, and then its process is dead. The
// owner of the status that it was telling reaches only the admin, and has acknowledged
// it: it is everywhere as soon as the next admin is and the links are back.
func TestBroadcast_TheAdminDiesAfterEachOfItsSends(t *testing.T) {
	const receivers = 4
	for sent := range receivers + 1 {
		t.Run(fmt.Sprint(sent), func(t *testing.T) {
			Run(t, func(t *testing.T, c *Cluster) {
				commands, err := jobs.ParseCommands("anything=/bin/true {args}")
				must(t, err)
				allow := func(cfg *worker.Config) { cfg.Commands = commands }
				for i := range receivers + 2 { // the admin, those who receive, the owner
					w := c.StartWith(fmt.Sprintf("worker-%d", i+1), 8000, allow)
					c.Until(time.Second, func() bool { return len(w.Room().Workers) > 0 })
				}
				whole := func(workers []*Worker, members int) func() bool {
					return func() bool {
						return openLinks(workers) >= len(workers)*(len(workers)-1) && !slices.ContainsFunc(workers, func(w *Worker) bool {
							r := w.Room()
							return len(r.Workers) != members || !slices.Equal(r.Heads, workers[0].Room().Heads) || r.Generation != workers[0].Room().Generation
						})
					}
				}
				admin, owner, survivors := c.workers[0], c.workers[receivers+1], c.workers[1:]
				if _, ok := c.Until(30*time.Second, whole(c.workers, receivers+2)); !ok || !allTake(c.workers, admin.ID) {
					t.Fatal("the room did not come together")
				}
				for _, w := range survivors[:receivers] {
					c.Cut(owner, w)
					c.Cut(w, owner)
				}
				if _, ok := c.Until(time.Minute, func() bool { return openLinks([]*Worker{owner}) == 1 }); !ok {
					t.Fatal("the owner did not notice whom it cannot reach")
				}
				for _, w := range survivors[sent:receivers] {
					c.Cut(admin, w)
				}
				reserve(t, c, owner)
				if _, ok := c.Until(100*time.Millisecond, func() bool { return len(whoShow(c.workers, owner.ID, events.StatusReserved)) == sent+2 }); !ok {
					t.Fatalf("reached %v", whoShow(c.workers, owner.ID, events.StatusReserved))
				}
				c.Heal() // in the same instant: what was cut off stays lost
				admin.Kill()
				took, ok := c.Until(5*time.Second, func() bool {
					return allTake(survivors, "worker-2") && whole(survivors, receivers+2)() && len(whoShow(survivors, owner.ID, events.StatusReserved)) == len(survivors)
				})
				if !ok {
					t.Errorf("admin %s, status known to %v", survivors[0].Room().AdminPeerID, whoShow(survivors, owner.ID, events.StatusReserved))
				}
				t.Logf("told %d of %d, whole %v after the death", sent, receivers, took)
				for _, w := range survivors {
					if n := w.Room().Term; n != 2 {
						t.Errorf("%s is in term %d", w.ID, n)
					}
				}
			})
		})
	}
}
