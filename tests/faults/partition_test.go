//go:build linux

package faults

import (
	"slices"
	"testing"
	"time"

	"github.com/moothall/moothall/scripts/stage"
	"github.com/moothall/moothall/tests/process"
)

const (
	// linkLife is how long a link lives that hears nothing: 12 s, and a little for a
	// busy machine.
	linkLife = 15 * time.Second
	// cutFor is so long that links have ended, leases have lapsed, and dials have failed.
	cutFor = 25 * time.Second
)

// stale waits until these show their state as old, at most for the life of a link:
// a side that still hears is told by the other.
func (h *hall) stale(peers ...string) {
	h.t.Helper()
	took := process.Await(h.t, "these show a stale state", linkLife, func() bool {
		return !slices.ContainsFunc(peers, func(p string) bool { return !h.room(p).Stale })
	})
	h.t.Logf("stale after %s", took.Round(time.Millisecond))
}

// healAfter ends all cuts when the first is cutFor old.
func (h *hall) healAfter(begun time.Time) {
	h.t.Helper()
	<-time.After(time.Until(begun.Add(cutFor)))
	h.heal()
}

// Work list 7.4. Three workers and the admin do not hear each other; the hub hears
// all. The three keep the old state and call it stale; who begins or ends a job
// meanwhile is known to all who hear it; nobody is elected; after the heal everybody
// holds one state.
func TestCut_ThreeWorkersFromTheAdmin(t *testing.T) {
	h := open(t, "adder", "bison", "crane", "dingo", "eland")
	three := []string{"bison", "crane", "dingo"}
	ending := h.busy("bison")
	h.whole(healed, h.peers...)
	h.part([]string{"adder"}, three)
	begun := time.Now()
	h.stale(three...)
	for _, peer := range three {
		if n := len(h.room(peer).Workers); n != 5 {
			t.Errorf("%s shows %d workers of the old state", peer, n)
		}
	}
	ending.end()
	h.busy("crane")
	h.healAfter(begun)
	h.whole(healed, h.peers...)
	h.expectBusy(h.peers, "crane")
	h.elected()
}

// One direction only: the admin no longer hears one worker, which hears the admin.
func TestCut_TheAdminIsDeaf(t *testing.T) { testOneWay(t, "crane", "adder") }

// The other direction.
func TestCut_TheWorkerIsDeaf(t *testing.T) { testOneWay(t, "adder", "crane") }

func testOneWay(t *testing.T, from, to string) {
	h := open(t, "adder", "bison", "crane")
	h.cut([]string{from}, []string{to})
	begun := time.Now()
	h.stale("crane")
	h.busy("crane")
	h.healAfter(begun)
	h.whole(healed, h.peers...)
	h.expectBusy(h.peers, "crane")
	h.elected()
}

// Work list 9.2: a partition for half of the workers. The admin stays with the hub:
// nobody is elected. The others depart, show a stale state, and come back as
// themselves.
func TestPartition_HalfOfTheWorkersFromHubAndAdmin(t *testing.T) {
	h := open(t, "adder", "bison", "crane", "dingo", "eland", "fox")
	near, far := []string{"adder", "bison", "crane"}, []string{"dingo", "eland", "fox"}
	running := h.busy("dingo")
	h.whole(healed, h.peers...)
	h.part(append([]string{stage.HubHost}, near...), far)
	begun := time.Now()
	h.stale(far...)
	process.Await(t, "the far half has departed", 2*silence, func() bool {
		return !slices.ContainsFunc(far, func(p string) bool { return h.of("adder", p).Status != "departed" })
	})
	h.healAfter(begun)
	h.whole(healed, h.peers...)
	h.expectBusy(h.peers, "dingo")
	h.elected()
	running.end()
	h.whole(healed, h.peers...)
	h.expectBusy(h.peers)
}

// The admin is in the half that the hub does not hear: the other half has an admin
// within 16 s, and the old one steps down at the heal.
func TestPartition_TheAdminFromHubAndHalfOfTheWorkers(t *testing.T) {
	h := open(t, "adder", "bison", "crane", "dingo", "eland", "fox")
	far, near := []string{"adder", "bison", "crane"}, []string{"dingo", "eland", "fox"}
	h.busy("dingo")
	h.whole(healed, h.peers...)
	h.part(append([]string{stage.HubHost}, near...), far)
	begun := time.Now()
	next := h.another(silence, "adder", near...)
	h.healAfter(begun)
	h.whole(healed, h.peers...)
	h.expectBusy(h.peers, "dingo")
	h.elected(next + " silent")
}
