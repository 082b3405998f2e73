package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/scripts/stage"
)

const busyLoops = 20

// calm watches a room in which nothing happens while the processors have more to do
// than they can. Whoever is said to depart then, is said so falsely. The hub's log is
// asked, for nothing of it is lost.
func (b *bench) calm(ctx context.Context) ([]sample, error) {
	fmt.Fprintf(os.Stderr, "calm: %s beside %d busy loops\n", b.still, busyLoops)
	if _, err := b.settled(ctx); err != nil {
		return nil, err
	}
	hub, err := tailOf(b.stage.Hub())
	if err != nil {
		return nil, err
	}
	end, err := busy(busyLoops)
	defer end()
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(b.still):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	said, err := hub.lines(events.EventPeerLeft, hubElected)
	if err != nil {
		return nil, err
	}
	for _, l := range said {
		fmt.Fprintf(os.Stderr, "calm: %s %s %s%s\n", l.Time.Format(time.TimeOnly), l.Msg, l.Peer, l.Admin)
	}
	wrong := sample{what: fmt.Sprintf("false departures and elections, %s beside %d busy loops", b.still, busyLoops), target: 1, tail: 1}
	wrong.add(float64(len(said)))
	end()
	if err := b.stage.Fallen(); err != nil {
		return nil, err
	}
	_, err = b.settled(ctx)
	return []sample{wrong}, err
}

// busy starts processes that use all the time they get. The function ends them, and
// may be called again.
func busy(n int) (end func(), err error) {
	var loops []*exec.Cmd
	end = func() {
		for _, l := range loops {
			_ = l.Process.Kill()
			_ = l.Wait()
		}
		loops = nil
	}
	for range n {
		l := exec.Command("sh", "-c", "while :; do :; done")
		stage.Tie(l)
		if err := l.Start(); err != nil {
			return end, err
		}
		loops = append(loops, l)
	}
	return end, nil
}
