package client

import (
	"context"
	"time"

	"github.com/moothall/moothall/events"
)

// Logs shows a job's events from its first one on: with follow to its end, else those
// that are there now. The job is untouched when ctx ends; that is CodeDetached. Only the
// job's owner may read them (forbidden). Result is as far as the log goes. With follow
// the error is Run's.
func (c *Client) Logs(ctx context.Context, id string, follow bool, report func(JobUpdate)) (Result, error) {
	r, err := c.comeBack(ctx, id, report, func(f *following, job events.JobInfo) error {
		f.wants = false
		if !follow {
			f.until = job.Seq
		}
		return nil
	})
	if !follow && r.State.Final() && (events.CodeOf(err) == events.CodeLost || events.CodeOf(err) == events.CodeCanceled) {
		return r, nil // the log is here, however the job ended
	}
	return r, err
}

// Get brings the outputs of a job that has ended, to the folder to ("" for ./JOB_ID),
// compared with the hashes that the worker sealed them with. Files that exist stay,
// unless force. A job that still runs is unavailable.
func (c *Client) Get(ctx context.Context, id, to string, force bool, report func(JobUpdate)) (Result, error) {
	return c.comeBack(ctx, id, report, func(f *following, job events.JobInfo) error {
		if !job.State.Final() {
			return events.Errorf(events.CodeUnavailable, "job %s on %s is %s: it has no outputs yet", id, label(f.worker), job.State).
				WithTry("moot logs -f %s", id)
		}
		f.job.To, f.job.Force, f.next = to, force, job.Seq
		return f.prepareFolder()
	})
}

// Stop asks a job to finish early (SIGINT, then SIGTERM after 30 s) and waits for its
// end. Its results are kept: Get brings them.
func (c *Client) Stop(ctx context.Context, id string, report func(JobUpdate)) (Result, error) {
	return c.signalJob(ctx, id, events.ActionStop, report)
}

// Cancel ends a job (SIGTERM, after 10 s SIGKILL, to its process group) and waits for
// its end. Nothing of it is kept. A job that was canceled is no error.
func (c *Client) Cancel(ctx context.Context, id string, report func(JobUpdate)) (Result, error) {
	return c.signalJob(ctx, id, events.ActionCancel, report)
}

func (c *Client) signalJob(ctx context.Context, id, action string, report func(JobUpdate)) (Result, error) {
	r, err := c.comeBack(ctx, id, report, func(f *following, job events.JobInfo) error {
		f.wants, f.action, f.next = false, action, max(job.Seq, 1)
		return nil
	})
	if r.State == events.JobCanceled && action == events.ActionCancel {
		return r, nil
	}
	return r, err
}

// comeBack finds a job, links to its worker and follows it as set says.
func (c *Client) comeBack(ctx context.Context, id string, report func(JobUpdate), set func(*following, events.JobInfo) error) (Result, error) {
	r := newRun(c, Job{}, report)
	defer r.close()
	w, job, err := c.find(ctx, id)
	if err != nil {
		return r.result, err
	}
	r.worker, r.lease.Incarnation = w, w.Incarnation
	r.result.JobID, r.result.Worker, r.result.Name, r.result.Command = job.JobID, w.PeerID, label(w), job.Command
	err = r.followWith(ctx, func(f *following) error {
		if err := set(f, job); err != nil {
			return err
		}
		return f.open(ctx)
	})
	r.result.Timings.TotalMS = milliseconds(time.Since(r.begun))
	return r.result, err
}

// open makes the first link to a job that another process started.
func (f *following) open(ctx context.Context) error {
	owner, err := f.client.owner()
	if err != nil {
		return err
	}
	f.owner = owner
	w, err := f.peers.dial(ctx, f.seat)
	if err != nil {
		return err
	}
	f.wire = w
	if err := f.greet(ctx); err != nil {
		return err
	}
	return f.rejoin(ctx)
}

// greet asks the worker for the link's nonce, which the owner signs with.
func (f *following) greet(ctx context.Context) error {
	if f.owner == nil && !f.sending {
		return nil // the worker knows the peer that started the job
	}
	ctx, cancel := context.WithTimeout(ctx, answerBound)
	defer cancel()
	if err := f.wire.send(ctx, events.FrameHello, events.JobHello{V: events.ProtocolVersion}); err != nil {
		return err
	}
	select {
	case frame, ok := <-f.wire.control.Frames():
		if !ok {
			return events.Errorf(events.CodeUnreachable, "%s: %s", label(f.worker), f.wire.broken())
		}
		return f.greeted(frame)
	case <-ctx.Done():
		return events.Errorf(events.CodeUnreachable, "%s did not answer within %s", label(f.worker), answerBound)
	}
}

func (f *following) greeted(frame []byte) error {
	t, payload, err := events.ParseFrame(frame)
	if err != nil {
		return err
	}
	switch t {
	case events.FrameHello:
		var h events.JobHello
		if err := events.Unpack(payload, &h); err != nil {
			return err
		}
		f.nonce = h.Nonce
		return nil
	case events.FrameError:
		return refusalIn(payload)
	}
	return events.Errorf(events.CodeInvalid, "a frame of type %d is no answer to a greeting", t)
}

// signature is the owner's for an action on the job, "" from who started it.
func (f *following) signature(action string) (string, error) {
	if f.owner == nil {
		return "", nil
	}
	return events.JobProof{
		Room: f.client.cfg.Room, Worker: f.seat.PeerID, Incarnation: f.seat.Incarnation,
		Action: action, JobID: f.result.JobID, From: f.client.Peer(), Nonce: f.nonce,
	}.Sign(f.owner)
}
