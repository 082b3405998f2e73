//go:build linux

package faults

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/moothall/moothall/tests/process"
)

// storm runs short jobs on these workers, one after the other on each, so that their
// statuses change and are broadcast all the time, until the returned function is
// called, which waits for the last ones. What becomes of a job when its worker dies is
// not the point here.
func (h *hall) storm(peers ...string) (calm func()) {
	h.t.Helper()
	stop := make(chan struct{})
	var all sync.WaitGroup
	for _, peer := range peers {
		all.Go(func() {
			for {
				<-h.run(peer).done
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	var once sync.Once
	calm = func() { once.Do(func() { close(stop); all.Wait() }) }
	h.t.Cleanup(calm)
	return calm
}

// run starts a job on a worker that ends at once.
func (h *hall) run(peer string) *command {
	return h.moot("run", "--worker", peer, "--to", h.t.TempDir(), "--force", "--", "sh", "-c", "exit 0")
}

// Work list 9.2.1. The admin is killed at any instant of a storm of broadcasts. Another
// follows, each term is announced once, and the survivors hold one state;
// the dead one comes back as a worker.
func TestKill_TheAdminInMidBroadcast(t *testing.T) {
	h := open(t, "adder", "bison", "crane", "dingo")
	d, admin := draw(t), "adder"
	var elections []string
	for range d.rounds {
		busy := slices.DeleteFunc(h.others(admin), func(p string) bool { return p == h.peers[0] })
		calm := h.storm(busy[len(busy)-2:]...)
		wait := d.between(300*time.Millisecond, 1500*time.Millisecond)
		<-time.After(wait)
		h.worker(admin).Kill()
		t.Logf("%s killed after %s", admin, wait)
		next := h.another(5*time.Second, admin, h.others(admin)...)
		calm()
		h.whole(healed, h.others(admin)...)
		elections = append(elections, next+" crashed")
		h.again(admin)
		h.whole(soon, h.peers...)
		h.expectBusy(h.peers)
		admin = next
	}
	h.elected(elections...)
}

// Work list 9.2.2. A worker is killed at any instant of a storm of changes that it
// merges. Nobody else notices; started again on its state it holds the same as all.
func TestKill_AWorkerInAMerge(t *testing.T) {
	h := open(t, "adder", "bison", "crane", "dingo")
	d := draw(t)
	for range d.rounds {
		victim := d.one([]string{"crane", "dingo"})
		others := without([]string{"bison", "crane", "dingo"}, victim)
		calm := h.storm(others...)
		wait := d.between(300*time.Millisecond, 1500*time.Millisecond)
		<-time.After(wait)
		h.worker(victim).Kill()
		t.Logf("%s killed after %s", victim, wait)
		h.again(victim)
		process.Await(t, victim+" is back", soon, func() bool { return h.of("adder", victim).Status == "available" })
		calm()
		h.whole(healed, h.peers...)
		h.expectBusy(h.peers)
	}
	h.elected()
}

// ends are the addresses of all open links: another link has others.
func (h *hall) ends(peers ...string) map[string]string {
	ends := map[string]string{}
	for _, peer := range peers {
		for _, l := range h.room(peer).Links {
			ends[peer+" to "+l.PeerID] = l.State + " " + l.Local + " " + l.Remote
		}
	}
	return ends
}

func (h *hall) reopen() {
	h.t.Helper()
	if err := h.Reopen(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// Work list 9.2.4. The hub is killed and comes back: a status that changed meanwhile is
// everywhere, the links are the same ones, all are registered within 5 s, and nobody
// was elected or departed.
func TestKill_TheHubAndTheMeshIsKept(t *testing.T) {
	h := open(t, "adder", "bison", "crane", "dingo")
	running := h.busy("crane")
	h.whole(healed, h.peers...)
	before := h.ends(h.peers...)
	h.Hub().Kill()
	running.end()
	h.whole(time.Second, h.peers...)
	h.expectBusy(h.peers)
	<-time.After(3 * time.Second)
	h.reopen()
	process.Await(t, "all are registered again", healed, func() bool { return h.listed() == len(h.peers) })
	h.whole(healed, h.peers...)
	if diff := cmp.Diff(before, h.ends(h.peers...)); diff != "" {
		t.Errorf("the links changed (-before +after):\n%s", diff)
	}
	h.elected()
	if left := h.watch.seen("peer_left"); len(left) > 0 {
		t.Errorf("%+v", left)
	}
}

// The admin and the hub are killed together. Without a hub nobody is elected; it comes
// back, and within the silence of a lease there is one admin, who knows what changed
// meanwhile.
func TestKill_AdminAndHubTogether(t *testing.T) {
	h := open(t, "adder", "bison", "crane", "dingo")
	running, rest := h.busy("crane"), h.others("adder")
	h.whole(healed, h.peers...)
	h.Hub().Kill() // first: it must not see the other's end
	h.worker("adder").Kill()
	running.end()
	<-time.After(3 * time.Second)
	for _, p := range rest {
		if r := h.room(p); r.AdminPeerID != "adder" || r.Term != 1 {
			t.Errorf("without a hub %s has admin %s of term %d", p, r.AdminPeerID, r.Term)
		}
	}
	h.reopen()
	next := h.another(silence+healed, "adder", rest...)
	h.whole(healed, rest...)
	for _, p := range rest {
		if s := h.of(p, "crane").Status; s != "available" {
			t.Errorf("%s shows crane %s", p, s)
		}
	}
	h.elected(next + " silent")
}
