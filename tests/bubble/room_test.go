package bubble

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker"
	"github.com/moothall/moothall/worker/mesh"
)

// together starts n workers of the given memory and waits until they agree.
func together(t *testing.T, c *Cluster, memory ...int64) []*Worker {
	t.Helper()
	for i, mb := range memory {
		w := c.Start("worker-"+string(rune('1'+i)), mb)
		c.Until(time.Second, func() bool { return len(w.Room().Workers) > 0 })
	}
	if _, ok := c.Until(30*time.Second, func() bool { return agree(c.workers) && openLinks(c.workers) == len(memory)*(len(memory)-1) }); !ok {
		t.Fatal("the room did not come together")
	}
	return c.workers
}

// allTake reports whether all these workers take id for the admin.
func allTake(workers []*Worker, id string) bool {
	return !slices.ContainsFunc(workers, func(w *Worker) bool { return w.Room().AdminPeerID != id })
}

// Work list 7.2: the first worker becomes admin; when it leaves, the strongest
// follows, and of equals the lower id.
func TestRoom_AdminLeavesStrongestFollows(t *testing.T) {
	Run(t, func(t *testing.T, c *Cluster) {
		workers := together(t, c, 8000, 16000, 24000, 24000)
		if !allTake(workers, "worker-1") {
			t.Fatal("the first worker is not admin")
		}
		rest := workers[1:]
		done := make(chan error, 1)
		go func() { done <- workers[0].Stop() }()
		took, ok := c.Until(5*time.Second, func() bool { return allTake(rest, "worker-3") })
		if err := <-done; err != nil {
			t.Errorf("a worker that was asked to end returned %v", err)
		}
		if !ok || took > 50*time.Millisecond {
			t.Errorf("took %v, ok %v", took, ok)
		}
	})
}

// Work list 2.3: the admin's process dies and all elect the same within 5 s; here
// its connection ends and its host is silent, as after kill -9.
func TestRoom_AdminCrashesAllElectTheSame(t *testing.T) {
	Run(t, func(t *testing.T, c *Cluster) {
		workers := together(t, c, 8000, 16000, 24000)
		workers[0].Kill()
		took, ok := c.Until(5*time.Second, func() bool { return allTake(workers[1:], "worker-3") })
		if !ok || took > 500*time.Millisecond {
			t.Errorf("took %v, ok %v", took, ok)
		}
	})
}

// Work list 3.3: a peer that falls silent on the mesh loses its link, and gets it
// back; as long as the hub hears it, it does not depart.
func TestMesh_SilentPeerLosesItsLinkAndComesBack(t *testing.T) {
	Run(t, func(t *testing.T, c *Cluster) {
		workers := together(t, c, 8000, 8000, 8000)
		c.Silence(workers[2])
		if _, ok := c.Until(20*time.Second, func() bool { return openLinks(workers) == 2 }); !ok {
			t.Fatalf("%d ends are open", openLinks(workers))
		}
		if !workers[2].Room().Stale || workers[1].Room().Stale {
			t.Error("stale is not where there is no way to the admin")
		}
		c.Heal()
		if _, ok := c.Until(30*time.Second, func() bool { return openLinks(workers) == 6 && agree(workers) }); !ok {
			t.Errorf("%d ends are open after the heal", openLinks(workers))
		}
		if !allTake(workers, "worker-1") {
			t.Error("a cut on the mesh changed the admin")
		}
	})
}

// Work list 3.5: a peer joins in mid-session and leaves again.
func TestMesh_PeerJoinsAndLeavesMidSession(t *testing.T) {
	Run(t, func(t *testing.T, c *Cluster) {
		workers := together(t, c, 8000, 8000)
		late := c.Start("late", 8000)
		all := append(slices.Clone(workers), late)
		if _, ok := c.Until(10*time.Second, func() bool { return openLinks(all) == 6 && agree(all) }); !ok {
			t.Fatalf("%d ends are open", openLinks(all))
		}
		late.Stop()
		if _, ok := c.Until(10*time.Second, func() bool { return openLinks(workers) == 2 && len(workers[0].Room().Links) == 1 }); !ok {
			t.Errorf("%d ends are open, worker-1 still wants %d links", openLinks(workers), len(workers[0].Room().Links))
		}
	})
}

