package signaling

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

// Issue 6.4: HTTP asks for the same authority as NATS: what is of the whole house is
// the operator's, whatever token of a room is shown.
func TestToken_NoRoomsTokenOpensWhatIsTheOperators(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		h.admit(events.RoleWorker, "worker-1").mustRegister()
		tokens := []string{"", "x", operator + "x", h.token(events.RoleWorker), h.token(events.RoleClient), h.token(events.RoleViewer)}
		for _, q := range [][2]string{{"GET", "/metrics"}, {"GET", "/v1/peers"}, {"DELETE", "/v1/rooms/lab/peers/worker-1"}} {
			for _, token := range tokens {
				if r := h.ask(q[0], q[1], token); r.StatusCode != http.StatusUnauthorized {
					t.Errorf("%s %s with %q: %d", q[0], q[1], token, r.StatusCode)
				}
			}
			if r := h.ask(q[0], q[1], operator); r.StatusCode != http.StatusOK {
				t.Errorf("%s %s as the operator: %d", q[0], q[1], r.StatusCode)
			}
		}
		h.hub.cfg.AdminToken = ""
		if r := h.get("/metrics", ""); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("a hub without an admin token: %d", r.StatusCode)
		}
	})
}

func (h *house) peerRows() map[string]PeerRow {
	h.t.Helper()
	var list struct{ Peers []PeerRow }
	must(h.t, json.NewDecoder(h.get("/v1/peers?room=lab", operator).Body).Decode(&list))
	rows := map[string]PeerRow{}
	for _, r := range list.Peers {
		rows[r.PeerID] = r
	}
	return rows
}

// DESIGN 4: a chosen id is its first key's until the operator releases it, which first
// revokes the old key and closes its connection.
func TestPeer_ReleaseGivesTheIDToAnotherKey(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		old := h.admit(events.RoleWorker, "worker-1")
		old.mustRegister()
		derived := h.admit(events.RoleWorker, "")
		if rows := h.peerRows(); rows["worker-1"].State != "here" || rows["worker-1"].NKey != old.key || !rows["worker-1"].Chosen || len(rows) != 1 {
			t.Errorf("%+v", rows)
		}
		key := publicKey(t, newKey(t))
		join := func() error {
			_, err := h.post(testRoom, events.JoinRequest{Token: h.token(events.RoleWorker), NKey: key, PeerID: "worker-1", Protocol: 1})
			return err
		}
		wantCode(t, join(), events.CodeNameTaken)
		for _, id := range []string{"nobody", derived.id} {
			if r := h.ask("DELETE", "/v1/rooms/lab/peers/"+id, operator); r.StatusCode != http.StatusBadRequest {
				t.Errorf("release of %s: %d", id, r.StatusCode)
			}
		}
		start := time.Now()
		if r := h.ask("DELETE", "/v1/rooms/lab/peers/worker-1", operator); r.StatusCode != http.StatusOK {
			t.Fatalf("release: %d", r.StatusCode)
		}
		old.awaitClosed(time.Second)
		t.Logf("closed within %s", time.Since(start))
		old.refusedFor(3 * time.Second)
		if rows := h.peerRows(); rows["worker-1"].State != "away (revoked)" {
			t.Errorf("%+v", rows)
		}
		must(t, join())
		_, err := h.post(testRoom, events.JoinRequest{Token: h.token(events.RoleWorker), NKey: old.key, PeerID: "worker-1", Protocol: 1})
		wantCode(t, err, events.CodeNameTaken)
	})
}

// Issue 6.1: joins per token and per address are limited, and only for a moment.
func TestToken_JoinsOfOneAddressAndOneTokenAreLimited(t *testing.T) {
	inBubble(t, Config{AddressJoins: 4, TokenJoins: 2}, func(t *testing.T, h *house) {
		token, other := h.token(events.RoleClient), h.token(events.RoleClient)
		key := publicKey(t, newKey(t))
		burst := func(token string) (admitted int, last error) {
			for range 100 {
				if _, err := h.post(testRoom, events.JoinRequest{Token: token, NKey: key, Protocol: 1}); err != nil {
					last = err
					break
				}
				admitted++
			}
			return admitted, last
		}
		n, err := burst(token)
		if e := wantCode(t, err, events.CodeUnavailable); n != 2*joinBurst || e.Message != fmt.Sprintf("too many joins of token %s: at most 2 a second", token[5:13]) {
			t.Errorf("%d joins with a token, then %q", n, e.Message)
		}
		n, err = burst(other)
		if e := wantCode(t, err, events.CodeUnavailable); n != 4*joinBurst-(2*joinBurst+1) || e.Message != "too many joins of this address: at most 4 a second" || !e.Temporary {
			t.Errorf("%d more joins of the address, then %q", n, e.Message)
		}
		if r := h.ask("POST", "/v1/rooms/lab/join", ""); r.StatusCode != http.StatusTooManyRequests || r.Header.Get("Retry-After") != "1" {
			t.Errorf("%d, %v", r.StatusCode, r.Header)
		}
		time.Sleep(time.Second)
		if n, _ := burst(token); n != 2 {
			t.Errorf("%d joins a second later", n)
		}
	})
}

func TestDoorkeeper_OneHouseholdIsOneAddress(t *testing.T) {
	for remote, want := range map[string]string{
		"10.0.0.7:1": "10.0.0.7", "[::ffff:10.0.0.7]:1": "10.0.0.7", "[2001:db8:1:2:3::4]:1": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:1": "fe80::/64", "@": "@",
	} {
		if got := network(remote); got != want {
			t.Errorf("%s is %s, want %s", remote, got, want)
		}
	}
}
