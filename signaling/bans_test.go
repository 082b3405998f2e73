package signaling

import (
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

// Issue 6.5: who is put out for a flood is cut off at once, neither comes back nor joins
// again for a while, and then does, with the credentials that it has.
func TestBan_LastsAWhile(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		w, other := h.admit(events.RoleWorker, "worker-1"), h.admit(events.RoleWorker, "worker-2")
		began := time.Now()
		h.hub.gate.bans.add(w.key, "", began)
		must(t, h.hub.lookNow(t.Context()))
		w.awaitClosed(time.Second)
		_, err := h.post(testRoom, events.JoinRequest{Token: h.token(events.RoleWorker), NKey: w.key, PeerID: w.id, Protocol: 1})
		wantCode(t, err, events.CodeUnavailable)
		if e := events.AsError(err); e.RetryAfterMS < 20_000 || e.RetryAfterMS > 30_000 {
			t.Errorf("come back in %d ms", e.RetryAfterMS)
		}
		w.refusedFor(10 * time.Second)
		other.info()
		w.shut.Store(false)
		for !w.up.Load() && time.Since(began) < 2*banFor {
			time.Sleep(100 * time.Millisecond)
		}
		took := time.Since(began)
		t.Logf("back after %s", took)
		if took < banFor || took > banFor+5*time.Second {
			t.Errorf("back after %s", took)
		}
	})
}

// Issue 6.5: the look that finds a flooder puts it out, not the next look at the gate.
func TestBan_BeginsWhenTheFloodIsSeen(t *testing.T) {
	const look = 50 * time.Millisecond
	inBubble(t, Config{FloodLook: look}, func(t *testing.T, h *house) {
		time.Sleep(2 * look) // the first look finds nobody
		for range 4 {
			p := h.admit(events.RoleWorker, "")
			for range 10_000 {
				must(t, p.nc.Publish(events.RosterSubject(testRoom, p.id), nil))
			}
			p.awaitClosed(2 * look)
		}
	})
}

// Issue 6.5: whoever was put out for a flood does not come back at once with another key:
// the token admits no new ones for a while, twice as long each time. Peers that it had
// admitted join again as ever, and so do those of other tokens.
func TestBan_TheTokenAdmitsNoFurtherKeyForAWhile(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		shared, info, err := h.hub.NewToken(t.Context(), TokenRequest{Room: testRoom, Role: events.RoleWorker})
		must(t, err)
		key := func() string { return publicKey(t, newKey(t)) }
		join := func(token, key string) error {
			_, err := h.post(testRoom, events.JoinRequest{Token: token, NKey: key, Protocol: 1})
			return err
		}
		flooder, honest := key(), key()
		must(t, join(shared, flooder))
		must(t, join(shared, honest))
		for i, lasts := range []time.Duration{banFor, 2 * banFor, 4 * banFor, 8 * banFor, 16 * banFor, 16 * banFor, 16 * banFor} {
			now := time.Now()
			for range 2 { // the second time it is not closed yet
				h.hub.gate.bans.add(flooder, info.ID, now)
			}
			wantCode(t, join(shared, key()), events.CodeUnavailable)
			must(t, join(shared, honest))
			must(t, join(h.token(events.RoleWorker), key()))
			time.Sleep(lasts - time.Second)
			wantCode(t, join(shared, key()), events.CodeUnavailable)
			time.Sleep(2 * time.Second)
			flooder = key()
			if err := join(shared, flooder); err != nil {
				t.Fatalf("after flood %d and %s: %v", i+1, lasts, err)
			}
		}
		time.Sleep(lapse + 20*banFor)
		h.hub.gate.bans.into(map[string]time.Time{}, time.Now())
		if n := len(h.hub.gate.bans.tokens); n != 0 {
			t.Errorf("%d tokens are remembered", n)
		}
	})
}
