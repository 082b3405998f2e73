package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/scripts/stage"
	"github.com/moothall/moothall/signaling/session"
)

// propagation reserves a worker and gives it back, and times each change of status
// until all other workers show it. Their answers over HTTP are part of the time, so
// the numbers are upper bounds.
func (b *bench) propagation(ctx context.Context) ([]sample, error) {
	cfg, err := b.stage.ClientConfig()
	if err != nil {
		return nil, err
	}
	key, err := nkeys.CreateUser()
	if err != nil {
		return nil, err
	}
	s, err := session.Join(ctx, session.Config{HubURL: cfg.Hub, Room: cfg.Room, Token: cfg.Token, Role: events.RoleClient, Key: key})
	if err != nil {
		return nil, err
	}
	defer s.Close(context.WithoutCancel(ctx))
	seen := sample{what: "status change seen by all others", unit: milliseconds, target: 10}
	peers := make([]string, 0, len(b.workers))
	for peer := range b.workers {
		peers = append(peers, peer)
	}
	slices.Sort(peers)
	for i := range (b.changes + 1) / 2 {
		peer := peers[i%len(peers)]
		subject := events.WorkSubject(cfg.Room, peer, s.Peer())
		var granted events.Reserved
		reserve := events.Reserve{V: events.ProtocolVersion, Type: events.TypeReserve, RequestID: fmt.Sprintf("bench-%d", i), Command: "true"}
		if err := b.timed(ctx, &seen, peer, events.StatusReserved, func() error { return s.Request(ctx, subject, reserve, &granted) }); err != nil {
			return nil, err
		}
		var ack struct{}
		release := events.Release{V: events.ProtocolVersion, Type: events.TypeRelease, Lease: granted.Lease}
		if err := b.timed(ctx, &seen, peer, events.StatusAvailable, func() error { return s.Request(ctx, subject, release, &ack) }); err != nil {
			return nil, err
		}
	}
	return []sample{seen}, nil
}

// timed does something that changes a worker's status and waits until all others
// show it. They are asked before, and answer when their state is newer.
func (b *bench) timed(ctx context.Context, into *sample, peer string, want events.Status, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	watching := make(chan struct{}, len(b.workers))
	shown := make(chan error, len(b.workers))
	others := 0
	for other, w := range b.workers {
		if other != peer {
			others++
			go func() { shown <- shows(ctx, w, peer, want, watching) }()
		}
	}
	for range others {
		select {
		case <-watching:
		case err := <-shown:
			return err
		}
	}
	start := time.Now()
	if err := do(); err != nil {
		return err
	}
	for range others {
		if err := <-shown; err != nil {
			return err
		}
	}
	into.took(time.Since(start))
	return nil
}

// shows returns when a worker shows another with a status. It says that it is
// watching once it knows what to wait for.
func shows(ctx context.Context, w *stage.Worker, peer string, want events.Status, watching chan<- struct{}) error {
	r, err := w.Room(ctx)
	if err == nil {
		watching <- struct{}{}
	}
	for err == nil {
		if slices.ContainsFunc(r.Workers, func(o events.Worker) bool { return o.PeerID == peer && o.Status == want }) {
			return nil
		}
		r, err = w.RoomAfter(ctx, r.Version)
	}
	return fmt.Errorf("%s never showed %s as %s: %w", w.PeerID, peer, want, err)
}
