package signaling

import (
	"maps"
	"sync"
	"time"

	"github.com/moothall/moothall/embedded"
	"github.com/moothall/moothall/events"
)

// banFor is how long a peer that flooded the server is kept out.
const banFor = 30 * time.Second

// bans are the keys that are kept out for a while, with the time of it. Safe for
// concurrent use.
type bans struct {
	mu   sync.Mutex // guards keys
	keys map[string]time.Time
}

func (b *bans) add(key string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.keys == nil {
		b.keys = map[string]time.Time{}
	}
	b.keys[key] = now
}

// join refuses a key that is kept out.
func (b *bans) join(key string, now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := banFor - now.Sub(b.keys[key])
	if left <= 0 {
		return nil
	}
	e := events.Errorf(events.CodeUnavailable, "this peer has sent too much and is kept out for another %s", left.Round(time.Second))
	e.RetryAfterMS = left.Milliseconds()
	return tooOften{e}
}

// into adds the bans that last to what is refused anyway.
func (b *bans) into(refused map[string]time.Time, now time.Time) map[string]time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.keys, func(_ string, at time.Time) bool { return now.Sub(at) >= banFor })
	for key, at := range b.keys {
		if at.After(refused[key]) {
			refused[key] = at
		}
	}
	return refused
}

// lookForFloods notes who sends more than the server should carry, for the gate to put
// out. That says nothing of the peer's life: it keeps its seat while its lease lasts.
func (h *Hub) lookForFloods(dog *embedded.Watchdog) {
	now := time.Now()
	floods, err := dog.Look(now)
	if err != nil {
		h.log.Error("connections not looked at", "error", err)
		return
	}
	for _, f := range floods {
		h.metrics.rejected.WithLabelValues("flood").Inc()
		h.log.Warn("a peer floods the server: put out for a while", keyRoom, f.Room, keyPeer, f.Peer, "messages_per_second", f.PerSecond, "bytes_per_second", f.Bytes, "seconds", banFor.Seconds())
		h.gate.bans.add(f.NKey, now)
	}
}
