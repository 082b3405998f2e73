package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
)

const (
	onlookers       = 2
	meanwhileRounds = 3
	meanwhileBound  = 50 // ms
)

// meanwhile times changes of a worker's slots, and answers of the admin, which is that
// same worker, while a large file goes to it and while one comes back. Heartbeats and
// status have channels of their own: they must not wait behind files.
func (b *bench) meanwhile(ctx context.Context) ([]sample, error) {
	for i := range onlookers {
		if err := b.start(fmt.Sprintf("onlooker%d", i), 4000); err != nil {
			return nil, err
		}
	}
	if _, err := b.rested(ctx); err != nil {
		return nil, err
	}
	s, err := b.slotter(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close(ctx)
	dir, err := os.MkdirTemp("", "moothall-bench-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	of := func(what string) sample {
		return sample{what: what, unit: milliseconds, target: meanwhileBound, tail: meanwhileBound}
	}
	there := of("change of a worker's slots seen by all others while 256 MiB go to it")
	back := of("the same while 256 MiB come from it")
	answers := of("discovery meanwhile, that worker being the admin")
	for round := range meanwhileRounds {
		t := &transferring{there: &there, back: &back, answers: &answers}
		if err := b.during(ctx, s, dir, round, t); err != nil {
			return nil, err
		}
	}
	return []sample{there, back, answers}, nil
}

// A transferring is a job whose file is on its way, there or back, or not.
type transferring struct {
	there, back, answers *sample
	now                  atomic.Pointer[stretch]
}

// A stretch is a time in which a file moves all along; ctx ends with it.
type stretch struct {
	into *sample // nil: none moves
	ctx  context.Context
	end  context.CancelFunc
}

// turn begins another stretch.
func (t *transferring) turn(ctx context.Context, into *sample) {
	ctx, cancel := context.WithCancel(ctx)
	if old := t.now.Swap(&stretch{into, ctx, cancel}); old != nil {
		old.end()
	}
}

func (t *transferring) heard(ctx context.Context, u client.JobUpdate) {
	switch {
	case u.Kind == client.UpdateState && u.State == events.JobSending:
		t.turn(ctx, t.there)
	case u.Kind == client.UpdateState:
		t.turn(ctx, nil)
	case u.Kind == client.UpdateReceive && t.now.Load().into == nil: // the outputs are sealed, the job's slot is free
		t.turn(ctx, t.back)
	}
}

// during measures during one job that gets a file and gives it back.
func (b *bench) during(ctx context.Context, s *slotter, dir string, round int, t *transferring) error {
	path := filepath.Join(dir, "moving")
	content := make([]byte, fileSize)
	content[0] = byte(0x80 + round) // else it is there from a job before
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return err
	}
	running, end := context.WithCancel(ctx)
	defer end()
	t.turn(running, nil)
	ended := make(chan error, 1)
	go func() {
		defer end()
		job := client.Job{
			Command: "sh", Args: []string{"-c", `mv "$MOOT_IN/moving" "$MOOT_OUT"`}, Inputs: []string{path},
			To: filepath.Join(dir, fmt.Sprint(round)),
		}
		_, err := b.client.Run(running, job, func(u client.JobUpdate) { t.heard(running, u) })
		ended <- err
	}()
	for i := 0; running.Err() == nil; i++ {
		now := t.now.Load()
		if now.into == nil {
			time.Sleep(settle)
			continue
		}
		changes, answers := *now.into, *t.answers
		err := b.once(now.ctx, s, fmt.Sprintf("meanwhile-%d-%d", round, i), &changes, &answers)
		switch {
		case now.ctx.Err() != nil: // what was seen says nothing of the transfer
		case err != nil:
			return err
		default:
			*now.into, *t.answers = changes, answers
		}
	}
	return <-ended
}

// once takes a slot of the runner, asks the admin, and gives the slot back.
func (b *bench) once(ctx context.Context, s *slotter, id string, changes, answers *sample) (err error) {
	var granted events.Reserved
	defer func() {
		if err != nil {
			err = errors.Join(err, s.release(context.WithoutCancel(ctx), runner, granted.Lease))
		}
	}()
	free := func(more int) func(events.Worker) bool {
		return func(w events.Worker) bool { return w.Slots.Free == granted.Slots.Free+more }
	}
	err = b.timed(ctx, changes, runner, free(0), func() (err error) {
		granted, err = s.take(ctx, runner, id)
		return err
	})
	if err != nil {
		return err
	}
	start := time.Now()
	list, err := b.client.Workers(ctx, events.Filters{})
	if err != nil || list.Source != events.SourceAdmin {
		return fmt.Errorf("an answer from %q: %w", list.Source, err)
	}
	answers.took(time.Since(start))
	return b.timed(ctx, changes, runner, free(1), func() error { return s.release(ctx, runner, granted.Lease) })
}
