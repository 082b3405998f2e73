package client

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/link"
	"github.com/moothall/moothall/signaling/transfer"
)

// A client learns that a link is dead after suspectAfter + failAfter of silence,
// which leaves time to dial once more before silenceBound. The suspicion may come
// checkEvery late: the link looks once in that time.
const (
	suspectAfter = 2 * time.Second
	checkEvery   = time.Second
	failAfter    = 6 * time.Second
	dialBound    = 5 * time.Second
)

// A wire is an open link to a worker, as the job protocol needs it.
type wire struct {
	control, bulk transfer.Conn
	suspect       <-chan bool
	done          <-chan struct{}
	err           func() error
	path          func() string // "direct" or "turn"; nil in tests
	close         func() error
}

// dial opens a link to a worker's seat; the client offers.
func (c *Client) dial(ctx context.Context, seat events.Seat) (wire, error) {
	ctx, cancel := context.WithTimeout(ctx, dialBound)
	defer cancel()
	e, err := c.open()
	if err != nil {
		return wire{}, err
	}
	e.SetICEServers(c.session.Reply().ICEServers)
	if _, ok := c.record.nkey(seat.PeerID); !ok {
		if _, err := c.info(ctx); err != nil {
			return wire{}, err
		}
	}
	to := link.Remote{PeerID: seat.PeerID, Incarnation: seat.Incarnation, Purpose: events.PurposeJob}
	l, err := e.Dial(ctx, to, c.Peer(), c.signal)
	if err != nil {
		return wire{}, err
	}
	return wire{control: l.Control(), bulk: l.Bulk(), suspect: l.Suspect(), done: l.Done(), err: l.Err, close: l.Close, path: func() string { return l.Stats().Path }}, nil
}

// openEndpoint opens the sockets and listens for late candidates. Nobody dials a
// client.
func (c *Client) openEndpoint() (*link.Endpoint, error) {
	cfg := c.cfg.Link
	cfg.Log = c.log
	cfg.Disconnected, cfg.Failed = suspectAfter, failAfter
	cfg.Loopback = cfg.Loopback || onThisMachine(c.cfg.HubURL)
	e, err := link.NewEndpoint(cfg)
	if err != nil {
		return nil, err
	}
	c.endpoint.Store(e)
	refuse := func(context.Context, events.Signal) (events.Signal, error) {
		return events.Signal{}, events.Errorf(events.CodeForbidden, "%s is a client and takes no offers", c.Peer())
	}
	_, err = c.signal.Serve(refuse, e.Candidate, nil)
	return e, err
}

// onThisMachine reports whether the hub is reached through the loopback, so that its
// workers may be too.
func onThisMachine(hub string) bool {
	u, err := url.Parse(hub)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}

// send packs a message into one frame on the control channel.
func (w wire) send(ctx context.Context, t events.FrameType, v any) error {
	ctx, cancel := context.WithTimeout(ctx, answerBound)
	defer cancel()
	return w.control.SendWait(ctx, events.Pack(t, v))
}

// broken is why the link ended, in words for a person.
func (w wire) broken() string {
	switch err := w.err(); {
	case errors.Is(err, link.ErrRemoteClosed):
		return "it closed the connection"
	case err != nil:
		return err.Error()
	default:
		return "the connection ended"
	}
}
