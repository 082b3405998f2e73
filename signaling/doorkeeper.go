package signaling

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/moothall/moothall/events"
	"golang.org/x/time/rate"
)

const (
	defaultAddressJoins = 100 // a second
	defaultTokenJoins   = 50  // a second
	// joinBurst is how many seconds' joins may come at once: after a restart of the hub
	// all peers of a house return together.
	joinBurst = 10
	// maxDoors bounds the addresses, and the tokens, whose rate is kept; beyond it all
	// start anew.
	maxDoors = 4096
)

// tooOften is a join that is refused for now.
type tooOften struct{ refusal *events.Error }

func (t tooOften) Error() string { return t.refusal.Message }
func (t tooOften) Unwrap() error { return t.refusal }

// doorkeeper keeps joins to a rate, of each address and with each token. Safe for
// concurrent use.
type doorkeeper struct {
	mu        sync.Mutex // guards both
	addresses bucketsOf
	tokens    bucketsOf
}

func newDoorkeeper(cfg Config) *doorkeeper {
	return &doorkeeper{addresses: newBuckets(cfg.AddressJoins), tokens: newBuckets(cfg.TokenJoins)}
}

// address lets a request of remote (host:port) pass, or refuses it for now.
func (d *doorkeeper) address(remote string, now time.Time) error {
	return d.pass(&d.addresses, network(remote), "this address", now)
}

// token lets a join with a token pass, or refuses it for now.
func (d *doorkeeper) token(id string, now time.Time) error {
	return d.pass(&d.tokens, id, "token "+id, now)
}

func (d *doorkeeper) pass(b *bucketsOf, key, what string, now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if b.allow(key, now) {
		return nil
	}
	return tooOften{events.Errorf(events.CodeUnavailable, "too many joins of %s: at most %d a second", what, b.perSecond).
		WithTry("again in a second")}
}

// bucketsOf is a token bucket for each key.
type bucketsOf struct {
	perSecond int
	buckets   map[string]*rate.Limiter
}

func newBuckets(perSecond int) bucketsOf {
	return bucketsOf{perSecond: perSecond, buckets: map[string]*rate.Limiter{}}
}

func (b *bucketsOf) allow(key string, now time.Time) bool {
	l := b.buckets[key]
	if l == nil {
		if len(b.buckets) >= maxDoors {
			clear(b.buckets)
		}
		l = rate.NewLimiter(rate.Limit(b.perSecond), joinBurst*b.perSecond)
		b.buckets[key] = l
	}
	return l.AllowN(now, 1)
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
