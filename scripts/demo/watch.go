package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/moothall/moothall/scripts/stage"
)

// An election is an admin_elected line of `moot watch --json`, and when it was read.
type election struct {
	Type        string  `json:"type"`
	Admin       string  `json:"admin_peer_id"`
	Previous    string  `json:"previous_admin_peer_id"`
	Term        uint64  `json:"term"`
	Reason      string  `json:"reason"`
	ElectionMS  float64 `json:"election_time_ms"`
	WorkersLeft int     `json:"num_workers"`

	heard time.Time
}

// A watcher is `moot watch --json` in the background.
type watcher struct {
	cmd       *exec.Cmd
	stop      context.CancelFunc
	listening chan struct{} // closed when it says that it watches
	elections chan election // closed at its end
}

// startWatch starts it; it ends with ctx, and close waits for that.
func startWatch(ctx context.Context, s *stage.Stage) (*watcher, error) {
	ctx, stop := context.WithCancel(ctx)
	cmd, err := s.Moot(ctx, "watch", "--json")
	if err != nil {
		stop()
		return nil, err
	}
	stdout, outErr := cmd.StdoutPipe()
	stderr, errErr := cmd.StderrPipe()
	if err := cmp.Or(outErr, errErr); err != nil {
		stop()
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		stop()
		return nil, err
	}
	w := &watcher{cmd: cmd, stop: stop, listening: make(chan struct{}), elections: make(chan election, 16)}
	go func() {
		awaitLine(stderr, "watching room", w.listening)
		// What it says later is of no interest, but it must not block on a full pipe.
		_, _ = io.Copy(io.Discard, stderr)
	}()
	go readElections(stdout, w.elections)
	return w, nil
}

// close ends the process and returns when it has ended.
func (w *watcher) close() {
	w.stop()
	for range w.elections {
	}
	// It was killed; how it ended says nothing.
	_ = w.cmd.Wait()
}

// awaitLine closes seen when a line with the text has come.
func awaitLine(r io.Reader, text string, seen chan<- struct{}) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			close(seen)
			return
		}
	}
}

// readElections hands on the elections among the events and closes the channel at
// the end. Should nobody listen to 16 of them, the next are dropped.
func readElections(r io.Reader, to chan<- election) {
	defer close(to)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var e election
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Type != "admin_elected" {
			continue
		}
		e.heard = time.Now()
		select {
		case to <- e:
		default:
		}
	}
}

// after waits for the first election whose admin is another than the one that was lost.
func (w *watcher) after(ctx context.Context, lost string) (election, error) {
	for {
		select {
		case e, ok := <-w.elections:
			if !ok {
				return e, fmt.Errorf("moot watch ended before a successor of %s was announced", lost)
			}
			if e.Admin != "" && e.Admin != lost {
				return e, nil
			}
		case <-ctx.Done():
			return election{}, fmt.Errorf("no successor of %s was announced: %w", lost, context.Cause(ctx))
		}
	}
}
