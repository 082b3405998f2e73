package transfer

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/moothall/moothall/events"
)

// Send sends the files and returns their headers, with hashes, when the receiver
// has confirmed each. A file that changes, vanishes or cannot be read is CodeFile at
// both ends; nothing of it is kept as if whole. Whatever the receiver refuses comes
// back as its *events.Error. report may be nil; it is called at most every 100 ms per
// file and once at a file's end, on the calling goroutine. Every error is an
// *events.Error; when ctx ends both sides return at once.
func Send(ctx context.Context, c Conn, files []Source, report func(Progress)) ([]events.FileHeader, error) {
	out, err := look(files)
	if err != nil {
		tell(ctx, c, err)
		return nil, err
	}
	sending, stop := context.WithCancel(ctx)
	s := &sender{
		conn:   c,
		files:  out,
		report: reporter{report: report},
		sent:   make(chan events.FileEnd, len(out)),
		answer: make(chan verdict, 1),
	}
	var listening sync.WaitGroup
	listening.Go(func() { s.listen(sending, stop) })
	err = s.finish(ctx, s.send(sending))
	stop()
	listening.Wait()
	if err != nil {
		return nil, err
	}
	return whole(s.headers()), nil
}

// A sender writes on the calling goroutine and listens on another, so that a refusal
// is heard also while the connection takes nothing more.
type sender struct {
	conn   Conn
	files  []outgoing
	report reporter
	sent   chan events.FileEnd // what awaits its confirmation, in order
	answer chan verdict        // one, when the listener has ended
}

// A verdict is what came of the files: nil when all are confirmed. theirs says that
// the receiver knows.
type verdict struct {
	err    error
	theirs bool
}

// A connError is a failure to send, of which the listener may know the reason.
type connError struct{ error }

func (e connError) Unwrap() error { return e.error }

func (s *sender) put(ctx context.Context, frame []byte) error {
	if err := s.conn.SendWait(ctx, frame); err != nil {
		return connError{err}
	}
	return nil
}

func (s *sender) headers() []events.FileHeader {
	headers := make([]events.FileHeader, len(s.files))
	for i := range s.files {
		headers[i] = s.files[i].header
	}
	return headers
}

// whole are the headers of files that have arrived, from wherever they were sent.
func whole(headers []events.FileHeader) []events.FileHeader {
	for i := range headers {
		headers[i].Offset = 0
	}
	return headers
}

func (s *sender) send(ctx context.Context) error {
	for _, frame := range manifests(s.headers()) {
		if err := s.put(ctx, frame); err != nil {
			return err
		}
	}
	for i := range s.files {
		if err := s.sendFile(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

func (s *sender) sendFile(ctx context.Context, i int) error {
	f := &s.files[i]
	if err := s.put(ctx, events.Pack(events.FrameFile, f.header)); err != nil {
		return err
	}
	p := Progress{Name: f.header.Name, Done: f.header.Offset, Total: f.header.Size, File: i + 1, Files: len(s.files)}
	sum, err := f.read(func(chunk []byte) error {
		if err := s.put(ctx, events.Frame(events.FrameChunk, chunk)); err != nil {
			return err
		}
		if p.Done += int64(len(chunk)); p.Done < p.Total {
			s.report.say(p)
		}
		return nil
	})
	if err != nil {
		return err
	}
	f.header.SHA256 = sum
	s.report.say(p)
	end := events.FileEnd{Name: f.header.Name, Size: f.header.Size, SHA256: sum}
	s.sent <- end
	return s.put(ctx, events.Pack(events.FrameFileEnd, end))
}

// listen takes a confirmation for each file. What is wrong with one, or comes instead
// of it, stops the sending.
func (s *sender) listen(ctx context.Context, stop context.CancelFunc) {
	for range s.files {
		if v := s.confirmed(ctx); v.err != nil {
			s.answer <- v
			stop()
			return
		}
	}
	s.answer <- verdict{}
}

func (s *sender) confirmed(ctx context.Context) verdict {
	select {
	case <-ctx.Done():
		return verdict{err: ctx.Err()}
	case frame, ok := <-s.conn.Frames():
		if !ok {
			return verdict{err: errNoFrames, theirs: true}
		}
		return s.confirm(frame)
	}
}

func (s *sender) confirm(frame []byte) verdict {
	kind, payload, err := events.ParseFrame(frame)
	if err != nil {
		return verdict{err: err}
	}
	if kind == events.FrameFileError {
		return verdict{err: told(payload), theirs: true}
	}
	var end events.FileEnd
	if kind != events.FrameFileOK || events.Unpack(payload, &end) != nil {
		return verdict{err: events.Errorf(events.CodeInvalid, "frame %d came instead of a confirmation", kind)}
	}
	select {
	case want := <-s.sent:
		if end != want {
			return verdict{err: events.Errorf(events.CodeDamaged, "the receiver confirmed something else than %s as it was sent", want.Name)}
		}
		return verdict{}
	default:
		return verdict{err: events.Errorf(events.CodeInvalid, "the receiver confirmed %s, which was not sent", end.Name)}
	}
}

// finish joins the two halves: what the listener knows explains a failure to send.
func (s *sender) finish(ctx context.Context, failed error) error {
	v := verdict{err: failed}
	if failed == nil || errors.As(failed, &connError{}) {
		v = s.verdict(failed)
	}
	if v.err == nil {
		return nil
	}
	err := ended(ctx, v.err)
	if !v.theirs {
		tell(ctx, s.conn, err)
	}
	return err
}

// verdict waits for the listener; if sending has failed, not for long.
func (s *sender) verdict(failed error) verdict {
	if failed == nil {
		return <-s.answer
	}
	select {
	case v := <-s.answer:
		if v.err != nil {
			return v
		}
	case <-time.After(tellTimeout):
	}
	return verdict{err: failed}
}
