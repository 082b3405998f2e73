package signaling

import (
	"testing"

	"github.com/moothall/moothall/events"
)

func TestHub_RegistrationReturnsThreeExistingPeers(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		for _, id := range []string{"worker-1", "worker-2", "worker-3"} {
			h.admit(events.RoleWorker, id).mustRegister()
		}
		a := h.admit(events.RoleWorker, "worker-4").mustRegister()
		if len(a.Peers) != 3 || a.AdminPeerID != "worker-1" || a.N != 1 {
			t.Fatalf("got %d peers, admin %q, term %d", len(a.Peers), a.AdminPeerID, a.N)
		}
	})
}
