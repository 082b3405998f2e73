package worker

import (
	"context"
	"time"
)

// drain is the end of a worker in steps: no new job, wait for the running ones and
// until their clients have what they wait for, leave. The loop that owns it selects
// on begin and deadline.
type drain struct {
	agent    *Agent
	begin    <-chan struct{} // nil once begun
	deadline <-chan time.Time
	timer    *time.Timer
	over     bool
}

func newDrain(ctx context.Context, a *Agent) *drain {
	return &drain{agent: a, begin: ctx.Done()}
}

// start refuses new jobs from now on.
func (d *drain) start() {
	d.begin = nil
	d.timer = time.NewTimer(d.agent.cfg.DrainTimeout)
	d.deadline = d.timer.C
	d.agent.cfg.Log.Info("draining", "timeout", d.agent.cfg.DrainTimeout)
	d.agent.jobs.Drain()
	d.check()
}

// check ends the drain when nobody needs this worker any more.
func (d *drain) check() {
	if d.begin == nil && d.agent.jobs.Idle() {
		d.over = true
	}
}

func (d *drain) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}
