package signaling

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
)

func TestJoin_ReturnsAdminPeerIDAndCredentials(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		h.admit(events.RoleWorker, "worker-1").mustRegister()
		key := publicKey(t, newKey(t))
		r, err := h.post(testRoom, events.JoinRequest{Token: h.token(events.RoleClient), NKey: key, Protocol: 1})
		must(t, err)
		if r.AdminPeerID != "worker-1" || r.N != 1 || r.PeerID != events.DerivedID(events.RoleClient, key) || r.Role != events.RoleClient {
			t.Fatalf("%+v", r)
		}
		if r.InboxPrefix != "_INBOX.lab."+r.PeerID || r.Limits != events.DefaultLimits() || len(r.SeatKeys) < 2 {
			t.Fatalf("%+v", r)
		}
		if left := time.Until(r.Expires.Time); left != time.Hour {
			t.Fatalf("credentials for %s", left)
		}
	})
}

func TestJoin_RefusesEveryTokenButTheRoomsOwn(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		good := h.token(events.RoleWorker)
		key := publicKey(t, newKey(t))
		join := func(room, token string) error {
			_, err := h.post(room, events.JoinRequest{Token: token, NKey: key, Protocol: 1})
			return err
		}
		for _, token := range []string{"", "x", "moot_", "moot_a_b", "moot_../../keys/seat_x", good + "x", good[:len(good)-1]} {
			wantCode(t, join(testRoom, token), events.CodeUnauthorized)
		}
		e := wantCode(t, join("demo", good), events.CodeForbidden)
		if e.Message != `this token is for room "lab", not "demo"` {
			t.Fatal(e.Message)
		}
		wantCode(t, join("*", good), events.CodeInvalid)
		must(t, join(testRoom, good))
		short, _, err := h.hub.NewToken(t.Context(), TokenRequest{Room: testRoom, Role: events.RoleWorker, TTL: time.Minute})
		must(t, err)
		<-time.After(11 * time.Minute)
		e = wantCode(t, join(testRoom, short), events.CodeTokenExpired)
		if e.Message != "the token expired 10 minutes ago (2000-01-01 00:01 UTC)" || e.Try == "" {
			t.Fatal(e.Message)
		}
	})
}

func TestJoin_IDsAreBoundToKeys(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		first := h.admit(events.RoleWorker, "worker-1")
		other := publicKey(t, newKey(t))
		join := func(id, key string) error {
			_, err := h.post(testRoom, events.JoinRequest{Token: h.token(events.RoleWorker), NKey: key, PeerID: id, Protocol: 1})
			return err
		}
		wantCode(t, join("worker-1", other), events.CodeNameTaken)
		wantCode(t, join(events.DerivedID(events.RoleWorker, first.key), other), events.CodeNameTaken)
		wantCode(t, join("*", other), events.CodeInvalid)
		wantCode(t, join("worker-2", "no key"), events.CodeInvalid)
		must(t, join("worker-1", first.key))
	})
}

func TestJoin_TokenOfOnePeerAdmitsNoOther(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		token, info, err := h.hub.NewToken(t.Context(), TokenRequest{Room: testRoom, Role: events.RoleWorker, PeerID: "worker-7", TTL: time.Minute})
		must(t, err)
		key := publicKey(t, newKey(t))
		_, err = h.post(testRoom, events.JoinRequest{Token: token, NKey: key, PeerID: "worker-8"})
		wantCode(t, err, events.CodeForbidden)
		r, err := h.post(testRoom, events.JoinRequest{Token: token, NKey: key})
		must(t, err)
		if r.PeerID != "worker-7" || !r.Expires.Equal(info.Expires.Time) {
			t.Fatalf("%+v: credentials must not outlive the token", r)
		}
	})
}

func TestJoin_ExpiryClosesTheConnectionAndIsNoCrash(t *testing.T) {
	inBubble(t, Config{JWTLife: time.Minute}, func(t *testing.T, h *house) {
		w := h.admit(events.RoleWorker, "worker-1")
		w.mustRegister()
		stop := w.keepLeasing()
		closed := make(chan struct{}, 1)
		w.nc.SetDisconnectErrHandler(func(*nats.Conn, error) {
			w.nc.Close()
			closed <- struct{}{}
		})
		<-time.After(58 * time.Second)
		stop()
		silence := quiet(h.admit(events.RoleViewer, ""), events.EventPeerSuspect, 8*time.Second)
		began := time.Now()
		<-closed
		if left := time.Since(began); left > 2*time.Second {
			t.Fatalf("the connection outlived its credentials by %s", left)
		}
		silence()
	})
}

func TestJoin_BoundsItsBody(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		_, err := h.post(testRoom, events.JoinRequest{Token: strings.Repeat("x", events.MaxJoinBody)})
		wantCode(t, err, events.CodeTooLarge)
		_, err = h.post(testRoom, events.JoinRequest{Token: h.token(events.RoleWorker), Protocol: 2})
		wantCode(t, err, events.CodeVersion)
	})
}

