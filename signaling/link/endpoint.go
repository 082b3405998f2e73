// Package link is a peer connection to one peer: ordered, reliable channels of
// frames over WebRTC, opened by signed offers. It is the only package that knows
// pion. It knows neither rosters nor jobs.
package link

import (
	"context"
	"log/slog"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/pion/transport/v5"
)

// Net is a network: nil for the machine's own, a vnet in tests.
type Net = transport.Net

// Config of an endpoint. A duration of 0 stands for the default beside it.
type Config struct {
	Log        *slog.Logger
	ICEServers []events.ICEServer
	Loopback   bool // offer 127.0.0.1 too (all peers on one machine)
	Net        Net

	Gather       time.Duration // 250 ms: how long an offer waits for candidates; later ones trickle
	Connect      time.Duration // 10 s: from offer to open channels
	Disconnected time.Duration // 2 s of silence: suspect
	Failed       time.Duration // 10 s more: the link ends
	Keepalive    time.Duration // 2 s
}

// Endpoint is a process' end of all its links: one UDP socket per address, one
// DTLS certificate. Methods may be called from any goroutine.
type Endpoint struct{}

// NewEndpoint opens the sockets.
func NewEndpoint(cfg Config) (*Endpoint, error) {
	return nil, events.Errorf(events.CodeInternal, "not built")
}

// SetICEServers replaces the servers that later links use (TURN credentials expire).
func (e *Endpoint) SetICEServers(servers []events.ICEServer) {}

// Close closes every link, waits for them, and closes the sockets.
func (e *Endpoint) Close() error { return nil }

// A Signaller carries signals to the remote peer: it fills in who sends, signs,
// and verifies what comes back.
type Signaller interface {
	Offer(ctx context.Context, offer events.Signal) (answer events.Signal, err error)
	Candidate(c events.Signal) error
}

// Remote is whom a link leads to. Incarnation is 0 for clients. Purpose is
// events.PurposeMesh or events.PurposeJob.
type Remote struct {
	PeerID      string
	Incarnation uint64
	Purpose     string
}

// Dial offers a link to a peer and blocks until its channels are open, ctx ends or
// Config.Connect has passed. local is this peer's id.
func (e *Endpoint) Dial(ctx context.Context, to Remote, local string, sig Signaller) (*Link, error) {
	return nil, events.Errorf(events.CodeInternal, "not built")
}

// Accept answers a verified offer. The link is not open yet: wait for Opened or
// Done. ctx bounds the making of the answer only.
func (e *Endpoint) Accept(ctx context.Context, offer events.Signal, sig Signaller) (events.Signal, *Link, error) {
	return events.Signal{}, nil, events.Errorf(events.CodeInternal, "not built")
}

// Candidate hands a verified late candidate to the link whose attempt it names; one
// for no link is dropped.
func (e *Endpoint) Candidate(c events.Signal) {}
