package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/scripts/stage"
)

const (
	rooms    = 10
	settling = 20 * time.Second // a lease of 15 s and more: a late election shows
)

// A house is a hub with many rooms.
type house struct {
	stage   *stage.Stage
	rooms   map[string][]*stage.Worker
	clients []*client.Client // one in each room, which ask the hub
}

// restart kills the hub of a full house, starts it again, and waits until it knows
// everybody again.
func (b *bench) restart(ctx context.Context) ([]sample, error) {
	// The room of the other measurements would disturb.
	b.stage.Close()
	fmt.Fprintf(os.Stderr, "restart: %d rooms of %d\n", rooms, b.size)
	dir, err := os.MkdirTemp("", "moothall-bench-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	h := house{rooms: map[string][]*stage.Worker{}}
	if h.stage, err = stage.Open(ctx, stage.Config{Bin: b.bin, Dir: dir, Room: "room0", Tied: true}); err != nil {
		return nil, err
	}
	defer h.close()
	for i := range rooms {
		if err := h.fill(ctx, fmt.Sprintf("room%d", i), b.size); err != nil {
			return nil, fmt.Errorf("%w\n%s", err, h.said())
		}
	}
	back := sample{what: fmt.Sprintf("hub killed and started: all of %d rooms of %d registered again", rooms, b.size), unit: seconds, target: 5, tail: 5}
	wrong := sample{what: "links lost and elections then", target: 1, tail: 1}
	for range b.restarts {
		took, lost, err := h.restart(ctx)
		if err != nil {
			return nil, fmt.Errorf("%w\n%s", err, h.said())
		}
		back.took(took)
		wrong.add(float64(lost))
	}
	return []sample{back, wrong}, nil
}

func (h *house) close() {
	for _, c := range h.clients {
		_ = c.Close()
	}
	h.stage.Close()
}

// said is the last that the hub printed, and those that ended by themselves.
func (h *house) said() string {
	said := h.stage.Hub().Tail(5)
	for _, w := range h.stage.Workers {
		select {
		case <-w.Done():
			said += "\n" + w.Tail(3)
		default:
		}
	}
	return said
}

// fill starts the workers of a room.
func (h *house) fill(ctx context.Context, room string, size int) error {
	token, err := h.stage.Token(ctx, room, string(events.RoleWorker))
	if err != nil {
		return err
	}
	for i := range size {
		peer := fmt.Sprintf("%s-%02d", room, i)
		w, err := h.stage.Add(stage.Spec{PeerID: peer, Name: peer, MemoryMB: 8000 + 1000*i, Settings: []string{"MOOT_ROOM=" + room, "MOOT_TOKEN=" + token}})
		if err != nil {
			return err
		}
		h.rooms[room] = append(h.rooms[room], w)
	}
	if _, err := linked(ctx, h.stage, h.rooms[room]); err != nil {
		return err
	}
	if token, err = h.stage.Token(ctx, room, string(events.RoleClient)); err != nil {
		return err
	}
	c, err := client.Join(ctx, client.Config{HubURL: h.stage.HTTP, Room: room, Token: client.Secret(token)})
	if err == nil {
		h.clients = append(h.clients, c)
	}
	return err
}

// restart is the time from just before the hub is killed until its successor has
// heard every worker, and how many links were lost and admins elected meanwhile and
// soon after.
func (h *house) restart(ctx context.Context) (took time.Duration, lost int, err error) {
	for _, workers := range h.rooms {
		if _, err := linked(ctx, h.stage, workers); err != nil {
			return 0, 0, err
		}
	}
	before, err := h.links(ctx)
	if err == nil && len(before) != h.ends() {
		err = fmt.Errorf("%d ends of links, want %d", len(before), h.ends())
	}
	if err != nil {
		return 0, 0, err
	}
	var logs []tail
	for _, w := range h.stage.Workers {
		t, err := tailOf(w.Process)
		if err != nil {
			return 0, 0, err
		}
		logs = append(logs, t)
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	start := time.Now()
	h.stage.Hub().Kill()
	if err := h.stage.Reopen(waiting); err != nil {
		return 0, 0, err
	}
	if err := h.stage.Await(waiting, "all are registered again", func(ctx context.Context) bool { return h.heard(ctx, start) }); err != nil {
		return 0, 0, err
	}
	took = time.Since(start)
	select {
	case <-time.After(settling):
	case <-ctx.Done():
		return 0, 0, context.Cause(ctx)
	}
	for _, t := range logs {
		said, err := t.lines(workerElected)
		if err != nil {
			return 0, 0, err
		}
		for _, l := range said {
			fmt.Fprintf(os.Stderr, "restart: %s elected in term %d, says %s\n", l.Admin, l.Term, t.path)
		}
		lost += len(said)
	}
	after, err := h.links(ctx)
	for _, l := range before {
		if !slices.Contains(after, l) {
			fmt.Fprintln(os.Stderr, "restart: lost", l)
			lost++
		}
	}
	return took, lost, err
}

// heard reports whether the hub heard every worker since then.
func (h *house) heard(ctx context.Context, since time.Time) bool {
	for _, c := range h.clients {
		list, err := c.Workers(ctx, events.Filters{})
		if err != nil || slices.ContainsFunc(list.Workers, func(w events.Worker) bool { return w.LastHeartbeat.Before(since) }) {
			return false
		}
		if len(list.Workers) != len(h.rooms[list.RoomID]) {
			return false
		}
	}
	return true
}

// ends is how many ends of links there are when every room is meshed.
func (h *house) ends() (n int) {
	for _, workers := range h.rooms {
		n += len(workers) * (len(workers) - 1)
	}
	return n
}

// links are the ends of all open links. Another connection has other ports.
func (h *house) links(ctx context.Context) (all []string, err error) {
	for _, w := range h.stage.Workers {
		r, failed := w.Room(ctx)
		err = errors.Join(err, failed)
		for _, l := range r.Links {
			if l.State == "open" {
				all = append(all, fmt.Sprint(w.PeerID, " to ", l.PeerID, ", ", l.Local, " to ", l.Remote))
			}
		}
	}
	return all, err
}
