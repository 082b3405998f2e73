package client

import (
	"context"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/transfer"
)

// peers is how a following finds its worker again; Client is one.
type peers interface {
	dial(ctx context.Context, seat events.Seat) (wire, error)
	// holder asks the hub who holds a seat.
	holder(ctx context.Context, seat events.Seat) (holding, error)
	// Peer is who we are.
	Peer() string
}

// A following stays with a job on a worker until its outcome is known and its outputs
// are here. Run's goroutine owns it.
type following struct {
	*run
	peers peers
	pulse pulse
	seat  events.Seat // that runs the job; a later process of the worker takes it up
	news  <-chan holding

	wants  bool          // the outputs, here
	until  uint64        // the number of the last event that is wanted; 0: the job's end
	action string        // that was asked for: a job's end is then what is waited for
	owner  nkeys.KeyPair // signs for us; nil if we started the job

	moving  *moving             // the transfer under way, nil if none
	sending bool                // inputs are under way
	cargo   []transfer.Source   // the inputs that are not in a mount there
	first   []events.FileHeader // what they were when they were first offered
	needs   chan events.JobNeeds
	next    uint64              // the number of the event that comes next
	final   *events.JobEvent    // the job's last event, nil while it runs
	fetched bool                // outputs were asked for once
	scratch bool                // parts of outputs are of no use
	coming  []events.FileHeader // outputs that are not here yet, and of each
	want    []events.JobWant    // what is missing
	relinks int                 // since the last frame
	garbage int                 // frames that are none

	ended   <-chan struct{} // the hub lets the client in no more: a link that breaks is the last
	asked   <-chan struct{} // the caller ends the job; nil once it has
	patient time.Time       // until when the job's end is waited for, zero if it is not
	failure error           // why we asked the job to end

	over bool
	err  error
}

// follow stays with a job that this run has started.
func (r *run) follow(ctx context.Context) error {
	return r.followWith(ctx, func(f *following) error {
		f.send(context.WithoutCancel(ctx))
		return nil
	})
}

// followWith stays with a job from what begin does on.
func (r *run) followWith(ctx context.Context, begin func(*following) error) error {
	f := &following{run: r, peers: r.client, seat: r.seat(), wants: true, next: 1, ended: r.client.Ended(), asked: ctx.Done()}
	news, unsubscribe, err := r.client.departures(f.seat)
	if err != nil {
		return err
	}
	defer unsubscribe()
	f.news = news
	if err := begin(f); err != nil {
		return err
	}
	f.loop(context.WithoutCancel(ctx))
	return f.err
}

func (f *following) loop(ctx context.Context) {
	for !f.over {
		f.step(ctx)
	}
}

// seat is where the job was started.
func (r *run) seat() events.Seat {
	return events.Seat{PeerID: r.worker.PeerID, Incarnation: r.lease.Incarnation}
}

// step handles the next thing that happens.
func (f *following) step(ctx context.Context) {
	progress, done := f.transfer()
	select {
	case frame, ok := <-f.wire.control.Frames():
		if !ok {
			f.cut(ctx)
			return
		}
		f.frame(ctx, frame)
	case <-f.wire.done:
		f.cut(ctx)
	case yes := <-f.wire.suspect:
		f.pulse.suspected(yes, time.Now())
	case h := <-f.news:
		if f.replaced(h) {
			_ = f.wire.close()
			f.cut(ctx)
		}
	case p := <-progress:
		f.moved(p)
	case m := <-done:
		f.arrived(ctx, m)
	case <-f.asked:
		f.interrupt(ctx)
	case <-after(f.alarm()):
		f.expire()
	}
}

func (f *following) transfer() (<-chan Progress, <-chan moved) {
	if f.moving == nil {
		return nil, nil
	}
	return f.moving.progress, f.moving.done
}

