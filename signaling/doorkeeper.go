package signaling

import (
	"net"
	"net/netip"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/pace"
)

const (
	defaultAddressJoins = 100 // a second
	defaultTokenJoins   = 50  // a second
	// joinBurst is how many seconds' joins may come at once: after a restart of the hub
	// all peers of a house return together.
	joinBurst = 10
)

// tooOften is a join that is refused for now.
type tooOften struct{ refusal *events.Error }

func (t tooOften) Error() string { return t.refusal.Message }
func (t tooOften) Unwrap() error { return t.refusal }

// doorkeeper keeps joins to a rate, of each address and with each token. Safe for
// concurrent use.
type doorkeeper struct {
	addresses, tokens *pace.Senders
}

func newDoorkeeper(cfg Config) *doorkeeper {
	return &doorkeeper{addresses: pace.New(joinRate(cfg.AddressJoins)), tokens: pace.New(joinRate(cfg.TokenJoins))}
}

// address lets a request of remote (host:port) pass, or refuses it for now.
func (d *doorkeeper) address(remote string, now time.Time) error {
	return d.pass(d.addresses, network(remote), "this address", now)
}

// token lets a join with a token pass, or refuses it for now.
func (d *doorkeeper) token(id string, now time.Time) error {
	return d.pass(d.tokens, id, "token "+id, now)
}

func (d *doorkeeper) pass(s *pace.Senders, key, what string, now time.Time) error {
	if s.Take(key, now) == 0 {
		return nil
	}
	return tooOften{events.Errorf(events.CodeUnavailable, "too many joins of %s: at most %d a second", what, s.PerSecond).
		WithTry("again in a second")}
}

func joinRate(perSecond int) pace.Rate {
	return pace.Rate{PerSecond: perSecond, Burst: joinBurst * perSecond}
}

// network is what counts as one address: of IPv6 what one household has, a /64.
func network(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if a = a.Unmap().WithZone(""); a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
