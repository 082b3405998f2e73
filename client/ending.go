package client

import (
	"context"
	"time"

	"github.com/moothall/moothall/events"
)

// cancelBound is how long a job has to end after it was asked to.
const cancelBound = 10 * time.Second

// after is a channel that fires at t, never for the zero time.
func after(t time.Time) <-chan time.Time {
	if t.IsZero() {
		return nil
	}
	return time.After(time.Until(t))
}

// alarm is when patience with the worker ends.
func (f *following) alarm() time.Time {
	due := f.pulse.due()
	if due.IsZero() || !f.patient.IsZero() && f.patient.Before(due) {
		return f.patient
	}
	return due
}

// expire handles the alarm.
func (f *following) expire() {
	if due := f.pulse.due(); !due.IsZero() && !time.Now().Before(due) {
		f.lost(f.pulse.why())
		return
	}
	f.end(events.JobCanceled, events.AsError(f.failure).WithFact("%s did not confirm within %s", label(f.worker), cancelBound))
}

// interrupt leaves the job, because the caller is gone or pressed Ctrl-C. It goes on,
// unless its inputs are not all there.
func (f *following) interrupt(ctx context.Context) {
	f.asked = nil
	id, on := f.result.JobID, label(f.worker)
	switch {
	case f.sending:
		f.abort(ctx, events.Errorf(events.CodeCanceled, "canceled job %s on %s, whose inputs were not all sent", id, on))
	case f.failure != nil: // its end is waited for
	case f.final != nil:
		f.end(f.final.State, events.Errorf(events.CodeDetached, "left job %s on %s, which has ended; its outputs stay there", id, on).
			WithTry("moot get %s", id))
	default:
		f.end(f.state, events.Errorf(events.CodeDetached, "left job %s, which goes on at %s", id, on).
			WithTry("moot logs -f %s; moot get %s; moot cancel %s", id, id, id))
	}
}

// abort asks the worker to cancel the job, because of err, and waits for its end.
func (f *following) abort(ctx context.Context, err error) {
	f.halt()
	f.sending, f.failure, f.patient = false, err, time.Now().Add(cancelBound)
	if err := f.signal(ctx, events.ActionCancel); err != nil {
		f.client.log.Debug("cancel a job", "room_id", f.client.cfg.Room, "peer_id", f.worker.PeerID, "error", err)
	}
}

func (f *following) signal(ctx context.Context, action string) error {
	signature, err := f.signature(action)
	if err != nil {
		return err
	}
	return f.wire.send(ctx, events.FrameSignal, events.JobSignal{
		V: events.ProtocolVersion, JobID: f.result.JobID, Action: action, Signature: signature,
	})
}
