//go:build linux

package faults

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/moothall/moothall/tests/process"
)

// A fault is done to a hall and over when it returns. What it drew it logs.
type fault struct {
	name string
	do   func(h *hall, d drawn)
}

var faults = []fault{
	{"one-way cut", func(h *hall, d drawn) {
		from := d.one(h.peers)
		to := d.one(h.others(from))
		long := d.lasting()
		h.t.Logf("%s is not heard by %s for %s", from, to, long)
		h.cut([]string{from}, []string{to})
		<-time.After(long)
		h.heal()
	}},
	{"partition of the mesh", func(h *hall, d drawn) {
		these := slices.Clone(h.peers)
		d.Shuffle(len(these), func(i, k int) { these[i], these[k] = these[k], these[i] })
		n, long := 1+d.IntN(len(these)-1), d.lasting()
		h.t.Logf("%v and %v do not hear each other for %s", these[:n], these[n:], long)
		h.part(these[:n], these[n:])
		<-time.After(long)
		h.heal()
	}},
	{"freeze", func(h *hall, d drawn) {
		peer, long := d.one(h.peers), d.lasting()
		h.t.Logf("%s is frozen for %s", peer, long)
		h.signal(peer, syscall.SIGSTOP)
		<-time.After(long)
		h.signal(peer, syscall.SIGCONT)
	}},
	{"kill", func(h *hall, d drawn) {
		peer := d.one(h.others(keeper))
		h.t.Logf("%s is killed", peer)
		h.worker(peer).Kill()
		h.another(silence, peer, h.others(peer)...)
		h.again(peer)
		process.Await(h.t, peer+" is back", soon, func() bool { return h.room(peer).AdminPeerID != "" })
	}},
	{"hub restart", func(h *hall, d drawn) {
		long := d.lasting()
		h.t.Logf("there is no hub for %s", long)
		h.Hub().Kill()
		<-time.After(long)
		h.reopen()
		process.Await(h.t, "all are registered again", healed, func() bool { return h.listed() == len(h.peers) })
	}},
}

// lasting is how long a drawn fault lasts.
func (d drawn) lasting() time.Duration { return d.between(time.Second, 20*time.Second) }

// keeper is never killed: it runs one job from the first round to the last, whose
// status must not be lost.
const keeper = "dingo"

// Faults as they are drawn, one after the other, with 5 s after each to be whole again.
func TestRounds_AsDrawn(t *testing.T) {
	h := open(t, "adder", "bison", "crane", keeper)
	d := draw(t)
	running := h.busy(keeper)
	for i := range d.rounds {
		f := faults[d.IntN(len(faults))]
		t.Logf("round %d: %s", i+1, f.name)
		f.do(h, d)
		h.whole(healed, h.peers...)
		h.expectBusy(h.peers, keeper)
	}
	running.end()
	h.whole(healed, h.peers...)
	h.expectBusy(h.peers)
	h.termsRise()
}

// termsRise checks that no term was announced twice, and that the last is that of the
// room. Who follows whom is drawn, and while the hub is away nobody watches.
func (h *hall) termsRise() {
	h.t.Helper()
	last := uint64(1)
	for _, e := range h.watch.seen("admin_elected") {
		if e.Term <= last {
			h.t.Errorf("term %d of %s is announced after term %d", e.Term, e.AdminPeerID, last)
		}
		last = e.Term
	}
	if r := h.room(keeper); r.Term != last {
		h.t.Errorf("the room is in term %d, announced was %d", r.Term, last)
	}
}
