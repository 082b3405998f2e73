package client

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/moothall/moothall/events"
)

const (
	reserveBound = 2 * time.Second
	answerBound  = 5 * time.Second // of a worker on its link
)

// jobID is what a worker may call a job: the outputs go to a folder of that name.
var jobID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

// A refusal is why a candidate did not take the job.
type refusal struct {
	worker events.Worker
	err    error
}

// tryAll asks the candidates in their order until one has started the job.
func (r *run) tryAll(ctx context.Context, p Plan) error {
	request := rand.Text()
	var refusals []refusal
	for _, w := range p.Candidates {
		err := r.try(ctx, w, request)
		if err == nil || ctx.Err() != nil {
			return err
		}
		refusals = append(refusals, refusal{w, err})
		r.note(fmt.Sprintf("%s: %s", label(w), err))
		r.state = events.JobMatching
	}
	return refused(refusals, p.busy, r.job.Command)
}

// try reserves one worker, dials it and starts the job there. What it cannot use it
// gives back.
func (r *run) try(ctx context.Context, w events.Worker, request string) error {
	r.worker = w
	lease, err := r.reserve(ctx, w, request)
	r.spent(&r.result.Timings.ReserveMS)
	if err != nil {
		return err
	}
	r.lease = lease
	r.enter(events.JobReserved)
	err = r.start(ctx)
	r.spent(&r.result.Timings.ConnectMS)
	if err != nil {
		r.release(ctx)
	}
	return err
}

func (r *run) reserve(ctx context.Context, w events.Worker, request string) (events.JobLease, error) {
	subject := events.WorkSubject(r.client.cfg.Room, w.PeerID, r.client.Peer())
	r.note(fmt.Sprintf("reserve %s: request on %s", label(w), subject))
	ctx, cancel := context.WithTimeout(ctx, reserveBound)
	defer cancel()
	var granted events.Reserved
	err := r.client.session.Request(ctx, subject, events.Reserve{
		V: events.ProtocolVersion, Type: events.TypeReserve, RequestID: request, Command: r.job.Command,
	}, &granted)
	return granted.Lease, err
}

// release gives the slot back; if that fails the lease lapses by itself.
func (r *run) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reserveBound)
	defer cancel()
	subject := events.WorkSubject(r.client.cfg.Room, r.worker.PeerID, r.client.Peer())
	err := r.client.session.Request(ctx, subject, events.Release{V: events.ProtocolVersion, Type: events.TypeRelease, Lease: r.lease}, nil)
	if err != nil {
		r.client.log.Debug("release a reservation", "room_id", r.client.cfg.Room, "peer_id", r.worker.PeerID, "error", err)
	}
}

// repeatAfter is how long a client waits before it asks again whether its job began.
const repeatAfter = 250 * time.Millisecond

// start opens the link and hands the job over. From the worker's answer on the job
// exists. If that is lost the job may run: it is not begun elsewhere before the worker
// has said so, or was away for as long as the lease lasts.
func (r *run) start(ctx context.Context) error {
	handed := false
	for until := time.Now().Add(events.ReserveTTL); ; {
		asked, answered, err := r.ask(ctx)
		handed = handed || asked
		if err == nil || answered || !handed || !time.Now().Before(until) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(repeatAfter):
			r.note(fmt.Sprintf("%s; asking again whether the job began", err))
		}
	}
}

// ask opens a link and asks the worker to begin the job, or which it began.
func (r *run) ask(ctx context.Context) (asked, answered bool, err error) {
	w, err := r.client.dial(ctx, r.seat())
	if err != nil {
		return false, false, fmt.Errorf("no connection to %s: %w", label(r.worker), err)
	}
	ack, answered, err := r.handOver(ctx, w)
	if err != nil {
		_ = w.close()
		return true, answered, err
	}
	r.wire, r.nonce, r.result.JobID = w, ack.Nonce, ack.JobID
	r.result.Worker, r.result.Name = r.worker.PeerID, label(r.worker)
	return true, true, nil
}

func (r *run) handOver(ctx context.Context, w wire) (ack events.JobAck, answered bool, err error) {
	sent, mounted, err := r.job.cargo(r.worker)
	if err != nil {
		return ack, true, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerBound)
	defer cancel()
	err = w.send(ctx, events.FrameStart, events.JobStart{
		V: events.ProtocolVersion, Lease: r.lease, Command: r.job.Command, Args: r.job.Args, Inputs: len(sent), Mounted: mounted,
		Owner: r.owner,
	})
	if err != nil {
		return ack, false, events.Errorf(events.CodeUnreachable, "%s: %v", label(r.worker), err)
	}
	select {
	case frame, ok := <-w.control.Frames():
		if !ok {
			return ack, false, events.Errorf(events.CodeUnreachable, "%s did not take the job: %s", label(r.worker), w.broken())
		}
		ack, err := accepted(frame)
		return ack, true, err
	case <-ctx.Done():
		return ack, false, events.Errorf(events.CodeUnreachable, "%s did not take the job within %s", label(r.worker), answerBound)
	}
}

// accepted reads a worker's answer to a JobStart.
func accepted(frame []byte) (ack events.JobAck, err error) {
	t, payload, err := events.ParseFrame(frame)
	if err != nil {
		return ack, err
	}
	switch t {
	case events.FrameAck:
		if err := events.Unpack(payload, &ack); err != nil {
			return ack, err
		}
		if !jobID.MatchString(ack.JobID) {
			return ack, events.Errorf(events.CodeInvalid, "job id %q is not valid", ack.JobID)
		}
		return ack, nil
	case events.FrameError:
		return ack, refusalIn(payload)
	}
	return ack, events.Errorf(events.CodeInvalid, "a frame of type %d is no answer to a job", t)
}

// refusalIn is the error that a FrameError carries.
func refusalIn(payload []byte) error {
	var e events.Error
	if err := events.Unpack(payload, &e); err != nil {
		return err
	}
	if e.Code == "" {
		return events.Errorf(events.CodeInternal, "the worker refused without a reason")
	}
	return &e
}

// refused makes one error of what all candidates said; busy are those that were none
// because they were busy anyway. Where every one forbids the command that is the
// reason; where one at least was busy, waiting may help.
func refused(all []refusal, busy []events.Worker, command string) error {
	busy = slices.Clone(busy)
	var forbidding []events.Worker
	for _, r := range all {
		switch events.CodeOf(r.err) {
		case events.CodeNotAllowed:
			forbidding = append(forbidding, r.worker)
		case events.CodeBusy, events.CodeUnavailable, events.CodeNoLease:
			busy = append(busy, taken(r.worker))
		}
	}
	if len(all) == 1 && len(busy) == 0 {
		return all[0].err
	}
	if len(forbidding) == len(all) && len(busy) == 0 {
		return notAllowed(forbidding, command)
	}
	var e *events.Error
	if len(busy) > 0 {
		e = events.AsError(allBusy(busy))
	} else {
		e = events.Errorf(events.CodeUnreachable, "none of the %d workers that match could be reached", len(all))
	}
	for _, r := range all {
		if c := events.CodeOf(r.err); c != events.CodeBusy {
			e = e.WithFact("%s: %s", label(r.worker), r.err)
		}
	}
	return e
}

// taken is a worker that was free in the list and is not any more.
func taken(w events.Worker) events.Worker {
	w.Status = events.StatusReserved
	return w
}
