// Package session is a peer's connection to its room: admission over HTTP, the
// NATS connection that follows from it, and the signed offers that lead to links.
// Workers and clients use it alike; it knows neither rosters nor admins.
package session

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

const (
	joinTimeout    = 5 * time.Second // the first connection: HTTP and NATS together
	requestTimeout = 5 * time.Second // of a request whose context has no deadline
	flushTimeout   = 2 * time.Second // of Close, when its context allows more
)

// Config says whom to join as. HubURL is http(s)://host:port; PeerID is empty for
// the id derived from Key. The token's role must be Role.
type Config struct {
	HubURL, Room, PeerID string
	Token                events.Secret
	Role                 events.Role
	Key                  nkeys.KeyPair
	Secret               events.Secret              // room secret, "" for none; Join hardens it, which takes 0.1 s and 32 MiB
	HTTP                 *http.Client               // nil: a client of our own
	InProcess            nats.InProcessConnProvider // nil: TCP to the URLs of the join reply
	Log                  *slog.Logger               // nil: none
}

// A Session is one peer's presence in a room. All methods may be called from any
// goroutine.
type Session struct {
	cfg   Config
	log   *slog.Logger
	key   string        // public half of cfg.Key
	bound events.Secret // cfg.Secret, hardened
	peer  string
	door  *door
	reply atomic.Pointer[events.JoinReply]
	nc    *nats.Conn

	// up is whether NATS is connected. While it is not, nats.go dials under the lock
	// that each of its methods takes, for seconds at worst: so look here first.
	up        atomic.Bool
	connected latest
	refused   chan struct{} // NATS did not accept the JWT; one waits
	away      chan struct{} // the connection was lost; one waits
	closed    chan struct{} // NATS has run its last callback
	ended     chan struct{} // the token has ended
	err       atomic.Pointer[events.Error]

	ctx     context.Context // ends when Close begins
	end     context.CancelFunc
	running sync.WaitGroup // renewal, subscriptions and accepted offers

	mu      sync.Mutex // guards closing, and running.Add against Close
	closing bool
}

// Join is admitted by the hub and connects to NATS. It answers within 5 s: a first
// connection that fails is an error (unauthorized, forbidden, token_expired,
// name_taken, unreachable, …), one that breaks later is renewed for ever. Every
// error is an *events.Error.
func Join(ctx context.Context, cfg Config) (*Session, error) {
	s, err := newSession(cfg)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	admission, err := s.door.join(limited)
	if err != nil {
		return nil, err
	}
	s.peer = admission.reply.PeerID
	s.reply.Store(&admission.reply)
	if err := s.connect(limited); err != nil {
		s.end()
		return nil, err
	}
	s.running.Go(func() { s.renew(admission.life) })
	return s, nil
}

func newSession(cfg Config) (*Session, error) {
	door, err := newDoor(cfg)
	if err != nil {
		return nil, err
	}
	s := &Session{
		cfg:       cfg,
		log:       cfg.Log,
		key:       door.nkey,
		bound:     hardened(cfg.Room, cfg.Secret),
		door:      door,
		connected: newLatest(),
		refused:   make(chan struct{}, 1),
		away:      make(chan struct{}, 1),
		closed:    make(chan struct{}),
		ended:     make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.log = s.log.With("room_id", cfg.Room)
	s.ctx, s.end = context.WithCancel(context.Background())
	return s, nil
}

// Peer is this peer's id.
func (s *Session) Peer() string { return s.peer }

// Room is the room's id.
func (s *Session) Room() string { return s.cfg.Room }

// Role is what the token admitted this peer as.
func (s *Session) Role() events.Role { return s.cfg.Role }

// Key is the public nkey.
func (s *Session) Key() string { return s.key }

// Signer signs with the peer's key.
func (s *Session) Signer() events.Signer { return s.cfg.Key }

// Bound is what signatures are bound to: a slow hash of the room secret, "" for none.
func (s *Session) Bound() events.Secret { return s.bound }

// Reply is the newest join reply: its limits, seat keys and ICE servers are the
// ones to go by.
func (s *Session) Reply() events.JoinReply { return *s.reply.Load() }

// Conn is the NATS connection, for what the methods here do not cover.
func (s *Session) Conn() *nats.Conn { return s.nc }

// Connection names the present connection to the server, zero while there is none.
func (s *Session) Connection() events.Connection {
	if !s.up.Load() {
		return events.Connection{}
	}
	server := s.nc.ConnectedServerId()
	client, err := s.nc.GetClientID()
	if server == "" || err != nil {
		return events.Connection{}
	}
	return events.Connection{ServerID: server, ClientID: client}
}

// Connected reports true after each (re)connection and false after each loss. Only
// the newest value waits; there is one channel, for one reader.
func (s *Session) Connected() <-chan bool { return s.connected }

// Ended is closed when the hub refuses to renew the admission for good, because the
// token has expired or was revoked. The session is of no use then, and is to be closed.
func (s *Session) Ended() <-chan struct{} { return s.ended }

// Err is why the session has ended, nil while it has not.
func (s *Session) Err() error {
	if e := s.err.Load(); e != nil {
		return e
	}
	return nil
}

// Close lets what was received be handled and what was published leave (at most
// 2 s, and no longer than ctx), then closes the connection and waits until
// everything that the session started has ended, or ctx has. Handlers must not
// call it.
func (s *Session) Close(ctx context.Context) error {
	s.mu.Lock()
	first := !s.closing
	s.closing = true
	s.mu.Unlock()
	if first {
		s.settle(ctx)
		s.end()
	}
	ended := make(chan struct{})
	go func() {
		s.nc.Close()
		s.running.Wait()
		<-s.closed
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// settle waits until the server has what was published and the handlers have seen
// what was received. nats.Conn.Drain does not do: its timers are shared by the whole
// process, which synctest bubbles do not survive.
func (s *Session) settle(ctx context.Context) {
	if !s.up.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if s.nc.FlushWithContext(ctx) != nil {
		return
	}
	handled := make(chan struct{})
	if s.nc.Barrier(func() { close(handled) }) != nil {
		return
	}
	select {
	case <-handled:
	case <-ctx.Done():
	}
}

// start counts one more thing that Close waits for; false once Close has begun.
// Whoever got true calls running.Done.
func (s *Session) start() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.running.Add(1)
	return true
}

// post leaves a word for whoever reads c, if none waits already.
func post(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// latest is a channel that holds only the newest value. One goroutine sets it.
type latest chan bool

func newLatest() latest { return make(chan bool, 1) }

func (l latest) set(v bool) {
	select {
	case <-l:
	default:
	}
	l <- v
}
