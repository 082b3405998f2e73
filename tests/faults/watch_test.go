//go:build linux

package faults

import (
	"context"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/moothall/moothall/scripts/stage"
	"github.com/moothall/moothall/tests/process"
)

// A command is a client's program on the hub's host.
type command struct {
	h        *hall
	out, err process.Buffer
	cmd      *exec.Cmd
	done     chan struct{}
}

func (h *hall) moot(args ...string) *command {
	h.t.Helper()
	cmd, err := h.Moot(context.Background(), args...)
	if err != nil {
		h.t.Fatal(err)
	}
	c := &command{h: h, cmd: cmd, done: make(chan struct{})}
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = h.t.TempDir(), &c.out, &c.err, time.Second
	stage.Tie(cmd)
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait() // its end is read from cmd.ProcessState
		close(c.done)
	}()
	h.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-c.done
	})
	return c
}

// says waits until the command has printed a text.
func (c *command) says(text string) {
	c.h.t.Helper()
	process.Await(c.h.t, strings.Join(c.cmd.Args, " ")+" prints "+text, soon, func() bool {
		return strings.Contains(c.out.String()+c.err.String(), text)
	})
}

// A happening is a line of `moot watch --json`.
type happening struct {
	Type                string `json:"type"`
	PeerID              string `json:"peer_id"`
	Reason              string `json:"reason"`
	AdminPeerID         string `json:"admin_peer_id"`
	PreviousAdminPeerID string `json:"previous_admin_peer_id"`
	Term                uint64 `json:"term"`
}

// A watcher is `moot watch --json` on the hub's host.
type watcher struct{ *command }

func watch(h *hall) *watcher {
	h.t.Helper()
	w := &watcher{h.moot("watch", "--json")}
	w.says("watching room " + room)
	return w
}

// seen are the events of a type so far.
func (w *watcher) seen(kind string) (all []happening) {
	w.h.t.Helper()
	for line := range strings.Lines(w.out.String()) {
		var e happening
		if !strings.HasSuffix(line, "\n") {
			break // it comes
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			w.h.t.Fatalf("%v: %s", err, line)
		}
		if e.Type == kind {
			all = append(all, e)
		}
	}
	return all
}

// elected checks that these followed each other as admin since the watch began, each
// in the next term and each announced once: "heron crashed" and so on, the first being
// the admin of term 1 before them.
func (h *hall) elected(want ...string) {
	h.t.Helper()
	got := []string{}
	process.Await(h.t, "the elections were watched", soon, func() bool { return len(h.watch.seen("admin_elected")) >= len(want) })
	for i, e := range h.watch.seen("admin_elected") {
		got = append(got, e.AdminPeerID+" "+e.Reason)
		if e.Term != uint64(i+2) {
			h.t.Errorf("election %d is of term %d", i+1, e.Term)
		}
	}
	if !slices.Equal(got, want) {
		h.t.Errorf("elected %q, want %q", got, want)
	}
}

// listed is how many workers the admin lists to a client as there.
func (h *hall) listed() int {
	h.t.Helper()
	c := h.moot("workers", "--json")
	<-c.done
	var l struct {
		Source  string `json:"source"`
		Workers []any  `json:"workers"`
	}
	if c.cmd.ProcessState.ExitCode() != 0 || json.Unmarshal([]byte(c.out.String()), &l) != nil || l.Source != "admin" {
		return 0
	}
	return len(l.Workers)
}