// Work list 3.2: who registers is told of the three that are here, links to each
// with a channel named after the offerer.
func TestMesh_JoinerLinksToThreeExistingPeers(t *testing.T) {
	Run(t, func(t *testing.T, c *Cluster) {
		together(t, c, 8000, 8000, 8000)
		w := c.Start("worker-9", 8000)
		ok := func() bool {
			links := w.Room().Links
			return len(links) == 3 && !slices.ContainsFunc(links, func(l worker.RoomLink) bool { return l.State != mesh.StateOpen })
		}
		if _, done := c.Until(10*time.Second, ok); !done {
			t.Fatalf("links: %+v", w.Room().Links)
		}
		for _, l := range w.Room().Links {
			if l.Path != "direct" || !strings.HasPrefix(l.Remote, "udp 10.9.1.") {
				t.Errorf("link %+v", l)
			}
		}
	})
}

// Work list 6.2: the eleventh worker is refused, and the room goes on unharmed.
func TestRoom_EleventhWorkerIsRefused(t *testing.T) {
	Run(t, func(t *testing.T, c *Cluster) {
		workers := slices.Clone(startAll(c, 10))
		c.Until(30*time.Second, func() bool { return agree(workers) && openLinks(workers) == 90 })
		err := c.Start("eleventh", 8000).Wait()
		if events.CodeOf(err) != events.CodeRoomFull {
			t.Errorf("the eleventh got %v", err)
		}
		if !agree(workers) || openLinks(workers) != 90 {
			t.Error("the room was harmed")
		}
	})
}

// A hub restart elects nobody, loses no link, and state flows without it.
func TestRoom_HubRestartElectsNobody(t *testing.T) {
	Run(t, func(t *testing.T, c *Cluster) {
		workers := together(t, c, 8000, 24000, 16000)
		before := workers[0].Room()
		c.CloseHub()
		c.Pass(20 * time.Second)
		if openLinks(workers) != 6 {
			t.Errorf("%d ends are open without a hub", openLinks(workers))
		}
		c.OpenHub()
		c.Pass(40 * time.Second)
		after := workers[0].Room()
		if after.Term != before.Term || !allTake(workers, before.AdminPeerID) || openLinks(workers) != 6 {
			t.Errorf("term %d became %d, admin %s became %s, %d ends open", before.Term, after.Term, before.AdminPeerID, after.AdminPeerID, openLinks(workers))
		}
		for _, w := range after.Workers {
			if w.Status != events.StatusAvailable {
				t.Errorf("%s is %s", w.PeerID, w.Status)
			}
		}
	})
}

// Work list 4.2: a worker that falls silent to everybody departs after its 15 s.
func TestRoom_SilentWorkerDepartsAfterFifteenSeconds(t *testing.T) {
	Run(t, func(t *testing.T, c *Cluster) {
		workers := together(t, c, 8000, 8000, 8000)
		frozen := workers[2]
		c.Silence(frozen)
		frozen.line.freeze()
		departed := func() bool {
			for _, w := range workers[:2] {
				if !slices.ContainsFunc(w.Room().Workers, func(e events.Worker) bool {
					return e.PeerID == frozen.ID && e.Status == events.StatusDeparted
				}) {
					return false
				}
			}
			return true
		}
		took, ok := c.Until(30*time.Second, departed)
		if !ok || took < 9*time.Second || took > 17*time.Second {
			t.Errorf("took %v, ok %v", took, ok)
		}
		frozen.line.tear()
	})
}

// The mesh carries the room: NATS sees the leases of a quiet room of ten, and
// pings, and nothing else.
func TestRoom_QuietRoomPublishesLeasesOnly(t *testing.T) {
	Run(t, func(t *testing.T, c *Cluster) {
		workers := startAll(c, 10)
		if _, ok := c.Until(30*time.Second, func() bool { return agree(workers) && openLinks(workers) == 90 }); !ok {
			t.Fatal("the room did not come together")
		}
		c.Pass(10 * time.Second)
		for _, w := range workers {
			w.line.Published()
		}
		c.Pass(time.Minute)
		for _, w := range workers {
			subjects := w.line.Published()
			if n := len(subjects); n < 11 || n > 13 {
				t.Errorf("%s published %d messages in a minute", w.ID, n)
			}
			for _, s := range subjects {
				if s != events.ServiceSubject(Room, events.VerbLease, w.ID) {
					t.Errorf("%s published on %s", w.ID, s)
				}
			}
		}
	})
}
