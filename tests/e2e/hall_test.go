package e2e

import (
	"context"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/moothall/moothall/scripts/stage"
	"github.com/moothall/moothall/tests/process"
)

const room = "lab"

// anything lets a test write the job down where it runs it: sh -c '…'.
var anything = map[string]string{"sh": "/bin/sh"}

// A hall is a hub with workers, and moot in front of it, for one test.
type hall struct {
	*stage.Stage
	t *testing.T
}

// open starts a hub, and the workers one after the other: the first is admin. It
// returns when the admin lists all of them. The test's end ends them.
func open(t *testing.T, specs ...stage.Spec) hall {
	t.Helper()
	s, err := stage.Open(t.Context(), stage.Config{Bin: process.Bin, Dir: t.TempDir(), Room: room, Tied: true})
	if err != nil {
		t.Fatal(err)
	}
	h := hall{s, t}
	t.Cleanup(s.Close)
	t.Cleanup(h.showLogs)
	for i, spec := range specs {
		h.add(spec)
		if i == 0 {
			await(t, "the first worker is admin", soon, func() bool { return h.room(spec.PeerID).AdminPeerID == spec.PeerID })
		}
	}
	if len(specs) > 0 {
		h.awaitWorkers(len(specs))
	}
	return h
}

// showLogs tells a failed test's reader what the processes said.
func (h hall) showLogs() {
	if h.t.Failed() {
		h.t.Log(h.Logs(30))
	}
}

func (h hall) add(spec stage.Spec) *stage.Worker {
	h.t.Helper()
	if spec.Name == "" {
		spec.Name = spec.PeerID
	}
	w, err := h.Add(spec)
	if err != nil {
		h.t.Fatal(err)
	}
	return w
}

// worker is the newest process of that id.
func (h hall) worker(peer string) *stage.Worker {
	h.t.Helper()
	for _, w := range slices.Backward(h.Workers) {
		if w.PeerID == peer {
			return w
		}
	}
	h.t.Fatalf("there is no worker %s", peer)
	return nil
}

// room is what a worker shows; nothing if it does not answer.
func (h hall) room(peer string) stage.Room {
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Second)
	defer cancel()
	r, err := h.worker(peer).Room(ctx)
	if err != nil {
		return stage.Room{}
	}
	return r
}

// agree reports whether the workers hold one state, under one admin, and have each
// an open link to every other.
func (h hall) agree(peers ...string) bool {
	first := h.room(peers[0])
	return !slices.ContainsFunc(peers, func(peer string) bool {
		r := h.room(peer)
		open, _ := r.Open()
		return open != len(peers)-1 || r.Stale || r.AdminPeerID != first.AdminPeerID || r.Term != first.Term || !r.SameState(first)
	})
}

// read is the text of a file of the hub's data folder.
func (h hall) read(path string) string {
	h.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(text)
}

// shop is the hall of all tests that leave a room as they found it: otter takes many
// jobs at once, heron and lynx have more memory and take one.
var shop = &sharedHall{specs: []stage.Spec{
	{PeerID: "otter", MemoryMB: 16000, Commands: anything, Settings: []string{"MOOT_SLOTS=16"}},
	{PeerID: "heron", MemoryMB: 24000, Commands: anything},
	{PeerID: "lynx", MemoryMB: 24000, Commands: anything},
}}

type sharedHall struct {
	specs []stage.Spec
	once  sync.Once
	stage *stage.Stage // nil until the first test asks for it, and if it could not be opened
}

// visit gives a test the hall, which must not kill, add or reopen anything.
func (s *sharedHall) visit(t *testing.T) hall {
	t.Helper()
	s.once.Do(func() { s.open(t) })
	if s.stage == nil {
		t.Fatal("the shared hall was not opened")
	}
	h := hall{s.stage, t}
	t.Cleanup(h.showLogs)
	return h
}

func (s *sharedHall) open(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "shop-*") // it outlives the test
	if err != nil {
		t.Fatal(err)
	}
	opened, err := stage.Open(t.Context(), stage.Config{Bin: process.Bin, Dir: dir, Room: room, Tied: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if s.stage == nil {
			t.Log(opened.Logs(30))
			opened.Close()
		}
	}()
	h := hall{opened, t}
	for _, spec := range s.specs {
		h.add(spec)
	}
	h.awaitWorkers(len(s.specs))
	s.stage = opened
}

func (s *sharedHall) close() {
	if s.stage != nil {
		s.stage.Close()
	}
}
