package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/scripts/stage"
	"github.com/moothall/moothall/signaling/session"
)

// A slotter changes workers' statuses: it reserves them and gives them back.
type slotter struct {
	session *session.Session
	room    string
}

func (b *bench) slotter(ctx context.Context) (*slotter, error) {
	cfg, err := b.stage.ClientConfig()
	if err != nil {
		return nil, err
	}
	key, err := nkeys.CreateUser()
	if err != nil {
		return nil, err
	}
	s, err := session.Join(ctx, session.Config{HubURL: cfg.Hub, Room: cfg.Room, Token: events.Secret(cfg.Token), Role: events.RoleClient, Key: key})
	return &slotter{s, cfg.Room}, err
}

func (s *slotter) close(ctx context.Context) { s.session.Close(context.WithoutCancel(ctx)) }

func (s *slotter) reserve(ctx context.Context, peer, id string) (events.JobLease, error) {
	granted, err := s.take(ctx, peer, id)
	return granted.Lease, err
}

func (s *slotter) take(ctx context.Context, peer, id string) (granted events.Reserved, err error) {
	err = s.session.Request(ctx, events.WorkSubject(s.room, peer, s.session.Peer()),
		events.Reserve{V: events.ProtocolVersion, Type: events.TypeReserve, RequestID: id, Command: "true"}, &granted)
	return granted, err
}

func (s *slotter) release(ctx context.Context, peer string, lease events.JobLease) error {
	var ack struct{}
	return s.session.Request(ctx, events.WorkSubject(s.room, peer, s.session.Peer()),
		events.Release{V: events.ProtocolVersion, Type: events.TypeRelease, Lease: lease}, &ack)
}

// state times single changes beside what else could carry them, some of each in turn,
// and then many at once.
func (b *bench) state(ctx context.Context) ([]sample, error) {
	if _, err := b.settled(ctx); err != nil {
		return nil, err
	}
	s, err := b.slotter(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close(ctx)
	merged := sample{what: "status change merged at the last of nine others", unit: milliseconds, target: 2, tail: 20}
	rivals := rivals(b.bin, spreaders)
	rounds := min(b.rounds, b.changes)
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "state: round %d of %d\n", round+1, rounds)
		n := share(b.changes, round, rounds)
		for i := range (n + 1) / 2 {
			if err := b.change(ctx, s, i, &merged); err != nil {
				return nil, err
			}
		}
		for i := range rivals {
			rivals[i].run(ctx, "-updates", n)
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	all := []sample{merged}
	for _, r := range rivals {
		all = append(all, r.below(merged))
	}
	burst, err := b.bursts(ctx, s)
	return append(all, burst), err
}

// change reserves a worker and gives it back. A change counts from when the worker's
// own view has it until the last of the others' has, each by the clock they share.
func (b *bench) change(ctx context.Context, s *slotter, i int, into *sample) error {
	peers := slices.Sorted(maps.Keys(b.workers))
	peer := peers[i%len(peers)]
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	lease, err := s.reserve(ctx, peer, fmt.Sprintf("state-%d", i))
	if err == nil {
		err = b.seen(ctx, peer, has(events.StatusReserved), into)
	}
	if err == nil {
		err = s.release(ctx, peer, lease)
	}
	if err == nil {
		err = b.seen(ctx, peer, has(events.StatusAvailable), into)
	}
	return err
}

// seen asks all workers since when they show a status, when it has come to rest.
func (b *bench) seen(ctx context.Context, peer string, want func(events.Worker) bool, into *sample) error {
	time.Sleep(settle)
	first, err := shows(ctx, b.workers[peer], peer, want)
	last := first
	for other, w := range b.workers {
		if other == peer || err != nil {
			continue
		}
		var since time.Time
		if since, err = shows(ctx, w, peer, want); since.After(last) {
			last = since
		}
	}
	if err == nil {
		into.took(last.Sub(first))
	}
	return err
}

// Work list 7.3: a burst is burstEach changes of every worker, all workers at once.
const bursts, burstEach = 10, 10

// bursts are a thousand changes in a room of ten. A burst counts from the
// first request until the last worker holds what all hold. Nothing is lost then: each
// change of a worker is based on its last, so who has the heads has every change; and
// the owners' own changes are among them.
func (b *bench) bursts(ctx context.Context, s *slotter) (sample, error) {
	all := sample{what: fmt.Sprintf("%d changes of %d workers at once, all everywhere", burstEach*b.size, b.size), unit: milliseconds, target: 1000, tail: 1000}
	for n := range bursts {
		before, err := b.rest(ctx)
		if err != nil {
			return all, err
		}
		start := time.Now()
		if err := b.burst(ctx, s, n); err != nil {
			return all, err
		}
		after, err := b.rest(ctx)
		if err != nil {
			return all, err
		}
		if slices.Equal(before.heads, after.heads) {
			return all, errors.New("a burst changed nothing")
		}
		all.took(after.since.Sub(start))
	}
	return all, nil
}

func (b *bench) burst(ctx context.Context, s *slotter, n int) error {
	failed := make(chan error, len(b.workers))
	for peer := range b.workers {
		go func() {
			var err error
			for i := 0; i < burstEach/2 && err == nil; i++ {
				var lease events.JobLease
				if lease, err = s.reserve(ctx, peer, fmt.Sprintf("burst-%d-%d", n, i)); err == nil {
					err = s.release(ctx, peer, lease)
				}
			}
			failed <- err
		}()
	}
	var all error
	for range b.workers {
		all = errors.Join(all, <-failed)
	}
	return all
}

// A resting is a room in which all workers hold the same, since the last of them does.
type resting struct {
	heads []string
	since time.Time
}

// rest waits until all workers hold the same state and show each other available.
func (b *bench) rest(ctx context.Context) (r resting, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = b.stage.Await(ctx, "all hold the same and are available", func(ctx context.Context) bool {
		var first stage.Room
		r = resting{}
		for _, w := range b.workers {
			room, err := w.Room(ctx)
			if r.heads == nil {
				first, r.heads = room, room.Heads
			}
			busy := func(o events.Worker) bool { return o.Status != events.StatusAvailable }
			if err != nil || !room.SameState(first) || slices.ContainsFunc(room.Workers, busy) {
				return false
			}
			if since := time.UnixMicro(room.SinceUS); since.After(r.since) {
				r.since = since
			}
		}
		return true
	})
	return r, err
}
