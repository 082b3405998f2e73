package client

import (
	"cmp"
	"context"
	"time"

	"github.com/moothall/moothall/events"
)

// retryEvery is how often a job that waits for a worker looks again.
const retryEvery = time.Second

// Run finds a worker, reserves it, sends the inputs over a channel straight to it,
// runs the command and brings the outputs back. report, which may be nil, is called
// on Run's goroutine.
//
// A job that ran and failed is a Result and no error. Where no job came about the
// error says why (no_workers, no_worker_matches, all_busy, not_allowed, unreachable,
// file, …); where one did, Result names it and the error says what was lost of it
// (lost, damaged, file, canceled). When ctx ends the job goes on and Run returns with
// CodeDetached: Logs, Get, Stop and Cancel come back to it, from any client with the same
// Config.OwnerDir. A job whose inputs are still on their way is canceled then; Run waits
// at most 10 s for its end.
func (c *Client) Run(ctx context.Context, j Job, report func(JobUpdate)) (Result, error) {
	r := newRun(c, j, report)
	defer r.close()
	if err := r.prepare(); err != nil {
		return r.result, err
	}
	r.enter(events.JobMatching)
	if err := r.obtain(ctx); err != nil {
		return r.result, interrupted(ctx, err)
	}
	err := r.follow(ctx)
	r.saveMetrics()
	r.result.Timings.TotalMS = milliseconds(time.Since(r.begun))
	return r.result, err
}

// Plan says where Run would run the job now, and asks no worker. The error is Run's
// where there is no candidate; the plan says then why.
func (c *Client) Plan(ctx context.Context, j Job) (Plan, error) {
	list, err := c.Workers(ctx, events.Filters{})
	if err != nil {
		return Plan{}, err
	}
	p, err := choose(list, j)
	var first events.Worker
	if len(p.Candidates) > 0 {
		first = p.Candidates[0]
	}
	inputs, unreadable := j.inputs(first)
	p.Inputs = inputs
	return p, cmp.Or(err, unreadable)
}

// A run is one call of Run; its goroutine owns it.
type run struct {
	client *Client
	job    Job
	report func(JobUpdate)
	folder *folder // of the outputs; nil until it is known

	owner  string // public key that the job belongs to
	worker events.Worker
	lease  events.JobLease
	wire   wire
	nonce  string // of the present link
	state  events.JobState
	result Result

	measured measured

	begun, lap time.Time
}

func newRun(c *Client, j Job, report func(JobUpdate)) *run {
	if report == nil {
		report = func(JobUpdate) {}
	}
	now := time.Now()
	r := &run{client: c, job: j, begun: now, lap: now, result: Result{Command: j.Command, Outputs: []Output{}}}
	r.report = func(u JobUpdate) {
		if u.Kind == UpdateMetric {
			r.measured.add(u.Event)
		}
		report(u)
	}
	return r
}

// prepare finds out what can be wrong before a worker is taken from others.
func (r *run) prepare() error {
	if err := r.job.Validate(); err != nil {
		return err
	}
	owner, err := r.client.owner()
	if err != nil {
		return err
	}
	if r.owner, err = publicUser(owner); err != nil {
		return err
	}
	return r.prepareFolder()
}

// prepareFolder opens the folder for the outputs if it is known by now.
func (r *run) prepareFolder() error {
	if r.job.To == "" {
		return nil
	}
	return r.openFolder(r.job.To)
}

func (r *run) close() {
	if r.wire.close != nil {
		if err := r.wire.close(); err != nil {
			r.client.log.Debug("close the link to a worker", "room_id", r.client.cfg.Room, "peer_id", r.worker.PeerID, "error", err)
		}
	}
	if r.folder != nil {
		r.folder.close()
	}
}

// obtain finds a worker that starts the job, waiting for one as long as the job
// says.
func (r *run) obtain(ctx context.Context) error {
	w := newWaiting(r.job.Wait, time.Now())
	for {
		plan, err := r.client.Plan(ctx, r.job)
		r.spent(&r.result.Timings.DiscoverMS)
		if err == nil {
			err = r.tryAll(ctx, plan)
		}
		if err == nil || !passing(err) {
			return err
		}
		now := time.Now()
		if w.over(now) {
			return w.timedOut(err)
		}
		if text, ok := w.says(err, now); ok {
			r.report(JobUpdate{Kind: UpdateWait, Note: text})
		}
		if !sleep(ctx, min(retryEvery, w.left(now))) {
			return err
		}
	}
}

// enter tells of a new state; states only go forward.
func (r *run) enter(s events.JobState) {
	if place(s) <= place(r.state) {
		return
	}
	r.state = s
	r.report(JobUpdate{Kind: UpdateState, State: s, JobID: r.result.JobID, Worker: r.worker})
}

var places = map[events.JobState]int{
	events.JobMatching: 1, events.JobReserved: 2, events.JobSending: 3, events.JobRunning: 4, events.JobReturning: 5,
	events.JobDone: 6, events.JobFailed: 6, events.JobCanceled: 6, events.JobLost: 6,
}

func place(s events.JobState) int { return places[s] }

func (r *run) note(text string) {
	r.report(JobUpdate{Kind: UpdateNote, Note: text, JobID: r.result.JobID, Worker: r.worker})
}

// spent adds the time since the last call to a timing.
func (r *run) spent(ms *float64) {
	now := time.Now()
	*ms += milliseconds(now.Sub(r.lap))
	r.lap = now
}

// interrupted is err, or that the caller ended the job before it came about.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return events.Errorf(events.CodeCanceled, "interrupted before a worker took the job")
	}
	return err
}

// sleep waits; false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
