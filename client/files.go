package client

import (
	"context"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/transfer"
)

// breakGrace is how much later than its transfer a link may say that it ended.
const breakGrace = time.Second

// send starts to send the inputs.
func (f *following) send(ctx context.Context) {
	sources, err := f.job.sources()
	if err != nil {
		f.abort(ctx, err)
		return
	}
	if len(sources) == 0 {
		return
	}
	f.enter(events.JobSending)
	f.sending = true
	bulk := f.wire.bulk
	f.moving = move(ctx, func(ctx context.Context, report func(Progress)) ([]events.FileHeader, error) {
		return transfer.Send(ctx, bulk, sources, report)
	})
}

func (f *following) moved(p Progress) {
	kind := UpdateReceive
	if f.sending {
		kind = UpdateSend
	}
	f.report(JobUpdate{Kind: kind, JobID: f.result.JobID, Worker: f.worker, Transfer: p})
}

// arrived handles the end of a transfer.
func (f *following) arrived(ctx context.Context, m moved) {
	f.moving.cancel()
	f.moving = nil
	if events.CodeOf(m.err) == events.CodeCanceled { // not by us: what we halt does not arrive
		m.err = events.Errorf(events.CodeUnavailable, "%s broke the transfer off", label(f.worker))
	}
	switch {
	case m.err != nil && f.brokenLink(m.err):
		f.cut(ctx)
	case m.err != nil && f.sending:
		f.abort(ctx, m.err)
	case m.err != nil:
		f.end(f.final.State, m.err)
	case f.sending:
		f.sending = false
		f.spent(&f.result.Timings.SendMS)
	default:
		f.spent(&f.result.Timings.ReceiveMS)
		outputs, err := f.folder.outputs(f.final.Outputs, m.files)
		f.result.Outputs = append(f.result.Outputs, outputs...)
		f.end(f.final.State, err)
	}
}

// brokenLink reports whether a transfer failed because the link ended, which the link
// may say a moment later.
func (f *following) brokenLink(err error) bool {
	if events.CodeOf(err) != events.CodeUnreachable {
		return false
	}
	select {
	case <-f.wire.done:
		return true
	case <-time.After(breakGrace):
		return false
	}
}

// fetch asks for the outputs and takes them.
func (f *following) fetch(ctx context.Context) {
	f.enter(events.JobReturning)
	if f.folder == nil {
		if err := f.openFolder(f.result.JobID); err != nil {
			f.end(f.final.State, err)
			return
		}
	}
	if found := f.folder.standing(f.final.Outputs); len(found) > 0 && !f.job.Force && !f.fetched {
		f.end(f.final.State, stands(found, f.folder.path))
		return
	}
	// What an earlier link brought is ours to overwrite.
	options := transfer.Options{MaxFiles: len(f.final.Outputs), Overwrite: f.job.Force || f.fetched}
	for _, h := range f.final.Outputs {
		options.MaxBytes += h.Size
	}
	f.fetched = true
	if err := f.attach(ctx); err != nil {
		f.client.log.Debug("ask for outputs", "room_id", f.client.cfg.Room, "peer_id", f.worker.PeerID, "error", err)
	}
	bulk, root := f.wire.bulk, f.folder.root
	f.moving = move(ctx, func(ctx context.Context, report func(Progress)) ([]events.FileHeader, error) {
		return transfer.Receive(ctx, bulk, root, options, report)
	})
}

// attach asks for the events from the next one on, and for the outputs once the job
// has ended.
func (f *following) attach(ctx context.Context) error {
	action := events.ActionLogs
	if f.final != nil {
		action = events.ActionGet
	}
	signature, err := f.signature(action)
	if err != nil {
		return err
	}
	return f.wire.send(ctx, events.FrameAttach, events.JobAttach{
		V: events.ProtocolVersion, JobID: f.result.JobID, Since: f.next, Outputs: f.final != nil, Signature: signature,
	})
}

// halt stops a transfer.
func (f *following) halt() {
	if f.moving != nil {
		f.moving.stop()
		f.moving = nil
	}
}
