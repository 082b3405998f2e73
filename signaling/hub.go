package signaling

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/moothall/moothall/embedded"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/pace"
	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"
)

// Keys of log lines.
const (
	keyRoom     = "room_id"
	keyPeer     = "peer_id"
	keyTerm     = "term"
	keyAdmin    = "admin_peer_id"
	keyWorkers  = "num_workers"
	keyElection = "election_time_ms"
)

// A Hub serves the rooms of one house. It holds no state that another hub on the
// same store would miss, except what it heard and saw by itself. Safe for
// concurrent use.
type Hub struct {
	cfg        Config
	log        *slog.Logger
	srv        *embedded.Server
	keys       *embedded.Keys
	registry   Registry
	tokens     *Tokens
	presence   *Presence
	lanes      *lanes
	requests   *pace.Senders
	leases     *pace.Senders
	metrics    *metrics
	gate       *gate
	looks      chan chan error // asks watchGate to look now
	doorkeeper *doorkeeper
	ready      chan struct{}

	// Set by Run before ready is closed.
	rooms   *nats.Conn
	store   *store
	scanned uint64 // of the store's sequence; owned by the scan
}

// NewHub makes a hub on a running server. It answers nothing until Run; tokens can
// be made before.
func NewHub(cfg Config, srv *embedded.Server, keys *embedded.Keys) (*Hub, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	if cfg.TokenDir == "" {
		cfg.TokenDir = filepath.Join(srv.StoreDir(), "tokens")
	}
	if len(cfg.NATSURLs) == 0 && srv.URL() != "" {
		cfg.NATSURLs = []string{srv.URL()}
	}
	tokens, err := OpenTokens(cfg.TokenDir)
	if err != nil {
		return nil, err
	}
	gate, err := newGate(tokens, keys, srv)
	if err != nil {
		return nil, err
	}
	return &Hub{
		cfg: cfg, log: cfg.Log, gate: gate, looks: make(chan chan error), doorkeeper: newDoorkeeper(cfg), srv: srv, keys: keys, tokens: tokens,
		registry: Registry{Limits: cfg.Limits, RolloutPercent: cfg.RolloutPercent, Hub: keys.Seat(), HubKeys: keys.SeatPublic()},
		presence: NewPresence(time.Duration(cfg.Limits.LeaseTTLMS)*time.Millisecond, time.Now()),
		lanes:    newLanes(), requests: pace.New(requestRate), leases: pace.New(leaseRate), metrics: newMetrics(),
		ready: make(chan struct{}),
	}, nil
}

// Ready is closed when the hub answers.
func (h *Hub) Ready() <-chan struct{} { return h.ready }

// NewToken makes a join token. The text is shown once and not kept.
func (h *Hub) NewToken(_ context.Context, r TokenRequest) (token string, info TokenInfo, err error) {
	return h.tokens.New(r, time.Now())
}

// Run serves until ctx ends and returns after everything it started has ended: nil,
// unless it failed before. Call it once.
func (h *Hub) Run(ctx context.Context) error {
	if err := h.run(ctx); ctx.Err() == nil {
		return err
	}
	return nil
}

func (h *Hub) run(ctx context.Context) error {
	var conns connections
	defer conns.close()
	rooms, err := conns.open(h, embedded.Rooms)
	if err != nil {
		return err
	}
	control, err := conns.open(h, embedded.Control)
	if err != nil {
		return err
	}
	system, err := conns.open(h, embedded.System)
	if err != nil {
		return err
	}
	h.rooms = rooms
	if h.store, err = openStore(ctx, control); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { h.lanes.run(ctx); return nil })
	group.Go(func() error { return h.work(ctx, system) })
	return group.Wait()
}

// work listens before it looks and looks before it answers, so that it misses
// nothing and its first answer is a good one.
func (h *Hub) work(ctx context.Context, system *nats.Conn) error {
	h.presence.WasBlind(time.Now())
	if err := h.keys.WatchConnections(system, h.connection); err != nil {
		return err
	}
	leases := events.ServiceSubject(events.Any, events.VerbLease, events.Any)
	if _, err := h.rooms.Subscribe(leases, h.heard); err != nil {
		return fmt.Errorf("listen to leases: %w", err)
	}
	for _, nc := range []*nats.Conn{system, h.rooms} {
		if err := flush(ctx, nc); err != nil {
			return fmt.Errorf("listen: %w", err)
		}
	}
	if err := h.scanOnce(ctx); err != nil {
		return err
	}
	if err := h.serve(h.rooms); err != nil {
		return err
	}
	if err := flush(ctx, h.rooms); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	close(h.ready)
	var group errgroup.Group
	group.Go(func() error { h.sweep(ctx); return nil })
	group.Go(func() error { h.scan(ctx); return nil })
	group.Go(func() error { h.watchGate(ctx); return nil })
	return group.Wait()
}

// flush waits until the server has seen all that was sent on nc.
func flush(ctx context.Context, nc *nats.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return nc.FlushWithContext(ctx)
}

// Handler answers HTTP: join, discover-workers, healthz, readyz, metrics, version.
// It may be used before Run: what needs the store then answers 503.
func (h *Hub) Handler() http.Handler { return h.routes() }

// connections are the hub's own, closed in reverse.
type connections []func()

func (c *connections) open(h *Hub, a embedded.Account) (*nats.Conn, error) {
	closed := make(chan struct{})
	nc, err := h.srv.Connect(a,
		nats.Name("moothall "+a.String()),
		nats.MaxReconnects(-1), nats.ReconnectWait(250*time.Millisecond),
		// Answers of another time must not be sent after a reconnect.
		nats.ReconnectBufSize(-1),
		nats.ReconnectHandler(func(*nats.Conn) { h.presence.WasBlind(time.Now()) }),
		nats.ClosedHandler(func(*nats.Conn) { close(closed) }),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			h.log.Warn("NATS error", "account", a, "subject", subjectOf(s), "error", err)
		}))
	if err != nil {
		return nil, err
	}
	*c = append(*c, func() { nc.Close(); <-closed })
	return nc, nil
}

func (c *connections) close() {
	for _, end := range slices.Backward(*c) {
		end()
	}
}

func subjectOf(s *nats.Subscription) string {
	if s == nil {
		return ""
	}
	return s.Subject
}
