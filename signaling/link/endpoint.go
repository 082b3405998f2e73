// Package link is a peer connection to one peer: ordered, reliable channels of
// frames over WebRTC, opened by signed offers. It is the only package that knows
// pion. It knows neither rosters nor jobs.
package link

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/pion/transport/v5"
	"github.com/pion/webrtc/v4"
)

// Net is a network: nil for the machine's own, a vnet in tests.
type Net = transport.Net

// Config of an endpoint. A duration of 0 stands for the default beside it.
type Config struct {
	Log        *slog.Logger // nil: none
	ICEServers []events.ICEServer
	Loopback   bool // offer 127.0.0.1 too (all peers on one machine)
	Net        Net

	Gather       time.Duration // 250 ms: how long an offer waits for candidates; later ones trickle
	Connect      time.Duration // 10 s: from offer to open channels
	Disconnected time.Duration // 2 s of silence: suspect
	Failed       time.Duration // 10 s more: the link ends
	Keepalive    time.Duration // 1 s: between two ICE checks; both sides check, so 2 s stay unheard only if 2 checks are lost; negative: none
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&c.Gather, 250 * time.Millisecond},
		{&c.Connect, 10 * time.Second},
		{&c.Disconnected, 2 * time.Second},
		{&c.Failed, 10 * time.Second},
		{&c.Keepalive, time.Second},
	} {
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
	return c
}

// Endpoint is a process' end of all its links. They share its DTLS certificate.
// Methods may be called from any goroutine.
type Endpoint struct {
	cfg         Config
	log         *slog.Logger
	certificate webrtc.Certificate
	fingerprint string
	api         *webrtc.API

	mu      sync.Mutex // guards what follows
	servers []events.ICEServer
	links   map[attempt]*Link
	closed  bool
}

// An attempt is one offer to, or from, one peer.
type attempt struct{ peer, nonce string }

// NewEndpoint makes an endpoint without links. On a machine that has no address but
// loopback, loopback is offered.
func NewEndpoint(cfg Config) (*Endpoint, error) {
	cfg = cfg.withDefaults()
	if cfg.Net == nil {
		n, err := newMachine()
		if err != nil {
			return nil, events.Errorf(events.CodeUnavailable, "list the network interfaces: %v", err)
		}
		cfg.Net = n
	}
	cfg.Loopback = cfg.Loopback || alone(cfg.Net)
	certificate, fingerprint, err := newCertificate(time.Now())
	if err != nil {
		return nil, events.Errorf(events.CodeInternal, "make a certificate: %v", err)
	}
	return &Endpoint{
		cfg:         cfg,
		log:         cfg.Log,
		certificate: certificate,
		fingerprint: fingerprint,
		api:         newAPI(cfg),
		servers:     cfg.ICEServers,
		links:       make(map[attempt]*Link),
	}, nil
}

// SetICEServers replaces the servers that later links use (TURN credentials expire).
func (e *Endpoint) SetICEServers(servers []events.ICEServer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.servers = servers
}

// Close closes every link and waits until all is freed, at most 2 s. No link is made
// after it.
func (e *Endpoint) Close() error {
	e.mu.Lock()
	e.closed = true
	links := make([]*Link, 0, len(e.links))
	for _, l := range e.links {
		links = append(links, l)
	}
	e.mu.Unlock()

	errs := make([]error, len(links))
	var closing sync.WaitGroup
	for i, l := range links {
		closing.Go(func() { errs[i] = l.closeUntil(l.gone) })
	}
	closing.Wait()
	return errors.Join(errs...)
}

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

// Candidate hands a verified late candidate to the link whose attempt it names; one
// for no link is dropped.
func (e *Endpoint) Candidate(c events.Signal) {
	e.mu.Lock()
	l := e.links[attempt{c.From, c.Nonce}]
	e.mu.Unlock()
	if l == nil {
		return
	}
	select {
	case l.candidates <- c.Candidate:
	default: // more than a peer can have: the path is found without it, or not
	}
}

// add registers a link, so that candidates find it and Close ends it.
func (e *Endpoint) add(l *Link) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return events.Errorf(events.CodeUnavailable, "this peer is closing its links")
	}
	if _, ok := e.links[l.attempt]; ok {
		return events.Errorf(events.CodeInvalid, "%s offered this link before", l.remote.PeerID)
	}
	e.links[l.attempt] = l
	return nil
}

func (e *Endpoint) remove(l *Link) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.links, l.attempt)
}

func (e *Endpoint) iceServers() []webrtc.ICEServer {
	e.mu.Lock()
	defer e.mu.Unlock()
	servers := make([]webrtc.ICEServer, 0, len(e.servers))
	for _, s := range e.servers {
		servers = append(servers, webrtc.ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential})
	}
	return servers
}
