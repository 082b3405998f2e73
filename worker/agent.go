// Package worker is the agent on a GPU machine: it joins a room, links to its
// peers, keeps its row, stands for admin and runs jobs. One goroutine owns the
// replica; everything else carries inputs to it and outputs from it.
package worker

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/link"
	"github.com/moothall/moothall/signaling/session"
	"github.com/moothall/moothall/worker/jobs"
	"github.com/moothall/moothall/worker/mesh"
	"github.com/moothall/moothall/worker/replica"
	"github.com/nats-io/nuid"
)

// Rhythm of a worker's links. Both sides send heartbeats, which keep a NAT's mapping
// and prove the path, so ICE sends no checks of its own: those of nine links were a
// third of an idle worker's work. A client's checks are answered.
const (
	linkKeepalive = -1              // none
	linkSuspect   = 2 * time.Second // after a heartbeat was due
	linkFailed    = 5 * time.Second // more, and the link is made anew
)

// Bounds of the agent's own work.
const (
	// inboxSize bounds the inputs that wait for the loop; a full inbox holds the
	// NATS subscriptions back, which are bounded themselves.
	inboxSize = 1024
	// maxClients bounds the links of clients at one time.
	maxClients = 64
	// askTimeout bounds one request to the hub.
	askTimeout = 5 * time.Second
	// successorPatience is what an admin that leaves waits for the next one: a round
	// trip, a write and the delay of the second in rank.
	successorPatience = 300 * time.Millisecond
	// lingering is how long it then keeps its links: to end them is work for every
	// member, which should come after the word of the successor.
	lingering = 60 * time.Millisecond
	// farewellTimeout bounds the goodbye at the end.
	farewellTimeout = 2 * time.Second
)

// Config of an agent. Session names hub, room, token, id and key; its role is set
// here. Registry is the feature flag: without it the worker is found by HTTP only.
type Config struct {
	Session      session.Config
	Registry     bool
	Metadata     events.Metadata
	Commands     jobs.Commands
	Mounts       jobs.Mounts
	Limits       jobs.Limits
	JobUser      *jobs.User // nil: the worker's own
	Slots        int
	JobDir       string
	SeatFile     string        // keeps the last incarnation and row; "" for none
	Heartbeat    time.Duration // at most the room's limit; 0 for that
	StaleAfter   time.Duration // the same
	HTTP         string        // address of healthz, readyz, metrics and v1/room; "" for none
	DrainTimeout time.Duration
	Link         link.Config
	// Linked is called, on any goroutine, when a client's link begins to serve, and
	// ended when that is over; nil for neither.
	Linked func() (ended func())
	Log    *slog.Logger
}

// An Agent is one worker process. Make one with New, run it once.
type Agent struct {
	cfg      Config
	instance string
	metrics  *metrics

	session  *session.Session
	endpoint *link.Endpoint
	mesh     *mesh.Mesh
	disk     *seatFile
	jobs     *jobs.Service

	inbox   chan replica.Input
	reports chan events.StatusReport // the newest only
	serving chan struct{}            // closed when the worker has its seat and listens to all that concerns it
	stopped chan struct{}            // closed when the loop has ended: the inbox has no reader
	clients chan struct{}            // one token per client's link
	wg      sync.WaitGroup

	seat    atomic.Pointer[events.Seat]
	view    atomic.Pointer[shown]
	fresh   pulse        // of the view
	current atomic.Int64 // Unix nanoseconds at which the view was last that of the moment
	keys    sync.Map     // peer id -> public nkey, from the hub's record
	guests  guests       // links of clients
}

// New makes an agent.
func New(cfg Config) *Agent {
	cfg.Session.Role = events.RoleWorker
	return &Agent{
		cfg:      cfg,
		instance: nuid.Next(),
		metrics:  newMetrics(),
		inbox:    make(chan replica.Input, inboxSize),
		reports:  make(chan events.StatusReport, 1),
		serving:  make(chan struct{}),
		stopped:  make(chan struct{}),
		clients:  make(chan struct{}, maxClients),
	}
}

