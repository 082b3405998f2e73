package link

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/moothall/moothall/events"
	"github.com/pion/datachannel"
	"github.com/pion/webrtc/v4"
	"golang.org/x/time/rate"
)

// Why a frame was not taken, beside the reasons of Link.Err.
var (
	ErrNotOpen = errors.New("link not open yet")
	ErrFull    = errors.New("link channel full")
)

const (
	highWater  = 1 << 20   // bytes that may wait to be received by the other side
	lowWater   = 512 << 10 // of them, when a waiting sender goes on
	maxFrames  = 64        // received, unread
	readBuffer = 2 << 10   // bytes at first; grows to the largest frame seen
)

// A Channel carries frames of at most events.MaxMessage bytes, in order, each once.
// Its methods may be called from any goroutine.
type Channel struct {
	link   *Link
	label  string
	dc     *webrtc.DataChannel
	raw    datachannel.ReadWriteCloser // set before the link opens
	frames chan []byte
	low    chan struct{} // what waits fell to lowWater
	turn   chan struct{} // whose turn it is to wait for low
	rate   *rate.Limiter // of received messages
}

// newChannel makes the channel with a number that both sides know.
func newChannel(l *Link, label string, id uint16) (*Channel, error) {
	negotiated := true
	dc, err := l.pc.CreateDataChannel(label, &webrtc.DataChannelInit{Negotiated: &negotiated, ID: &id})
	if err != nil {
		return nil, err
	}
	c := &Channel{
		link:   l,
		label:  label,
		dc:     dc,
		frames: make(chan []byte, maxFrames),
		low:    make(chan struct{}, 1),
		turn:   make(chan struct{}, 1),
		rate:   rateOf(l, label).Limiter(),
	}
	dc.SetBufferedAmountLowThreshold(lowWater)
	dc.OnBufferedAmountLow(c.drained)
	dc.OnOpen(c.detach)
	return c, nil
}

// detach is pion's callback, the only place where a channel may be taken from it.
func (c *Channel) detach() {
	raw, err := c.dc.Detach()
	if err != nil {
		c.link.end(events.Errorf(events.CodeInternal, "detach channel %q: %v", c.label, err))
		return
	}
	c.raw = raw
	c.link.detached <- struct{}{} // has room for each channel once
}

// drained is pion's callback.
func (c *Channel) drained() {
	select {
	case c.low <- struct{}{}:
	default:
	}
}

// read passes frames on until the channel ends. It waits for whoever reads them, and
// while more come than the channel's rate: both hold the sender back.
func (c *Channel) read() {
	defer close(c.frames)
	buffer := make([]byte, readBuffer)
	for {
		n, _, err := c.raw.ReadDataChannel(buffer)
		switch {
		case errors.Is(err, io.ErrShortBuffer) && len(buffer) < events.MaxMessage:
			buffer = make([]byte, min(2*len(buffer), events.MaxMessage))
			continue
		case errors.Is(err, io.ErrShortBuffer):
			c.link.end(events.Errorf(events.CodeTooLarge, "%s sent a frame of more than %d bytes", c.link.remote.PeerID, events.MaxMessage))
			return
		case err != nil:
			c.link.end(ErrRemoteClosed)
			return
		case !c.pause():
			return
		case n == 0: // a nudge
			continue
		}
		select {
		case c.frames <- slices.Clone(buffer[:n]):
		case <-c.link.closing:
			return
		}
	}
}

// nudge sends an empty message if something waits to be confirmed: SCTP confirms a
// single packet after 200 ms, a second one at once.
func (c *Channel) nudge() {
	if c.buffered() > 0 {
		_, _ = c.raw.Write(nil)
	}
}

func (c *Channel) buffered() uint64 { return c.dc.BufferedAmount() }

// Label is the channel's name.
func (c *Channel) Label() string { return c.label }

// Send queues a frame and never blocks: ErrNotOpen before the link is open, ErrFull
// when more than 1 MiB waits to be received, the link's Err once it has ended. nil
// means queued, not delivered. The frame may be reused.
func (c *Channel) Send(frame []byte) error {
	if err := c.usable(frame); err != nil {
		return err
	}
	if c.buffered() > highWater {
		return ErrFull
	}
	return c.write(frame)
}

// SendWait is Send that, when more than 1 MiB waits, waits until 512 KiB are left.
func (c *Channel) SendWait(ctx context.Context, frame []byte) error {
	if err := c.usable(frame); err != nil {
		return err
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-c.link.done:
		return c.link.reason
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for c.buffered() > highWater {
		select {
		case <-c.low:
		case <-c.link.done:
			return c.link.reason
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return c.write(frame)
}

func (c *Channel) usable(frame []byte) error {
	if len(frame) == 0 || len(frame) > events.MaxMessage {
		return events.Errorf(events.CodeTooLarge, "frame of %d bytes, 1 to %d allowed", len(frame), events.MaxMessage)
	}
	select {
	case <-c.link.done:
		return c.link.reason
	case <-c.link.opened:
		return nil
	default:
		return ErrNotOpen
	}
}

func (c *Channel) write(frame []byte) error {
	if _, err := c.raw.Write(frame); err != nil {
		c.link.end(ErrRemoteClosed)
		return c.link.reason
	}
	return nil
}

// Frames are the received messages. The channel is closed when the link has ended and
// what had arrived before was read, or Close was called. At most 64 wait: a reader
// that does not read holds the sender back.
func (c *Channel) Frames() <-chan []byte { return c.frames }
