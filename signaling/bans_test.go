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
		h.hub.gate.bans.add(w.key, began)
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
