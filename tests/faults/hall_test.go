//go:build linux

package faults

import (
	"context"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/scripts/stage"
	"github.com/moothall/moothall/tests/process"
)

const (
	room = "lab"
	// healed is from the end of a fault to one state everywhere (issue: 5 s after heal).
	healed = 5 * time.Second
	// silence is from the last word of somebody to everybody's knowledge.
	silence = 16 * time.Second
	soon    = process.Soon
	// look is how often all views are compared: that takes work.
	look = 50 * time.Millisecond
)

// A hall is a hub with workers, each on a host of its own.
type hall struct {
	*stage.Stage
	*network
	t      *testing.T
	peers  []string
	watch  *watcher
	closed *bool // the hub was killed and not opened again
}

// open starts a hub and its workers; the first is admin and has the least memory, the
// others have more the earlier they come: who follows is known. It returns when the
// mesh is whole.
func open(t *testing.T, peers ...string) *hall {
	t.Helper()
	t.Parallel()
	if lacks := missing(); lacks != "" {
		t.Skipf("NOT TESTED: real faults need %s", lacks)
	}
	n := newNetwork(t, peers...)
	s, err := stage.Open(t.Context(), stage.Config{Bin: process.Bin, Dir: t.TempDir(), Room: room, Tied: true, Hosts: n})
	if err != nil {
		t.Fatal(err)
	}
	h := &hall{Stage: s, network: n, t: t, peers: peers}
	t.Cleanup(s.Close)
	t.Cleanup(h.thaw)
	t.Cleanup(h.showLogs)
	for i, peer := range peers {
		h.add(peer, memory(i))
		if i == 0 {
			process.Await(t, "the first worker is admin", soon, func() bool { return h.room(peer).AdminPeerID == peer })
		}
	}
	h.whole(soon, peers...)
	h.watch = watch(h)
	return h
}

// memory is that of the worker that came as number i.
func memory(i int) int {
	if i == 0 {
		return 8000
	}
	return 40000 - 1000*i
}

func (h *hall) add(peer string, memoryMB int) {
	h.t.Helper()
	_, err := h.Add(stage.Spec{PeerID: peer, Name: peer, MemoryMB: memoryMB, Commands: map[string]string{"sh": "/bin/sh"}})
	if err != nil {
		h.t.Fatal(err)
	}
}

// again starts a worker anew that was killed, on the state of before.
func (h *hall) again(peer string) {
	h.t.Helper()
	h.add(peer, memory(slices.Index(h.peers, peer)))
}

// showLogs tells a failed test's reader what the processes said.
func (h *hall) showLogs() {
	if h.t.Failed() {
		h.t.Log(h.Logs(40))
	}
}

// worker is the newest process of that id.
func (h *hall) worker(peer string) *stage.Worker {
	h.t.Helper()
	for _, w := range slices.Backward(h.Workers) {
		if w.PeerID == peer {
			return w
		}
	}
	h.t.Fatalf("there is no worker %s", peer)
	return nil
}

func (h *hall) signal(peer string, s syscall.Signal) {
	h.t.Helper()
	if err := syscall.Kill(h.worker(peer).PID(), s); err != nil {
		h.t.Fatal(err)
	}
}

// thaw lets frozen workers end with the test.
func (h *hall) thaw() {
	for _, w := range h.Workers {
		_ = syscall.Kill(w.PID(), syscall.SIGCONT) // it may have ended
	}
}

// room is what a worker shows; nothing if it does not answer.
func (h *hall) room(peer string) stage.Room {
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Second)
	defer cancel()
	r, err := h.worker(peer).Room(ctx)
	if err != nil {
		return stage.Room{}
	}
	return r
}

// others are all peers but these.
func (h *hall) others(these ...string) []string {
	return slices.DeleteFunc(slices.Clone(h.peers), func(p string) bool { return slices.Contains(these, p) })
}

// troubles says in what the views of these peers differ from one whole room of theirs;
// "" if in nothing. They must hold the same document, the same admin in the same term,
// reach it, have an open link to each other, and show the same of every worker.
func (h *hall) troubles(peers ...string) string {
	first := h.room(peers[0])
	var all []string
	for _, peer := range peers {
		r := h.room(peer)
		var links []string
		for _, l := range r.Links {
			if l.State == "open" {
				links = append(links, l.PeerID)
			}
		}
		switch {
		case r.AdminPeerID == "":
			all = append(all, peer+" shows nothing")
		case r.AdminPeerID != first.AdminPeerID || r.Term != first.Term:
			all = append(all, peer+" has admin "+r.AdminPeerID+", "+peers[0]+" "+first.AdminPeerID)
		case r.Stale:
			all = append(all, peer+" is stale")
		case !containsAll(links, without(peers, peer)):
			all = append(all, peer+" has links to "+strings.Join(links, " "))
		case !r.SameState(first):
			all = append(all, peer+" has another document than "+peers[0])
		case statuses(r) != statuses(first):
			all = append(all, peer+" shows "+statuses(r)+", "+peers[0]+" "+statuses(first))
		}
	}
	return strings.Join(all, "; ")
}

func without(peers []string, peer string) []string {
	return slices.DeleteFunc(slices.Clone(peers), func(p string) bool { return p == peer })
}

func containsAll(all, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(w string) bool { return !slices.Contains(all, w) })
}

// statuses are the workers of a view with what they do. Who has departed is left out:
// one who joined since does not know of them.
func statuses(r stage.Room) string {
	var all []string
	for _, w := range r.Workers {
		if w.Status != events.StatusDeparted {
			all = append(all, w.PeerID+"="+string(w.Status)+w.CurrentJob)
		}
	}
	return strings.Join(all, " ")
}

// of is one worker as another sees it.
func (h *hall) of(viewer, peer string) events.Worker {
	for _, w := range h.room(viewer).Workers {
		if w.PeerID == peer {
			return w
		}
	}
	return events.Worker{}
}

// another waits until these peers have one admin who is not the old one, and returns
// it. The first in rank comes first unless its process was held up: rank is a delay.
func (h *hall) another(limit time.Duration, old string, peers ...string) (admin string) {
	h.t.Helper()
	took := process.Await(h.t, "there is an admin after "+old, limit, func() bool {
		admin = h.room(peers[0]).AdminPeerID
		return admin != "" && admin != old && !slices.ContainsFunc(peers, func(p string) bool { return h.room(p).AdminPeerID != admin })
	})
	h.t.Logf("%s is admin in place of %s, and all know, after %s", admin, old, took.Round(time.Millisecond))
	return admin
}

// whole waits until these peers are one room again, at most for limit.
func (h *hall) whole(limit time.Duration, peers ...string) time.Duration {
	h.t.Helper()
	begun := time.Now()
	trouble := ""
	for {
		if trouble = h.troubles(peers...); trouble == "" {
			took := time.Since(begun)
			h.t.Logf("whole after %s", took.Round(time.Millisecond))
			return took
		}
		if time.Since(begun) > limit {
			h.t.Fatalf("not whole within %s: %s", limit, trouble)
		}
		<-time.After(look)
	}
}
