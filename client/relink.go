package client

import (
	"context"
	"fmt"
	"time"

	"github.com/moothall/moothall/events"
)

const (
	relinkEvery = time.Second
	idleRelinks = 3 // links in a row that bring nothing
)

// cut handles that the link ended: what it still brought counts, and while the worker
// is a member another link is tried.
func (f *following) cut(ctx context.Context) {
	f.halt()
	for frame := range f.wire.control.Frames() {
		if f.frame(ctx, frame); f.over {
			return
		}
	}
	f.halt()
	f.pulse.cut(time.Now())
	switch {
	case f.failure != nil:
		f.end(events.JobCanceled, events.AsError(f.failure).WithFact("the connection ended before %s confirmed", label(f.worker)))
	default:
		f.relink(ctx)
	}
}

// relink tries for another link until the worker is lost. It is silent about a link that
// the first try makes again.
func (f *following) relink(ctx context.Context) {
	f.note(fmt.Sprintf("the link to %s ended, dialing again", label(f.worker)))
	told := false
	for f.relinks++; f.relinks <= idleRelinks; {
		if h, err := f.peers.holder(ctx, f.seat); err == nil {
			f.replaced(h)
		}
		if !time.Now().Before(f.pulse.due()) {
			f.lost(f.pulse.why())
			return
		}
		if f.redial(ctx) {
			return
		}
		if !told {
			told = true
			f.report(JobUpdate{
				Kind: UpdateWait, JobID: f.result.JobID, Worker: f.worker,
				Note: fmt.Sprintf("the link to %s broke; job %s may go on there, dialing again", label(f.worker), f.result.JobID),
			})
		}
		select {
		case <-time.After(relinkEvery):
		case h := <-f.news:
			f.replaced(h)
		case <-f.ended:
			f.end(events.JobLost, events.AsError(f.client.Err()).WithFact("job %s may go on at %s", f.result.JobID, label(f.worker)))
			return
		case <-f.asked:
			f.interrupt(ctx)
			return
		}
	}
	f.lost("its links break at once")
}

// replaced takes the hub's word of the worker's seat, and reports whether another
// process of the worker has come, which takes the job up.
func (f *following) replaced(h holding) bool {
	f.pulse.departed(h.gone, time.Now())
	if h.gone != "" || h.incarnation <= f.seat.Incarnation {
		return false
	}
	f.note(fmt.Sprintf("%s was started again", label(f.worker)))
	f.seat.Incarnation = h.incarnation
	return true
}

func (f *following) redial(ctx context.Context) bool {
	if err := f.link(ctx); err != nil {
		f.note(fmt.Sprintf("dial %s: %s", label(f.worker), err))
		return false
	}
	f.pulse.mended()
	if f.final != nil {
		f.fetch(ctx)
	} else if err := f.rejoin(ctx); err != nil {
		f.client.log.Debug("attach to a job", "room_id", f.client.cfg.Room, "peer_id", f.worker.PeerID, "error", err)
	} else if f.sending && f.seat.Incarnation == f.lease.Incarnation {
		f.offer(ctx) // a later process of the worker has given such a job up, and its log says so
	}
	return true
}

// link makes another link while the worker may still be there.
func (f *following) link(ctx context.Context) error {
	ctx, cancel := context.WithDeadline(ctx, f.pulse.due())
	defer cancel()
	w, err := f.peers.dial(ctx, f.seat)
	if err != nil {
		return err
	}
	_ = f.wire.close()
	f.wire = w
	return f.greet(ctx)
}

// rejoin asks for the events from the next one on, and again for what was asked for.
func (f *following) rejoin(ctx context.Context) error {
	if err := f.attach(ctx); err != nil || f.action == "" {
		return err
	}
	return f.signal(ctx, f.action)
}
