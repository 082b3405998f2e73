package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/scripts/stage"
	"github.com/moothall/moothall/signaling/session"
)

// propagation reserves a worker and gives it back, and times each change of status
// until all other workers show it. Watching nine workers over HTTP is part of the
// time, so the numbers are upper bounds.
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
// show it.
func (b *bench) timed(ctx context.Context, into *sample, peer string, want events.Status, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	start := time.Now()
	if err := do(); err != nil {
		return err
	}
	var all sync.WaitGroup
	late := make(chan error, len(b.workers))
	for other, w := range b.workers {
		if other != peer {
			all.Go(func() { late <- shows(ctx, w, peer, want) })
		}
	}
	all.Wait()
	into.took(time.Since(start))
	close(late)
	for err := range late {
		if err != nil {
			return err
		}
	}
	return nil
}

// shows asks a worker each millisecond until it shows another with a status.
func shows(ctx context.Context, w *stage.Worker, peer string, want events.Status) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		r, err := w.Room(ctx)
		if err != nil {
			return fmt.Errorf("%s never showed %s as %s: %w", w.PeerID, peer, want, err)
		}
		if slices.ContainsFunc(r.Workers, func(o events.Worker) bool { return o.PeerID == peer && o.Status == want }) {
			return nil
		}
		<-tick.C
	}
}
