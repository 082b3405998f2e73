package transfer

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/link"
)

// A wire carries an offer to an endpoint in memory.
type wire struct {
	to       *link.Endpoint
	accepted chan *link.Link
}

func (w wire) Offer(ctx context.Context, s events.Signal) (events.Signal, error) {
	s.From = "a"
	answer, l, err := w.to.Accept(ctx, s, w)
	if err == nil {
		w.accepted <- l
	}
	return answer, err
}

func (wire) Candidate(events.Signal) error { return nil }

// linked returns the bulk channels of a link over real sockets.
func linked(t testing.TB) (near, far *link.Link) {
	t.Helper()
	a, err := link.NewEndpoint(link.Config{Loopback: true})
	must(t, err)
	t.Cleanup(func() { must(t, a.Close()) })
	b, err := link.NewEndpoint(link.Config{Loopback: true})
	must(t, err)
	t.Cleanup(func() { must(t, b.Close()) })
	w := wire{to: b, accepted: make(chan *link.Link, 1)}
	near, err = a.Dial(t.Context(), link.Remote{PeerID: "b", Purpose: events.PurposeJob}, "a", w)
	must(t, err)
	far = <-w.accepted
	<-far.Opened()
	return near, far
}

// overLink transfers one file of a size and calls at when so many bytes are sent.
func overLink(t *testing.T, near, far *link.Link, path string, size int, at int64, then func()) (dir string, sent, received error) {
	t.Helper()
	must(t, os.WriteFile(path, bytes.Repeat([]byte{7}, size), 0o644))
	dir = t.TempDir()
	root, err := os.OpenRoot(dir)
	must(t, err)
	defer root.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan error)
	go func() {
		_, err := Receive(ctx, far.Bulk(), root, Options{}, nil)
		done <- err
	}()
	reached := false
	_, sent = Send(ctx, near.Bulk(), []Source{{Name: "f", Path: path}}, func(p Progress) {
		if !reached && p.Done >= at {
			reached = true
			then()
		}
	})
	return dir, sent, <-done
}

func TestTransfer_OverALink(t *testing.T) {
	near, far := linked(t)
	const size = 3<<20 + 11
	dir, sent, received := overLink(t, near, far, filepath.Join(t.TempDir(), "f"), size, 0, func() {})
	must(t, sent)
	must(t, received)
	info, err := os.Stat(filepath.Join(dir, "f"))
	if err != nil || info.Size() != size {
		t.Errorf("arrived: %v, %v", info, err)
	}
}

func TestTransfer_OverALinkThatEnds(t *testing.T) {
	near, far := linked(t)
	dir, sent, received := overLink(t, near, far, filepath.Join(t.TempDir(), "f"), 32<<20, 1<<20, func() { go far.Close() })
	if events.CodeOf(sent) != events.CodeUnreachable || events.CodeOf(received) != events.CodeUnreachable {
		t.Errorf("sender: %v, receiver: %v", sent, received)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left %v, %v", entries, err)
	}
}

func TestTransfer_OverALinkOfAFileThatVanishes(t *testing.T) {
	near, far := linked(t)
	path := filepath.Join(t.TempDir(), "f")
	dir, sent, received := overLink(t, near, far, path, 8<<20, 1<<20, func() { must(t, os.Remove(path)) })
	if events.CodeOf(sent) != events.CodeFile || events.CodeOf(received) != events.CodeFile {
		t.Errorf("sender: %v, receiver: %v", sent, received)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left %v, %v", entries, err)
	}
}