// Run joins the room and serves until ctx ends; then it drains: it takes no new
// job, waits for the running ones at most DrainTimeout, says goodbye and returns
// nil. Before it has joined it returns what the hub refused (an *events.Error);
// after that it returns an error only when another process took over its seat, or when
// its token has ended: then it drains first.
func (a *Agent) Run(ctx context.Context) error {
	if err := a.join(ctx); err != nil {
		return err
	}
	// What serves the room outlives ctx: draining needs it.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer a.close()
	defer a.wg.Wait()
	defer close(a.stopped)
	defer end()
	if err := a.serveWork(life); err != nil {
		return err
	}
	welcome, err := a.register(ctx, replica.Register{LastIncarnation: a.disk.incarnation()})
	if err != nil {
		return err
	}
	a.metrics.observe(a)
	a.wg.Go(func() { a.jobs.Run(life) })
	a.wg.Go(func() { a.mesh.Run(life) })
	a.wg.Go(func() { a.sendReports(life) })
	a.wg.Go(func() { a.sendNotices(life) })
	if err := a.serveHTTP(life); err != nil {
		return err
	}
	if err := a.serveRoom(life); err != nil {
		return err
	}
	close(a.serving)
	admitted, putOut := context.WithCancel(ctx)
	defer putOut()
	a.wg.Go(func() {
		select {
		case <-a.session.Ended():
			putOut()
		case <-life.Done():
		}
	})
	if !welcome.Registry {
		err = a.outsideRoom(admitted)
	} else {
		err = a.inRoom(admitted, welcome)
	}
	if err != nil {
		return err
	}
	return a.session.Err()
}

// join connects to the hub and makes what the agent is built of.
func (a *Agent) join(ctx context.Context) error {
	s, err := session.Join(ctx, a.cfg.Session)
	if err != nil {
		return err
	}
	a.session = s
	a.disk = openSeat(a.cfg.SeatFile, s.Room(), a.cfg.Log)
	linkConfig := a.cfg.Link
	linkConfig.ICEServers = s.Reply().ICEServers
	heartbeat := time.Duration(s.Reply().Limits.HeartbeatMS) * time.Millisecond
	linkConfig.Keepalive, linkConfig.Disconnected, linkConfig.Failed = linkKeepalive, heartbeat+linkSuspect, linkFailed
	if a.endpoint, err = link.NewEndpoint(linkConfig); err != nil {
		a.close()
		return err
	}
	a.mesh = mesh.New(mesh.Config{
		Self: s.Peer(), Incarnation: a.incarnation, Endpoint: a.endpoint, Signaller: a.signaller(), Log: a.cfg.Log,
	})
	a.jobs, err = jobs.New(jobs.Config{
		Dir: a.cfg.JobDir, Commands: a.cfg.Commands, Mounts: a.cfg.Mounts, Slots: a.cfg.Slots, Incarnation: a.incarnation, Limits: a.cfg.Limits, User: a.cfg.JobUser,
		Worker: s.Peer(), Name: a.cfg.Metadata.Name, Room: s.Room(), Log: a.cfg.Log,
		Moved: func(direction string, bytes int64) {
			a.metrics.transferred.WithLabelValues(direction).Add(float64(bytes))
		},
	})
	if err != nil {
		a.close()
	}
	return err
}

// close lets go of what join made.
func (a *Agent) close() {
	if a.endpoint != nil {
		a.endpoint.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), farewellTimeout)
	defer cancel()
	a.session.Close(ctx)
}

func (a *Agent) signaller() *session.Signaller {
	return a.session.Signaller(a.incarnation, func(peer string) (string, bool) {
		key, ok := a.keys.Load(peer)
		if !ok {
			return "", false
		}
		return key.(string), true
	})
}

// incarnation is the own one, 0 before registration.
func (a *Agent) incarnation() uint64 {
	if s := a.seat.Load(); s != nil {
		return s.Incarnation
	}
	return 0
}

// post hands an input to the loop, or drops it when the loop has ended.
func (a *Agent) post(in replica.Input) {
	select {
	case a.inbox <- in:
	case <-a.stopped:
	}
}