// frame handles one message of the worker.
func (f *following) frame(ctx context.Context, frame []byte) {
	f.relinks = 0
	t, payload, err := events.ParseFrame(frame)
	if err != nil {
		if f.garbage++; f.garbage == 1 {
			f.client.log.Warn("refused a frame, and will say so once", "room_id", f.client.cfg.Room, "peer_id", f.worker.PeerID, "error", err)
		}
		return
	}
	switch t {
	case events.FrameEvent:
		var e events.JobEvent
		if err := events.Unpack(payload, &e); err != nil || e.JobID != f.result.JobID || e.Seq < f.next || f.final != nil {
			return // not of this job, not new, or after its end
		}
		f.next = max(e.Seq, e.Seq+1)
		f.event(ctx, e)
		if e.Seq == f.until && !f.over {
			f.end(f.state, nil)
		}
	case events.FrameNeeds:
		var n events.JobNeeds
		if err := events.Unpack(payload, &n); err != nil || n.JobID != f.result.JobID {
			return
		}
		select {
		case f.needs <- n:
		default: // nobody asked
		}
	case events.FrameError:
		f.refused(refusalIn(payload))
	}
}

// refused handles that the worker said no to what was asked last.
func (f *following) refused(err error) {
	switch {
	case f.failure != nil:
		f.end(events.JobCanceled, f.failure)
	case events.CodeOf(err) == events.CodeNoJob:
		f.lost(label(f.worker) + " does not know the job any more")
	case f.final != nil:
		f.end(f.final.State, err)
	case events.CodeOf(err) == events.CodeForbidden: // another's job, which goes on
		f.end(f.state, err)
	default:
		f.end(events.JobFailed, err)
	}
}

func (f *following) event(ctx context.Context, e events.JobEvent) {
	update := JobUpdate{JobID: e.JobID, Worker: f.worker, Event: e}
	switch e.Kind {
	case events.JobEventState:
		f.changed(ctx, e)
		return
	case events.JobEventOutput:
		update.Kind = UpdateOutput
	case events.JobEventProgress:
		update.Kind = UpdateProgress
	case events.JobEventMetric:
		update.Kind = UpdateMetric
	default:
		return
	}
	f.report(update)
}

// changed handles a state of the job. Its end is ours when the outputs are here.
func (f *following) changed(ctx context.Context, e events.JobEvent) {
	if !e.State.Final() {
		f.enter(e.State)
		if e.State == events.JobRunning && f.job.Detach {
			f.end(e.State, nil)
		}
		return
	}
	unsent := f.unsent(e.State)
	f.halt()
	f.final, f.sending = &e, false
	f.result.ExitCode, f.result.Reason = e.ExitCode, e.Reason
	f.spent(&f.result.Timings.RunMS)
	incredible := credible(e.Outputs)
	switch {
	case f.failure != nil:
		f.end(e.State, f.failure)
	case unsent != nil:
		f.end(e.State, unsent)
	case e.State == events.JobLost:
		f.lost(e.Reason)
	case e.State == events.JobCanceled:
		f.end(e.State, events.Errorf(events.CodeCanceled, "job %s on %s was canceled", e.JobID, label(f.worker)))
	case len(e.Outputs) == 0 || !f.wants:
		f.end(e.State, nil)
	case incredible != nil:
		f.end(e.State, incredible)
	default:
		f.fetch(ctx)
	}
}

// end fixes the job's one outcome.
func (f *following) end(s events.JobState, err error) {
	f.halt()
	f.over, f.err, f.result.State = true, err, s
	f.enter(s)
}

func (f *following) lost(why string) {
	if f.fetched {
		f.result.Outputs = f.folder.here(f.final.Outputs)
	}
	age := time.Since(f.begun).Round(time.Second)
	f.end(events.JobLost, events.Errorf(events.CodeLost, "lost %s %s into job %s (%s)", label(f.worker), age, f.result.JobID, why).
		WithTry("moot workers shows who is there; then run it again"))
}
