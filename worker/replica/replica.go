// Package replica is the brain of a worker: it joins what the hub says, what the
// mesh brings and what the own slot does, and decides what to send, whom to dial,
// when to claim the admin's seat and what to show. It knows no network, clock,
// log or goroutine: Step takes an input and the time and returns what to do.
//
// A Replica has one owner; its methods must not be called concurrently.
package replica

import (
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/election"
	"github.com/moothall/moothall/worker/liveness"
	"github.com/moothall/moothall/worker/roster"
)

// Config says who the worker is.
type Config struct {
	Room   string
	PeerID string
	Key    events.Signer
	Static roster.Static
	// HubKeys are the hub's public seat keys, from the join reply.
	HubKeys []string
	// LastIncarnation is the highest that this peer ever had, 0 if unknown: a hub
	// with a wiped store mints above it.
	LastIncarnation uint64
}

// Rhythm of the replica's own work.
const (
	// TickInterval is the longest time between two steps.
	TickInterval = time.Second
	// CheckpointInterval is the longest time between two own rows: last_heartbeat
	// in the document is for those who come later, not for the living.
	CheckpointInterval = 5 * time.Minute
	// RetryClaim is the time between two claims for the same reason.
	RetryClaim = time.Second
	// PullInterval bounds how often one peer is asked for what is missing.
	PullInterval = 100 * time.Millisecond
	// measureEvery heartbeats the round trip of each link is measured: once a minute
	// suffices for a window of four round trips, and a pong for every heartbeat would
	// double the frames of a quiet room.
	measureEvery = 12
	// AwayRowsKept is how long a row stays in new generations after its owner left.
	AwayRowsKept = time.Hour
)

// A Replica is one worker's part in its room.
type Replica struct {
	cfg    Config
	limits events.Limits
	now    time.Time
	due    time.Time // when the next step must come at the latest
	out    []Output

	seat      events.Seat // zero until registered
	departing bool
	doubts    uint64
	belated   bool // the answer in hand is to a question put before the last doubt
	hub       hub
	fence     election.Fence
	members   map[string]events.PeerInfo // the hub's record, oneself included
	links     map[string]*peerLink
	detector  *liveness.Detector
	lastHeard map[events.Seat]time.Time // of seats whose link has ended
	farewells map[events.Seat]events.Goodbye
	contest   contest
	// nextTestimony is the earliest time to testify against members again.
	nextTestimony time.Time

	roster     *roster.Roster
	dynamic    roster.Dynamic
	checkpoint time.Time // of the last own row
	pending    [][]byte  // chunks that the admin has accepted and not yet broadcast
	conduct    map[events.Seat]conduct

	// wanted is why the admin should begin a generation when nextRenewal has come, ""
	// if it need not; without the rows of offenders.
	wanted      string
	offenders   []events.Seat
	nextRenewal time.Time
	nextAttempt time.Time // to begin a generation: after a new term, or one that failed

	nextHeartbeat, nextLease time.Time
	nonce, beats             uint64
	pings                    map[uint64]ping
	dirty                    bool // the view is older than the state
	stirred                  bool // somebody was heard: the view is old by no more, and is renewed at the next tick
	shown                    map[string]events.Worker
	notices                  uint64 // sent as admin, in all terms
}

// hub is what this worker knows of its connection to the hub.
type hub struct {
	up bool
	// confirmed: since the last doubt the hub has said where the room stands. An admin
	// answers nobody without it.
	confirmed bool
	record    events.Standing // the newest that the hub said
	keys      []string
	// registering and refreshing: an answer is awaited.
	registering, refreshing bool
	nextRefresh             time.Time
}

// Doubts counts how often this worker had reason to ask the hub anew where the room
// stands: connections, and times at which it stood still.
func (r *Replica) Doubts() uint64 { return r.doubts }

type peerLink struct {
	seat     events.Seat
	path     string
	silent   bool // suspected; it may come back with all that was sent
	nextPull time.Time
}

type ping struct {
	peer string
	sent time.Time
}

// New makes a replica that has not registered.
func New(cfg Config) *Replica {
	return &Replica{
		cfg:       cfg,
		limits:    events.DefaultLimits(),
		members:   map[string]events.PeerInfo{},
		links:     map[string]*peerLink{},
		hub:       hub{keys: cfg.HubKeys},
		detector:  liveness.New(events.StaleAfter),
		lastHeard: map[events.Seat]time.Time{},
		farewells: map[events.Seat]events.Goodbye{},
		conduct:   map[events.Seat]conduct{},
		pings:     map[uint64]ping{},
		dynamic:   roster.Dynamic{Status: events.StatusAvailable, Free: cfg.Static.Slots},
	}
}

// Step takes one input at the time now, which never goes back, and returns what
// is to be done, in order. An input after Next shows that the process stood still,
// whatever it is: what waited meanwhile comes in any order.
func (r *Replica) Step(now time.Time, in Input) []Output {
	r.now, r.out = now, nil
	if lag := now.Sub(r.due); !r.due.IsZero() && lag >= liveness.LateTick {
		r.late(lag)
	}
	in.step(r)
	if r.seated() {
		r.pursue()
		r.testify()
	}
	r.due = r.next()
	return r.out
}

// Next is when the replica wants its next Tick at the latest.
func (r *Replica) Next() time.Time { return r.due }

func (r *Replica) next() time.Time {
	next := r.now.Add(TickInterval)
	for _, t := range []time.Time{r.nextHeartbeat, r.nextLease, r.contest.due} {
		if t.After(r.now) && t.Before(next) {
			next = t
		}
	}
	if t, ok := r.detector.Next(r.now); ok && t.Before(next) {
		next = t
	}
	if r.heir() && r.nextAttempt.After(r.now) && r.nextAttempt.Before(next) {
		next = r.nextAttempt
	}
	return next
}

// Seat is the own seat, zero until registered.
func (r *Replica) Seat() events.Seat { return r.seat }

func (r *Replica) seated() bool { return !r.seat.IsZero() && !r.departing }

// isAdmin reports whether the accepted term is the own one and not vacated. The hub's
// record is of that term: no other is followed.
func (r *Replica) isAdmin() bool { return r.seated() && r.admin() == r.seat }

// admin is the admin's seat in the accepted term, zero while it is vacant.
func (r *Replica) admin() events.Seat {
	if r.hub.record.AdminPeerID == "" {
		return events.Seat{}
	}
	return r.fence.Holder()
}

func (r *Replica) emit(o Output) { r.out = append(r.out, o) }
