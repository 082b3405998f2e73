package client

import (
	"context"
	"io"
	"testing"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/link"
)

// An end is one side of a channel in memory. It behaves as a link's: what was sent
// before the cut can still be read, then Frames is closed.
type end struct {
	in, out chan []byte
	frames  chan []byte
	cut     <-chan struct{}
}

func (e *end) Frames() <-chan []byte { return e.frames }

func (e *end) SendWait(ctx context.Context, frame []byte) error {
	select {
	case <-e.cut:
		return io.ErrClosedPipe
	default:
	}
	select {
	case e.out <- frame:
		return nil
	case <-e.cut:
		return io.ErrClosedPipe
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *end) pump() {
	defer close(e.frames)
	for {
		select {
		case f := <-e.in:
			e.frames <- f
			continue
		default:
		}
		select {
		case f := <-e.in:
			e.frames <- f
		case <-e.cut:
			return
		}
	}
}

func channel(t *testing.T, cut <-chan struct{}) (ours, theirs *end) {
	const ahead = 256
	up, down := make(chan []byte, ahead), make(chan []byte, ahead)
	ours = &end{in: down, out: up, frames: make(chan []byte, ahead), cut: cut}
	theirs = &end{in: up, out: down, frames: make(chan []byte, ahead), cut: cut}
	for _, e := range []*end{ours, theirs} {
		done := make(chan struct{})
		go func() { defer close(done); e.pump() }()
		t.Cleanup(func() { <-done })
	}
	return ours, theirs
}

// A peer is the worker's side of a job's link, played by the test.
type peer struct {
	t             *testing.T
	control, bulk *end
	suspect       chan bool
	cut           func()
	ours          wire // the other side
}

// connect makes a link in memory.
func connect(t *testing.T) *peer {
	t.Helper()
	done, cut := context.WithCancel(context.Background())
	control, theirControl := channel(t, done.Done())
	bulk, theirBulk := channel(t, done.Done())
	suspect := make(chan bool, 1)
	w := wire{
		control: control, bulk: bulk, suspect: suspect, done: done.Done(),
		err: func() error {
			if done.Err() == nil {
				return nil
			}
			return link.ErrRemoteClosed
		},
		close: func() error { cut(); return nil },
	}
	t.Cleanup(cut) // before the pumps are waited for: cleanups run last first
	return &peer{t: t, ours: w, control: theirControl, bulk: theirBulk, suspect: suspect, cut: cut}
}

func (p *peer) send(t events.FrameType, v any) {
	p.t.Helper()
	if err := p.control.SendWait(context.Background(), events.Pack(t, v)); err != nil {
		p.t.Errorf("send a frame of type %d: %v", t, err)
	}
}

func (p *peer) event(e events.JobEvent) {
	p.t.Helper()
	e.JobID = testJob
	p.send(events.FrameEvent, e)
}

func (p *peer) state(seq uint64, s events.JobState) {
	p.t.Helper()
	p.event(events.JobEvent{Seq: seq, Kind: events.JobEventState, State: s})
}

// exited ends the job with an exit code.
func (p *peer) exited(seq uint64, code int, outputs ...events.FileHeader) {
	p.t.Helper()
	s := events.JobDone
	if code != 0 {
		s = events.JobFailed
	}
	p.event(events.JobEvent{Seq: seq, Kind: events.JobEventState, State: s, ExitCode: &code, Outputs: outputs})
}

// next reads a frame of the type that must come.
func (p *peer) next(want events.FrameType, v any) {
	p.t.Helper()
	frame, ok := <-p.control.Frames()
	if !ok {
		p.t.Errorf("the link ended before a frame of type %d", want)
		return
	}
	got, payload, err := events.ParseFrame(frame)
	if err != nil || got != want {
		p.t.Errorf("got a frame of type %d (%v), want %d", got, err, want)
		return
	}
	if err := events.Unpack(payload, v); err != nil {
		p.t.Error(err)
	}
}
