// Package pace keeps senders to a rate, before anything that they send is looked at.
package pace

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A Rate is so many a second on average, and so many at once.
type Rate struct{ PerSecond, Burst int }

// Limiter is a bucket of that rate for one sender.
func (r Rate) Limiter() *rate.Limiter { return rate.NewLimiter(rate.Limit(r.PerSecond), r.Burst) }

// maxSenders bounds the senders whose rate is kept; beyond it all start anew.
const maxSenders = 16384

// Senders keeps each sender to the same rate. Safe for concurrent use.
type Senders struct {
	Rate

	mu      sync.Mutex // guards the rest
	senders map[string]*rate.Limiter
	newest  time.Time // of all calls: a bucket whose time goes back fills twice
}

// New makes a bucket for each sender when it first comes.
func New(r Rate) *Senders { return &Senders{Rate: r, senders: map[string]*rate.Limiter{}} }

// Take counts one of a sender. 0 lets it pass; else it is one too many, and another
// may come when that time is over.
func (s *Senders) Take(sender string, now time.Time) (wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.After(s.newest) {
		s.newest = now
	}
	now = s.newest
	l := s.senders[sender]
	if l == nil {
		if len(s.senders) >= maxSenders {
			clear(s.senders)
		}
		l = s.Limiter()
		s.senders[sender] = l
	}
	one := l.ReserveN(now, 1)
	if wait = one.DelayFrom(now); wait > 0 {
		one.CancelAt(now)
	}
	return wait
}
