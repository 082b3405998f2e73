package transfer

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A pipe is one end of a connection in memory. The hook sees, and may change, each
// frame before it is sent.
type pipe struct {
	in, out chan []byte
	lost    chan struct{}
	hook    func(frame []byte) []byte
}

var errLost = errors.New("pipe lost")

func newPipe() (*pipe, *pipe) {
	const window = 8
	a, b, lost := make(chan []byte, window), make(chan []byte, window), make(chan struct{})
	return &pipe{in: a, out: b, lost: lost}, &pipe{in: b, out: a, lost: lost}
}

func (p *pipe) SendWait(ctx context.Context, frame []byte) error {
	frame = slices.Clone(frame)
	if p.hook != nil {
		frame = p.hook(frame)
	}
	select {
	case <-p.lost:
		return errLost
	default:
	}
	select {
	case p.out <- frame:
		return nil
	case <-p.lost:
		return errLost
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *pipe) Frames() <-chan []byte { return p.in }

// A run is one transfer between two folders.
type run struct {
	t        *testing.T
	from, to string // folders
	sender   *pipe
	receiver *pipe
	opts     Options
	names    []string // in from; nil: all
	sendCtx  context.Context
	recvCtx  context.Context
	progress func(Progress)
}

func newRun(t *testing.T) *run {
	t.Helper()
	r := &run{t: t, from: t.TempDir(), to: t.TempDir(), sendCtx: t.Context(), recvCtx: t.Context()}
	r.sender, r.receiver = newPipe()
	return r
}

func (r *run) write(name string, data []byte, mode fs.FileMode) string {
	r.t.Helper()
	path := filepath.Join(r.from, filepath.FromSlash(name))
	must(r.t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(r.t, os.WriteFile(path, data, mode))
	r.names = append(r.names, name)
	return path
}

// A result is what one side returned.
type result struct {
	headers []events.FileHeader
	err     error
}

func (r *run) do() (sent, received result) {
	r.t.Helper()
	root, err := os.OpenRoot(r.to)
	must(r.t, err)
	defer root.Close()
	sources := make([]Source, len(r.names))
	for i, n := range r.names {
		sources[i] = Source{Name: n, Path: filepath.Join(r.from, filepath.FromSlash(n))}
	}
	done := make(chan result)
	go func() {
		headers, err := Receive(r.recvCtx, r.receiver, root, r.opts, nil)
		done <- result{headers, err}
	}()
	sent.headers, sent.err = Send(r.sendCtx, r.sender, sources, r.progress)
	select {
	case received = <-done:
	case <-time.After(10 * time.Second):
		r.t.Fatal("the receiver does not end")
	}
	return sent, received
}

// fails expects both sides to fail with a code.
func (r *run) fails(sender, receiver events.Code) {
	r.t.Helper()
	sent, received := r.do()
	if events.CodeOf(sent.err) != sender || events.CodeOf(received.err) != receiver {
		r.t.Errorf("sender: %v (%s), want %s; receiver: %v (%s), want %s", sent.err, events.CodeOf(sent.err), sender, received.err, events.CodeOf(received.err), receiver)
	}
}

// arrived lists all files below the receiving folder.
func (r *run) arrived() []string {
	r.t.Helper()
	names := []string{}
	must(r.t, filepath.WalkDir(r.to, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(r.to, path)
			names = append(names, filepath.ToSlash(name))
		}
		return err
	}))
	return names
}

func (r *run) arrivedOnly(want ...string) {
	r.t.Helper()
	if got := r.arrived(); !slices.Equal(got, want) {
		r.t.Errorf("arrived: %q, want %q", got, want)
	}
}

// onChunk calls f before the n-th chunk (from 1) is sent.
func (r *run) onChunk(n int, f func()) {
	chunks := 0
	r.sender.hook = func(frame []byte) []byte {
		if events.FrameType(frame[0]) == events.FrameChunk {
			if chunks++; chunks == n {
				f()
			}
		}
		return frame
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
