package signaling

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/moothall/moothall/events"
)

// Config of a hub. The zero value is valid: every field has a default.
type Config struct {
	Log            *slog.Logger // default: discard
	Limits         events.Limits
	WarnWorkers    int           // workers in a room from which the log warns, default 8
	JWTLife        time.Duration // life of a peer's credentials, default 1 h
	RolloutPercent int           // rooms (by a hash of their id) with the registry in effect; 0 means 100, NoRooms none
	NATSURLs       []string      // what join tells peers; default: the embedded server's
	ICEServers     []events.ICEServer
	Version        string
	// AdminToken is what the operator shows over HTTP; without one nobody is the operator.
	AdminToken events.Secret
	// Pin is that of the certificate that the hub shows now, for tokens that it makes; "" or
	// nil for none.
	Pin func() string
	// Joins that the hub answers, a second, of one address and with one token; ten
	// times as many at once. Defaults 100 and 50.
	AddressJoins, TokenJoins int
	// FloodLook is how often the hub looks for peers that flood it, default 25 ms.
	FloodLook time.Duration
	// TokenDir keeps the join tokens, one file each; default "tokens" in the embedded
	// server's store folder. Other processes may add files to it.
	TokenDir string
}

// DefaultJWTLife is how long a peer's NATS credentials work before it joins again.
const DefaultJWTLife = time.Hour

// NoRooms as Config.RolloutPercent leaves every room to the old way.
const NoRooms = -1

// MaxSeats bounds Config.Limits.MaxWorkers, so that a room's record fits a message.
const MaxSeats = 50

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Limits = withDefaults(c.Limits)
	if c.WarnWorkers == 0 {
		c.WarnWorkers = events.WarnWorkersPerRoom
	}
	if c.JWTLife == 0 {
		c.JWTLife = DefaultJWTLife
	}
	c.AddressJoins = cmp.Or(c.AddressJoins, defaultAddressJoins)
	c.TokenJoins = cmp.Or(c.TokenJoins, defaultTokenJoins)
	c.FloodLook = cmp.Or(c.FloodLook, defaultFloodLook)
	if c.RolloutPercent == 0 {
		c.RolloutPercent = 100
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	return c
}

// withDefaults fills in the limits that are zero.
func withDefaults(l events.Limits) events.Limits {
	d := events.DefaultLimits()
	return events.Limits{
		MaxWorkers:   cmp.Or(l.MaxWorkers, d.MaxWorkers),
		HeartbeatMS:  cmp.Or(l.HeartbeatMS, d.HeartbeatMS),
		StaleAfterMS: cmp.Or(l.StaleAfterMS, d.StaleAfterMS),
		LeaseMS:      cmp.Or(l.LeaseMS, d.LeaseMS),
		LeaseTTLMS:   cmp.Or(l.LeaseTTLMS, d.LeaseTTLMS),
		MaxMessage:   cmp.Or(l.MaxMessage, d.MaxMessage),
	}
}

// Validate reports every value out of its bounds in one *events.Error.
func (c Config) Validate() error {
	c = c.withDefaults()
	longest := events.DefaultLimits()
	var wrong []string
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if n := c.Limits.MaxWorkers; n < 1 || n > MaxSeats {
		bad("at most %d workers a room: must be 1 to %d", n, MaxSeats)
	}
	for name, ms := range map[string][2]int{
		"heartbeat": {c.Limits.HeartbeatMS, longest.HeartbeatMS}, "stale after": {c.Limits.StaleAfterMS, longest.StaleAfterMS},
		"lease": {c.Limits.LeaseMS, longest.LeaseMS}, "lease's life": {c.Limits.LeaseTTLMS, longest.LeaseTTLMS},
	} {
		if ms[0] < 1 || ms[0] > ms[1] {
			bad("%s of %d ms: must be 1 to %d", name, ms[0], ms[1])
		}
	}
	if p := c.RolloutPercent; p != NoRooms && (p < 0 || p > 100) {
		bad("rollout of %d percent: must be 0 to 100", p)
	}
	if c.JWTLife < time.Minute {
		bad("credentials of %s: must be at least 1m", c.JWTLife)
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	err := events.Errorf(events.CodeConfig, "%d settings of the hub are wrong", len(wrong))
	err.Facts = wrong
	return err
}
