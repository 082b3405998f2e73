package client

import (
	"context"
	"slices"
	"time"

	"github.com/moothall/moothall/events"
)

// A fan carries a Map out. Its goroutine owns everything but the jobs, each of which
// has one of its own.
type fan struct {
	Map
	tasks  []*task
	state  *mapState
	report func(MapUpdate)
	run    func(context.Context, Job, func(JobUpdate)) (Result, error)
	slots  func(context.Context) int

	waiting []*task
	running int
	news    chan MapUpdate
	ended   chan attempt
	broken  error // of the state file
}

// An attempt is a job of a task that has ended.
type attempt struct {
	task   *task
	result Result
	err    error
}

// all runs what is not done and returns when no job runs any more.
func (f *fan) all(ctx context.Context) ([]Outcome, error) {
	for _, t := range f.tasks {
		if t.Skipped {
			f.report(MapUpdate{JobUpdate: JobUpdate{Kind: UpdateSkipped}, Input: t.Input, Outcome: t.Outcome})
			continue
		}
		f.waiting = append(f.waiting, t)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	look := time.NewTicker(lookForSlots)
	defer look.Stop()
	f.fill(ctx)
	for f.running > 0 || len(f.waiting) > 0 && ctx.Err() == nil {
		done := ctx.Done()
		if f.running > 0 {
			done = nil // their ends come
		}
		select {
		case u := <-f.news:
			f.report(u)
		case a := <-f.ended:
			f.running--
			f.finish(ctx, a)
		case <-look.C:
		case <-done:
		}
		if f.broken != nil {
			stop()
		}
		f.fill(ctx)
	}
	return f.outcomes(ctx)
}

func (f *fan) outcomes(ctx context.Context) ([]Outcome, error) {
	var all []Outcome
	for _, t := range f.tasks {
		all = append(all, t.Outcome)
	}
	switch {
	case f.broken != nil:
		return all, f.broken
	case ctx.Err() != nil:
		return all, events.Errorf(events.CodeCanceled, "interrupted").WithTry("the same command again: it goes on with what is not done")
	}
	return all, nil
}

// fill starts as many jobs as there are slots. One may wait where there are none: it
// says then why.
func (f *fan) fill(ctx context.Context) {
	if ctx.Err() != nil || len(f.waiting) == 0 {
		return
	}
	for n := max(1, f.slots(ctx)); f.running < n && len(f.waiting) > 0 && f.broken == nil; {
		t := f.waiting[0]
		f.waiting = f.waiting[1:]
		f.start(ctx, t)
	}
}

func (f *fan) start(ctx context.Context, t *task) {
	j := f.jobFor(t)
	t.Attempts++
	if f.broken = f.state.note(t.key, t.Outcome); f.broken != nil {
		return
	}
	f.running++
	go func() {
		result, err := f.run(ctx, j, func(u JobUpdate) { f.news <- MapUpdate{JobUpdate: u, Input: t.Input} })
		f.ended <- attempt{t, result, err}
	}()
}

// finish notes how a job ended, or puts its input back.
func (f *fan) finish(ctx context.Context, a attempt) {
	t := a.task
	t.again = true
	if a.err != nil && retried(a.err) && t.Attempts <= f.Retries && ctx.Err() == nil {
		t.avoid = append(slices.Clone(t.avoid), a.result.Worker)
		f.waiting = append(f.waiting, t)
		f.report(MapUpdate{JobUpdate: JobUpdate{Kind: UpdateRetry, Note: a.err.Error()}, Input: t.Input})
		return
	}
	t.State, t.JobID, t.ExitCode = a.result.State, a.result.JobID, a.result.ExitCode
	t.Worker, t.Name = a.result.Worker, a.result.Name
	if a.err != nil {
		t.Error = events.AsError(a.err)
		if t.State == events.JobDone {
			t.State = events.JobFailed // it ended well and its outputs are not here
		}
	}
	if err := f.state.note(t.key, t.Outcome); err != nil {
		f.broken = err
	}
	f.report(MapUpdate{JobUpdate: JobUpdate{Kind: UpdateFinished}, Input: t.Input, Outcome: t.Outcome})
}

// retried reports whether a job did not fail by itself: another worker may end it.
func retried(err error) bool {
	switch events.CodeOf(err) {
	case events.CodeLost, events.CodeUnreachable, events.CodeUnavailable, events.CodeDamaged:
		return true
	}
	return false
}
