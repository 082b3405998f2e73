package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/scripts/stage"
)

// propagation reserves a worker and gives it back, and times each change of status
// until the last of all other workers shows it. The start is before the client's
// request, the end is by the clock of that worker, which the others share; nobody
// asks while the change is on its way.
func (b *bench) propagation(ctx context.Context) ([]sample, error) {
	s, err := b.slotter(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close(ctx)
	seen := sample{what: "status change seen by all others", unit: milliseconds, target: 10}
	peers := make([]string, 0, len(b.workers))
	for peer := range b.workers {
		peers = append(peers, peer)
	}
	slices.Sort(peers)
	for i := range (b.changes + 1) / 2 {
		peer := peers[i%len(peers)]
		var lease events.JobLease
		if err := b.timed(ctx, &seen, peer, has(events.StatusReserved), func() (err error) {
			lease, err = s.reserve(ctx, peer, fmt.Sprintf("bench-%d", i))
			return err
		}); err != nil {
			return nil, err
		}
		if err := b.timed(ctx, &seen, peer, has(events.StatusAvailable), func() error { return s.release(ctx, peer, lease) }); err != nil {
			return nil, err
		}
	}
	return []sample{seen}, nil
}

// settle is how long a change is left alone before the workers are asked about it.
const settle = 20 * time.Millisecond

// timed does something that changes a worker's row and asks all others since when
// they have shown it.
func (b *bench) timed(ctx context.Context, into *sample, peer string, want func(events.Worker) bool, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	start := time.Now()
	if err := do(); err != nil {
		return err
	}
	time.Sleep(settle) //nolint:forbidigo // nobody may ask meanwhile
	last := start
	for other, w := range b.workers {
		if other == peer {
			continue
		}
		since, err := shows(ctx, w, peer, want)
		if err != nil {
			return err
		}
		if since.After(last) {
			last = since
		}
	}
	into.took(last.Sub(start))
	return nil
}

func has(s events.Status) func(events.Worker) bool {
	return func(w events.Worker) bool { return w.Status == s }
}

// shows is since when a worker shows another as it is wanted.
func shows(ctx context.Context, w *stage.Worker, peer string, want func(events.Worker) bool) (time.Time, error) {
	r, err := w.Room(ctx)
	for err == nil {
		if slices.ContainsFunc(r.Workers, func(o events.Worker) bool { return o.PeerID == peer && want(o) }) {
			return time.UnixMicro(r.SinceUS), nil
		}
		r, err = w.RoomAfter(ctx, r.Version)
	}
	return time.Time{}, fmt.Errorf("%s never showed the change of %s: %w", w.PeerID, peer, err)
}
