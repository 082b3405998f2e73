package events

import "time"

// Size bounds, checked before anything is decoded. Bytes.
const (
	// MaxMessage bounds a NATS message and a data-channel frame; it is also the
	// server's MaxPayload.
	MaxMessage = 64 << 10
	// MaxChange bounds one automerge change chunk of a peer.
	MaxChange = 4 << 10
	// MaxJoinBody bounds the body of POST /v1/rooms/{room}/join.
	MaxJoinBody = 8 << 10
	// MaxProperties bounds the metadata that a worker registers.
	MaxMetadata = 2 << 10
)

// Rhythm of a room. The hub's Limits may shorten them, never lengthen.
const (
	// HeartbeatInterval is the time between two heartbeats on a link (work list 4.2).
	HeartbeatInterval = 5 * time.Second
	// StaleAfter is the silence after which a peer counts as silent (work list 4.2).
	StaleAfter = 15 * time.Second
	// LeaseInterval is the time between two lease renewals at the hub.
	LeaseInterval = 5 * time.Second
	// LeaseTTL is the age at which a lease has lapsed.
	LeaseTTL = 15 * time.Second
	// AwayKept is how long the record keeps an away seat and a peer id's key.
	AwayKept = 30 * 24 * time.Hour
	// ReserveTTL is the time a reservation has to start its job.
	ReserveTTL = 30 * time.Second
)

// Room limits (work list 6.2).
const (
	MaxWorkersPerRoom  = 10
	WarnWorkersPerRoom = 8
)

// Limits is what a hub allows in a room; it travels in join and registered_auth.
type Limits struct {
	MaxWorkers   int `json:"max_workers"`
	HeartbeatMS  int `json:"heartbeat_ms"`
	StaleAfterMS int `json:"stale_after_ms"`
	LeaseMS      int `json:"lease_ms"`
	LeaseTTLMS   int `json:"lease_ttl_ms"`
	MaxMessage   int `json:"max_message"`
}

// DefaultLimits are the limits of a hub whose owner set none.
func DefaultLimits() Limits {
	return Limits{
		MaxWorkers:   MaxWorkersPerRoom,
		HeartbeatMS:  int(HeartbeatInterval.Milliseconds()),
		StaleAfterMS: int(StaleAfter.Milliseconds()),
		LeaseMS:      int(LeaseInterval.Milliseconds()),
		LeaseTTLMS:   int(LeaseTTL.Milliseconds()),
		MaxMessage:   MaxMessage,
	}
}
