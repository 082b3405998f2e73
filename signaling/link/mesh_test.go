package link

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

// A mesh holds, for each peer, its link to every other.
type mesh [][]*Link

// connect links every pair of peers from first on with all others, at once.
func (w *world) connect(m mesh, first int) {
	w.t.Helper()
	var dialling sync.WaitGroup
	for j := first; j < len(w.peers); j++ {
		for i := range j {
			dialling.Go(func() {
				a, b := w.peers[i], w.peers[j]
				l, err := a.endpoint.Dial(w.t.Context(), Remote{PeerID: b.id, Purpose: events.PurposeMesh}, a.id, &wire{from: a, to: b})
				if err != nil {
					w.t.Errorf("%s to %s: %v", a.id, b.id, err)
					return
				}
				m[i][j] = l
			})
		}
	}
	dialling.Wait()
	for j := first; j < len(w.peers); j++ {
		for range j {
			l := <-w.peers[j].accepted
			<-l.Opened()
			for i, p := range w.peers {
				if p.id == l.Remote().PeerID {
					m[j][i] = l
				}
			}
		}
	}
}

func newMesh(n int) mesh {
	m := make(mesh, n)
	for i := range m {
		m[i] = make([]*Link, n)
	}
	return m
}

// talk sends a frame on each link, both ways, and wants each to arrive from its sender.
func (w *world) talk(m mesh) (links int) {
	w.t.Helper()
	for i := range m {
		for j := range m {
			if i != j && m[i][j] != nil {
				must(w.t, m[i][j].Control().Send([]byte(w.peers[i].id)))
			}
		}
	}
	for i := range m {
		for j := range m {
			if i == j || m[i][j] == nil {
				continue
			}
			if got := receive(w.t, m[i][j].Control()); got != w.peers[j].id {
				w.t.Errorf("%s got %q from %s", w.peers[i].id, got, w.peers[j].id)
			}
			links++
		}
	}
	return links / 2
}

// Work list 3.5: "2-worker mesh (1 connection each)", "5-worker mesh (10 total
// connections)", "10-worker mesh (45 total connections)"; acceptance: "within 30 seconds".
func TestMesh_EveryPairIsLinked(t *testing.T) {
	for n, links := range map[int]int{2: 1, 5: 10, 10: 45} {
		bubble(t, n, func(t *testing.T, w *world) {
			start := time.Now()
			m := newMesh(n)
			w.connect(m, 1)
			between(t, "mesh", time.Since(start), 0, 30*time.Second)
			if got := w.talk(m); got != links {
				t.Errorf("%d peers have %d links, want %d", n, got, links)
			}
		})
	}
}

// Work list 3.3, acceptance: "Worker establishes 5 simultaneous WebRTC connections to 5
// peers"; 3.5: "peer join mid-session".
func TestMesh_AJoinerLinksToAllWhoAreThere(t *testing.T) {
	bubble(t, 6, func(t *testing.T, w *world) {
		m := newMesh(6)
		all := w.peers
		w.peers = all[:5]
		w.connect(m, 1)
		w.peers = all
		w.connect(m, 5)
		for i := range 5 {
			if m[5][i] == nil {
				t.Errorf("no link to %s", all[i].id)
			}
		}
		if got := w.talk(m); got != 15 {
			t.Errorf("%d links", got)
		}
	})
}

// Work list 3.5: "peer leave mid-session (connections cleaned up)".
func TestMesh_WhoLeavesIsSeenToByAllAtOnce(t *testing.T) {
	bubble(t, 5, func(t *testing.T, w *world) {
		m := newMesh(5)
		w.connect(m, 1)
		start := time.Now()
		go w.peers[4].endpoint.Close()
		for i := range 4 {
			<-m[i][4].Done()
			between(t, w.peers[i].id+" sees it", time.Since(start), 0, 20*time.Millisecond)
		}
		for i := range 4 {
			must(t, m[i][4].Close())
			<-m[i][4].gone
			m[i][4], m[4][i] = nil, nil
			if n := len(w.peers[i].endpoint.links); n != 3 {
				t.Errorf("%s keeps %d links", w.peers[i].id, n)
			}
		}
		if got := w.talk(m); got != 6 {
			t.Errorf("%d links", got)
		}
	})
}

func TestMesh_WhoFallsSilentIsSuspectedByAllOthers(t *testing.T) {
	bubble(t, 5, func(t *testing.T, w *world) {
		m := newMesh(5)
		w.connect(m, 1)
		time.Sleep(time.Minute)
		w.drop(func(from, to net.IP) bool { return from.String() == ip(4) || to.String() == ip(4) })
		start := time.Now()
		for i := range 4 {
			if !<-m[i][4].Suspect() {
				t.Errorf("%s: not suspect", w.peers[i].id)
			}
			between(t, "suspicion", time.Since(start), time.Second, 3*time.Second)
		}
		for i := range 4 {
			<-m[i][4].Done()
			m[i][4], m[4][i] = nil, nil
		}
		if got := w.talk(m); got != 6 {
			t.Errorf("%d links", got)
		}
	})
}
