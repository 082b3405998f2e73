package client

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/transfer"
)

// breakGrace is how much later than its transfer a link may say that it ended.
const breakGrace = time.Second

// send starts to hand the inputs over.
func (f *following) send(ctx context.Context) {
	cargo, _, err := f.job.cargo(f.worker)
	if err != nil {
		f.abort(ctx, err)
		return
	}
	if len(cargo) == 0 {
		return
	}
	f.enter(events.JobSending)
	f.sending, f.cargo = true, cargo
	f.offer(ctx)
}

// offer hands the inputs over on the present link.
func (f *following) offer(ctx context.Context) {
	files, err := headers(f.cargo)
	if err == nil {
		err = unchanged(f.first, files)
	}
	signature, signErr := f.signature(events.ActionSend)
	if err = cmp.Or(err, signErr); err != nil {
		f.abort(ctx, err)
		return
	}
	f.first, f.needs = files, make(chan events.JobNeeds, 1)
	h := handing{
		wire: f.wire, job: f.result.JobID, signature: signature, cargo: f.cargo, files: files, needs: f.needs,
		salt: events.JobKnowledge{Room: f.client.cfg.Room, Worker: f.seat.PeerID, From: f.peers.Peer(), Nonce: f.nonce}.Salt(),
	}
	f.moving = move(ctx, h.over)
}

func (f *following) moved(p Progress) {
	kind := UpdateReceive
	if f.sending {
		kind = UpdateSend
	}
	u := JobUpdate{Kind: kind, JobID: f.result.JobID, Worker: f.worker, Transfer: p}
	if f.wire.path != nil {
		u.Path = f.wire.path()
	}
	f.report(u)
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
	case events.CodeOf(m.err) == events.CodeDamaged && f.resumes():
		f.note("what had arrived before does not fit: all of it again")
		f.scratch = true
		_ = f.wire.close()
		f.cut(ctx)
	case m.err != nil:
		f.result.Outputs = f.folder.here(f.final.Outputs)
		f.end(f.final.State, m.err)
	case f.sending:
		f.sending = false
		f.spent(&f.result.Timings.SendMS)
		f.noteKept(m.files)
	default:
		f.spent(&f.result.Timings.ReceiveMS)
		f.received()
	}
}

// unsent is why the inputs of a job that has failed did not all go, nil if that is not
// known: the worker says it twice, and its last event may come first.
func (f *following) unsent(s events.JobState) error {
	if !f.sending || f.moving == nil || s != events.JobFailed {
		return nil
	}
	for grace := time.After(breakGrace); ; {
		select {
		case <-f.moving.progress:
		case m := <-f.moving.done:
			f.moving.cancel()
			f.moving = nil
			if events.CodeOf(m.err) == events.CodeUnreachable {
				return nil
			}
			return m.err
		case <-grace:
			return nil
		}
	}
}

// received takes the outputs in that came now, beside those that were here.
func (f *following) received() {
	f.result.Outputs = f.folder.outputs(f.final.Outputs)
	f.end(f.final.State, nil)
}

// resumes reports whether a file was to go on where an earlier transfer ended.
func (f *following) resumes() bool {
	return slices.ContainsFunc(f.want, func(w events.JobWant) bool { return w.Offset > 0 })
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
		if err := f.ownFolder(); err != nil {
			f.end(f.final.State, err)
			return
		}
	}
	if found := f.folder.standing(f.final.Outputs); len(found) > 0 && !f.job.Force && !f.fetched {
		f.end(f.final.State, stands(found, f.folder.path))
		return
	}
	f.plan()
	// What an earlier link brought is ours to overwrite.
	options := transfer.Options{MaxFiles: len(f.coming), Overwrite: f.job.Force || f.fetched, Resume: true, Expected: f.coming}
	f.fetched = true
	if len(f.coming) == 0 {
		f.received()
		return
	}
	if err := f.attach(ctx); err != nil {
		f.client.log.Debug("ask for outputs", "room_id", f.client.cfg.Room, "peer_id", f.worker.PeerID, "error", err)
	}
	bulk, root := f.wire.bulk, f.folder.root
	f.moving = move(ctx, func(ctx context.Context, report func(Progress)) ([]events.FileHeader, error) {
		return transfer.Receive(ctx, bulk, root, options, report)
	})
}

// plan finds out which outputs must come, and from which byte on: those that are here
// whole stay, and a part is gone on with.
func (f *following) plan() {
	f.coming, f.want = nil, nil
	for i, h := range f.final.Outputs {
		if (f.fetched || f.job.Force) && f.folder.has(h) {
			continue
		}
		w := events.JobWant{File: i}
		if part := transfer.Part(f.folder.root, h.Name); part <= h.Size && !f.scratch {
			w.Offset = part
		}
		f.coming, f.want = append(f.coming, h), append(f.want, w)
	}
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
		V: events.ProtocolVersion, JobID: f.result.JobID, Since: f.next, Outputs: f.final != nil, Want: f.want, Signature: signature,
	})
}

// halt stops a transfer.
func (f *following) halt() {
	if f.moving != nil {
		f.moving.stop()
		f.moving = nil
	}
}