func TestDiscover_OldClientsFindWorkersOverHTTP(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		w := h.admit(events.RoleWorker, "worker-1")
		w.mustRegister()
		h.admit(events.RoleWorker, "worker-2").mustRegister()
		must(t, w.ask(events.VerbStatus, events.StatusReport{Seat: w.seat, Status: events.StatusBusy, CurrentJob: "j-1"}, &events.Ack{}))
		list := func(query string) (events.WorkerList, *http.Response) {
			resp := h.get("/discover-workers?room=lab"+query, h.token(events.RoleClient))
			body, err := io.ReadAll(resp.Body)
			must(t, err)
			var l events.WorkerList
			must(t, events.Decode(body, &l))
			return l, resp
		}
		l, resp := list("")
		if len(l.Workers) != 2 || l.Workers[0].Status != events.StatusBusy || l.AdminPeerID != "worker-1" || l.Workers[0].LastHeartbeat.IsZero() {
			t.Fatalf("%+v", l)
		}
		if resp.Header.Get("Deprecation") == "" || resp.Header.Get("Sunset") == "" || !strings.Contains(resp.Header.Get("Link"), `rel="deprecation"`) {
			t.Fatalf("headers %v", resp.Header)
		}
		if l, _ := list("&status=available"); len(l.Workers) != 1 || l.Workers[0].PeerID != "worker-2" {
			t.Fatalf("%+v", l)
		}
		if l, _ := list("&min_gpu_memory_mb=20000"); len(l.Workers) != 0 || len(l.Rejected) != 2 {
			t.Fatalf("%+v", l)
		}
	})
}

func TestDiscover_NeedsATokenOfTheRoom(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		for _, c := range []struct {
			path, token string
			status      int
		}{
			{"/discover-workers?room=lab", "", http.StatusUnauthorized},
			{"/discover-workers?room=lab", "moot_a_b", http.StatusUnauthorized},
			{"/discover-workers?room=other", h.token(events.RoleClient), http.StatusForbidden},
			{"/discover-workers?room=lab&min_gpu_memory_mb=8GiB", h.token(events.RoleClient), http.StatusBadRequest},
			{"/discover-workers?room=lab&tag=x", h.token(events.RoleClient), http.StatusBadRequest},
			{"/discover-workers?room=lab&tag=k%3Dv", h.token(events.RoleClient), http.StatusOK},
		} {
			if resp := h.get(c.path, c.token); resp.StatusCode != c.status {
				t.Errorf("%s: %d, want %d", c.path, resp.StatusCode, c.status)
			}
		}
	})
}

func TestMetrics_CountWhatThePlanToRetireNeeds(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		h.admit(events.RoleWorker, "worker-1").mustRegister()
		h.get("/discover-workers?room=lab", h.token(events.RoleClient))
		body, err := io.ReadAll(h.get("/metrics", operator).Body)
		must(t, err)
		for _, line := range []string{
			`moothall_rooms{mode="registry"} 1`, `moothall_workers{status="available"} 1`,
			`moothall_elections_total{reason="first"} 1`, `moothall_register_total{result="ok"} 1`,
			`moothall_discover_http_total{client="other"} 1`, `moothall_messages_total{kind="register"} 1`,
		} {
			if !strings.Contains(string(body), line+"\n") {
				t.Errorf("no line %s in\n%s", line, body)
			}
		}
	})
}

func TestHTTP_HealthReadinessAndVersion(t *testing.T) {
	inBubble(t, Config{Version: "v1"}, func(t *testing.T, h *house) {
		for _, path := range []string{"/healthz", "/readyz"} {
			if resp := h.get(path, ""); resp.StatusCode != http.StatusOK {
				t.Errorf("%s: %d", path, resp.StatusCode)
			}
		}
		var v struct {
			Version  string `json:"version"`
			Protocol int    `json:"protocol"`
		}
		must(t, json.NewDecoder(h.get("/version", "").Body).Decode(&v))
		if v.Version != "v1" || v.Protocol != events.ProtocolVersion {
			t.Fatalf("%+v", v)
		}
		unready, err := NewHub(h.cfg, h.srv, h.keys)
		must(t, err)
		h.hub = unready
		if resp := h.get("/readyz", ""); resp.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("ready before it runs: %d", resp.StatusCode)
		}
	})
}

func TestJoin_NamesAReachableServer(t *testing.T) {
	got := reachable([]string{"nats://0.0.0.0:4222", "nats://[::]:4222", "nats://10.0.0.1:4222", "::"}, "hub.lan:8480")
	want := []string{"nats://hub.lan:4222", "nats://hub.lan:4222", "nats://10.0.0.1:4222", "::"}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%q, want %q", got[i], want[i])
		}
	}
}
