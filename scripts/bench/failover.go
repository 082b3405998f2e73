package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/moothall/moothall/scripts/stage"
)

// failover kills the admin and times it, and does the same to the peers, a few kills
// each in turn, so that a busy minute of the machine hits all of them.
func (b *bench) failover(ctx context.Context) ([]sample, error) {
	told := sample{what: "admin killed (-9): all others have another", unit: milliseconds, target: 150, tail: 500}
	rivals := rivals(b.bin, leaders)
	rounds := min(b.rounds, b.kills)
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "failover: round %d of %d\n", round+1, rounds)
		if err := b.lose(ctx, share(b.kills, round, rounds), kill, &told); err != nil {
			return nil, err
		}
		for i := range rivals {
			rivals[i].run(ctx, "-kills", share(b.peerKills, round, rounds))
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	all := []sample{told}
	for _, r := range rivals {
		all = append(all, r.against(told))
	}
	return all, nil
}

// share is a round's part of a number of things that are done in rounds.
func share(of, round, rounds int) int { return of*(round+1)/rounds - of*round/rounds }

// leave lets the admin leave as it likes to.
func (b *bench) leave(ctx context.Context) ([]sample, error) {
	told := sample{what: "admin leaves (SIGTERM): all others have another", unit: milliseconds, target: 20}
	return []sample{told}, b.lose(ctx, b.leaves, terminate, &told)
}

// frozen stops the admin's process without ending it, and lets it go on afterwards.
func (b *bench) frozen(ctx context.Context) ([]sample, error) {
	told := sample{what: "admin frozen (SIGSTOP): all others have another", unit: seconds, target: 16, tail: 16}
	return []sample{told}, b.lose(ctx, b.freezes, freeze, &told)
}

// A loss is a way to lose a worker, and what brings it back: a new process if again
// says so.
type loss struct {
	lose  func(*stage.Worker) error
	mend  func(context.Context, *stage.Worker) error
	again bool
}

var (
	kill = loss{
		lose:  func(w *stage.Worker) error { w.Kill(); return nil },
		again: true,
	}
	terminate = loss{
		lose:  func(w *stage.Worker) error { w.Terminate(); return nil },
		mend:  ended,
		again: true,
	}
	freeze = loss{
		lose: func(w *stage.Worker) error { return syscall.Kill(w.PID(), syscall.SIGSTOP) },
		mend: func(_ context.Context, w *stage.Worker) error { return syscall.Kill(w.PID(), syscall.SIGCONT) },
	}
)

// ended waits for the end of a worker that was asked to end.
func ended(ctx context.Context, w *stage.Worker) error {
	select {
	case <-w.Done():
		return nil
	case <-time.After(patience):
		return fmt.Errorf("%s does not end", w.PeerID)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// lose loses the admin many times.
func (b *bench) lose(ctx context.Context, times int, l loss, into *sample) error {
	for range times {
		admin, err := b.rested(ctx)
		if err != nil {
			return err
		}
		w := b.workers[admin.Admin]
		if w == nil {
			return fmt.Errorf("admin %q is none of the workers", admin.Admin)
		}
		took, err := b.replaced(ctx, admin, func() error { return l.lose(w) })
		if err != nil {
			return err
		}
		into.took(took)
		if l.mend != nil {
			if err := l.mend(ctx, w); err != nil {
				return err
			}
		}
		if l.again {
			if err := b.start(w.PeerID, w.MemoryMB); err != nil {
				return err
			}
		}
	}
	_, err := b.settled(ctx)
	return err
}

// replaced is the time from just before the loss until the last of the other workers
// has accepted another admin. Each of them says when, in its own log.
func (b *bench) replaced(ctx context.Context, admin line, lose func() error) (time.Duration, error) {
	var others []tail
	for peer, w := range b.workers {
		if peer != admin.Admin {
			t, err := tailOf(w.Process)
			if err != nil {
				return 0, err
			}
			others = append(others, t)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	start := time.Now()
	if err := lose(); err != nil {
		return 0, err
	}
	var last time.Time
	err := b.stage.Await(ctx, "all others have another admin than "+admin.Admin, func(context.Context) bool {
		var all bool
		last, all = lastAfter(others, admin.Term)
		return all
	})
	return last.Sub(start), err
}

// lastAfter is when the last of the workers accepted an admin of a later term, if all
// did, and the same.
func lastAfter(logs []tail, term uint64) (last time.Time, all bool) {
	var first line
	for _, t := range logs {
		said, err := t.lines(workerElected)
		i := 0
		for i < len(said) && said[i].Term <= term {
			i++
		}
		if err != nil || i == len(said) {
			return last, false
		}
		if first.Admin == "" {
			first = said[i]
		}
		if said[i].Admin != first.Admin || said[i].Term != first.Term {
			return last, false
		}
		if said[i].at().After(last) {
			last = said[i].at()
		}
	}
	return last, len(logs) > 0
}
