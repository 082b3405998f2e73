package link

import (
	"context"
	"errors"
)

// Why a link or a send ended.
var (
	ErrClosed       = errors.New("link closed here")
	ErrRemoteClosed = errors.New("link closed by the peer")
	ErrFull         = errors.New("link channel full")
)

// A Channel carries frames of at most events.MaxMessage bytes, in order, each once.
// Its methods may be called from any goroutine.
type Channel struct{}

// Label is the channel's name.
func (c *Channel) Label() string { return "" }

// Send queues a frame and never blocks: ErrFull when more than 1 MiB waits to be
// sent, the link's Err once it has ended. nil means queued, not delivered.
func (c *Channel) Send(frame []byte) error { return nil }

// SendWait is Send that waits while more than 1 MiB waits to be sent, until 512 KiB
// are left.
func (c *Channel) SendWait(ctx context.Context, frame []byte) error { return nil }

// Frames are the received messages. The channel is closed when the link ends. At
// most 64 wait: a reader that does not read holds the sender back.
func (c *Channel) Frames() <-chan []byte { return nil }
