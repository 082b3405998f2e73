package signaling

import (
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/moothall/moothall/embedded"
	"github.com/moothall/moothall/events"
)

// banFor is how long a peer that flooded the server is kept out.
const banFor = 30 * time.Second

// A token whose bearers flood again within lapse is kept from new keys for twice as long
// each time, at most banFor << maxDoubled.
const (
	lapse      = 10 * time.Minute
	maxDoubled = 4
)

// bans are the keys that are kept out for a while, with the time of it, and the tokens
// with which they had come. Safe for concurrent use.
type bans struct {
	mu     sync.Mutex // guards what follows
	keys   map[string]time.Time
	tokens map[string]strike
}

// A strike is the newest flood with a token, and how many came shortly before.
type strike struct {
	at     time.Time
	before int
}

func (s strike) until() time.Time { return s.at.Add(banFor << min(s.before, maxDoubled)) }

// add keeps a key out, and new keys of the token with which it had come, "" if of none.
func (b *bans) add(key, token string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.keys == nil {
		b.keys, b.tokens = map[string]time.Time{}, map[string]strike{}
	}
	still := now.Sub(b.keys[key]) < banFor // seen once more before its connection was closed
	if b.keys[key] = now; still || token == "" {
		return
	}
	s, again := b.tokens[token]
	if s.before++; !again || now.Sub(s.until()) > lapse {
		s.before = 0
	}
	s.at = now
	b.tokens[token] = s
}

// token refuses a new key for a token with which somebody has flooded, for now. Keys that
// it admitted before are known by their own floods.
func (b *bans) token(id string, isNew func() bool, now time.Time) error {
	b.mu.Lock()
	s, struck := b.tokens[id]
	b.mu.Unlock()
	left := s.until().Sub(now)
	if !struck || left <= 0 || !isNew() {
		return nil
	}
	e := events.Errorf(events.CodeUnavailable, "somebody with token %s has sent too much: it admits no further peer for another %s", id, left.Round(time.Second)).
		WithTry("another token, or on the hub: moothall token revoke %s", id)
	e.RetryAfterMS = left.Milliseconds()
	return tooOften{e}
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
	maps.DeleteFunc(b.tokens, func(_ string, s strike) bool { return now.Sub(s.until()) > lapse })
	for key, at := range b.keys {
		if at.After(refused[key]) {
			refused[key] = at
		}
	}
	return refused
}

// lookForFloods puts out who sends more than the server should carry. That says nothing
// of the peer's life: it keeps its seat while its lease lasts. Until a flooder is put out
// every step waits long for the processors, so that all else comes afterwards.
func (h *Hub) lookForFloods(dog *embedded.Watchdog) {
	now := time.Now()
	floods, err := dog.Look(now)
	for _, f := range floods {
		h.gate.bans.add(f.NKey, f.Token, now)
	}
	if len(floods) > 0 {
		err = errors.Join(err, h.gate.refuse(now))
	}
	for _, f := range floods {
		h.metrics.rejected.WithLabelValues("flood").Inc()
		h.log.Warn("a peer floods the server: put out for a while", keyRoom, f.Room, keyPeer, f.Peer, "messages", f.Messages, "bytes", f.Bytes, "within_seconds", f.Seconds, "kept_out_seconds", banFor.Seconds())
	}
	if err != nil {
		h.log.Error("the watch for floods failed", "error", err)
	}
}
