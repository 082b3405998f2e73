package client

import (
	"context"
	"fmt"
	"slices"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/transfer"
)

// A handing gives a job its inputs over one link: it names them, shows what it knows of
// those that the worker may have already, and sends what that needs.
type handing struct {
	wire      wire
	job       string
	signature string
	salt      []byte
	cargo     []transfer.Source
	files     []events.FileHeader // of the cargo
	needs     <-chan events.JobNeeds
}

// over returns the headers of the files that were sent.
func (h handing) over(ctx context.Context, report func(Progress)) ([]events.FileHeader, error) {
	if err := h.name(ctx); err != nil {
		return nil, err
	}
	n, err := h.needed(ctx)
	if err == nil && len(n.Prove) > 0 {
		if err = h.prove(ctx, n.Prove); err == nil {
			n, err = h.needed(ctx)
		}
	}
	if err != nil {
		return nil, err
	}
	var wanted []transfer.Source
	for i, w := range n.Want {
		if w.File < 0 || w.File >= len(h.cargo) || i > 0 && w.File <= n.Want[i-1].File {
			return nil, events.Errorf(events.CodeInvalid, "the worker wants input %d of %d", w.File, len(h.cargo))
		}
		s := h.cargo[w.File]
		s.Offset = w.Offset
		wanted = append(wanted, s)
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	return transfer.Send(ctx, h.wire.bulk, wanted, report)
}

// Of one frame of JobInputs: what an input takes beside its name, and a byte of that as
// JSON may have to write it. Bytes.
const (
	inputOverhead = 200
	inputByte     = 6
)

// name sends the list of inputs, in as many frames as it needs.
func (h handing) name(ctx context.Context) error {
	m := events.JobInputs{V: events.ProtocolVersion, JobID: h.job, Signature: h.signature}
	size := 0
	for i, f := range h.files {
		in := events.JobInput{Name: f.Name, Size: f.Size, Mode: f.Mode}
		if f.Size >= events.JobHeadBytes {
			var err error
			if in.Head, err = h.cargo[i].Sum(ctx, h.salt, events.JobHeadBytes); err != nil {
				return err
			}
		}
		if size += inputOverhead + inputByte*len(f.Name); size > events.MaxMessage/2 && len(m.Files) > 0 {
			m.More = true
			if err := h.wire.send(ctx, events.FrameInputs, m); err != nil {
				return unreachable(err)
			}
			m.Files, m.More, size = nil, false, inputOverhead+inputByte*len(f.Name)
		}
		m.Files = append(m.Files, in)
	}
	return unreachable(h.wire.send(ctx, events.FrameInputs, m))
}

// prove shows that the files at these places are known whole.
func (h handing) prove(ctx context.Context, places []int) error {
	e := events.JobEvidence{V: events.ProtocolVersion, JobID: h.job}
	for n, i := range places {
		if i < 0 || i >= len(h.cargo) || n > 0 && i <= places[n-1] {
			return events.Errorf(events.CodeInvalid, "the worker asks for input %d of %d", i, len(h.cargo))
		}
		sum, err := h.cargo[i].Sum(ctx, h.salt, h.files[i].Size)
		if err != nil {
			return err
		}
		e.Sums = append(e.Sums, sum)
	}
	return unreachable(h.wire.send(ctx, events.FrameEvidence, e))
}

// needed waits for the worker's word. That the link ends is noticed by who halts this.
func (h handing) needed(ctx context.Context) (events.JobNeeds, error) {
	select {
	case n := <-h.needs:
		return n, nil
	case <-h.wire.done:
		return events.JobNeeds{}, unreachable(h.wire.err())
	case <-ctx.Done():
		return events.JobNeeds{}, ctx.Err()
	}
}

func unreachable(err error) error {
	if err == nil {
		return nil
	}
	return events.Errorf(events.CodeUnreachable, "the connection ended before the inputs were sent (%v)", err)
}

// headers are those of the sources, as they are now.
func headers(cargo []transfer.Source) (all []events.FileHeader, err error) {
	for _, s := range cargo {
		h, err := s.Look()
		if err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, nil
}

// unchanged refuses files that are not what they were at the first offer.
func unchanged(first, now []events.FileHeader) error {
	for i, was := range first {
		if now[i] != was {
			return events.Errorf(events.CodeFile, "%s changed while it was sent", was.Name).WithTry("again when nothing writes to it any more")
		}
	}
	return nil
}

// noteKept says which inputs the worker had already.
func (f *following) noteKept(sent []events.FileHeader) {
	for _, h := range f.first {
		if !slices.ContainsFunc(sent, func(s events.FileHeader) bool { return s.Name == h.Name }) {
			f.note(fmt.Sprintf("%s was on %s already: not sent again", h.Name, label(f.worker)))
		}
	}
}
