package signaling

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// A peer may ask this often, and this many times at once. NATS itself has no
	// limit of a peer's rate.
	requestsPerSecond = 20
	requestBurst      = 50
	// maxLimited bounds the peers whose rate is kept; beyond it all start anew.
	maxLimited = 16384
)

// limiter keeps each peer of each room to a rate. Safe for concurrent use.
type limiter struct {
	mu    sync.Mutex // guards peers
	peers map[string]*rate.Limiter
}

func newLimiter() *limiter { return &limiter{peers: map[string]*rate.Limiter{}} }

func (l *limiter) allow(room, peer string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := room + "." + peer
	p := l.peers[key]
	if p == nil {
		if len(l.peers) >= maxLimited {
			clear(l.peers)
		}
		p = rate.NewLimiter(requestsPerSecond, requestBurst)
		l.peers[key] = p
	}
	return p.AllowN(now, 1)
}
