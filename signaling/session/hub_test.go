package session

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moothall/moothall/embedded"
	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats-server/v2/server/ats"
	"github.com/nats-io/nkeys"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	ats.Register() // see signaling's TestMain
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server/ats.Register.func1"))
}

const (
	room  = "lab"
	token = "a-token-that-is-long-enough-to-show-its-end"
)

// A hub is the least that a session needs of one: a NATS server and a door that admits
// whoever has the token. It serves the real keys and server, in process.
type hub struct {
	t      *testing.T
	dir    string
	server atomic.Pointer[embedded.Server] // nil while down
	keys   *embedded.Keys
	life   time.Duration
	joins  atomic.Int64
	down   atomic.Bool // of the door
	deaf   atomic.Bool // of NATS while it is down: it takes a minute to refuse
	// reply changes an answer of the door; refuse replaces it.
	reply  func(*events.JoinReply)
	refuse atomic.Pointer[events.Error]
}

func newHub(t *testing.T) *hub {
	t.Helper()
	h := &hub{t: t, dir: t.TempDir(), life: time.Hour}
	h.newKeys()
	h.start()
	return h
}

func (h *hub) newKeys() {
	h.t.Helper()
	keys, err := embedded.OpenKeys(h.t.TempDir())
	must(h.t, err)
	h.keys = keys
}

func (h *hub) start() {
	h.t.Helper()
	s, err := embedded.Start(embedded.Config{NoListen: true, StoreDir: h.dir}, h.keys)
	must(h.t, err)
	h.server.Store(s)
}

func (h *hub) stop() { h.server.Swap(nil).Shutdown() }

func (h *hub) InProcessConn() (net.Conn, error) {
	if s := h.server.Load(); s != nil {
		return s.InProcess().InProcessConn()
	}
	if h.deaf.Load() {
		time.Sleep(time.Minute)
	}
	return nil, errors.New("connection refused")
}

// RoundTrip is the door.
func (h *hub) RoundTrip(r *http.Request) (*http.Response, error) {
	if h.down.Load() {
		return nil, errors.New("connection refused")
	}
	h.joins.Add(1)
	w := httptest.NewRecorder()
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	h.door(w, r)
	return w.Result(), nil
}

func (h *hub) door(w http.ResponseWriter, r *http.Request) {
	var ask events.JoinRequest
	must(h.t, json.NewDecoder(r.Body).Decode(&ask))
	refusal := h.refuse.Load()
	if refusal == nil && ask.Token != token {
		refusal = events.Errorf(events.CodeUnauthorized, "the hub does not know this token")
	}
	if refusal != nil {
		w.WriteHeader(http.StatusForbidden)
		must(h.t, json.NewEncoder(w).Encode(events.ErrorReply{Error: refusal}))
		return
	}
	peer := ask.PeerID
	if peer == "" {
		peer = events.DerivedID(events.RoleWorker, ask.NKey)
	}
	expires := time.Now().Add(h.life)
	jwt, err := h.keys.MintUser(embedded.User{Role: events.RoleWorker, Room: room, Peer: peer, NKey: ask.NKey, Expires: expires})
	must(h.t, err)
	reply := events.JoinReply{
		RoomID: room, PeerID: peer, Role: events.RoleWorker, JWT: jwt, NATSURLs: []string{"nats://127.0.0.1:4222"},
		InboxPrefix: events.InboxPrefix(room, peer), Limits: events.DefaultLimits(), Expires: events.At(expires),
	}
	if h.reply != nil {
		h.reply(&reply)
	}
	must(h.t, json.NewEncoder(w).Encode(reply))
}

func (h *hub) config(peer string) Config {
	h.t.Helper()
	key, err := nkeys.CreateUser()
	must(h.t, err)
	return Config{
		HubURL: "http://hub:8480", Room: room, Token: token, PeerID: peer, Role: events.RoleWorker, Key: key,
		HTTP: &http.Client{Transport: h}, InProcess: h,
	}
}

// join admits a peer, whose session ends with the bubble.
func (h *hub) join(cfg Config) *Session {
	h.t.Helper()
	s, err := Join(h.t.Context(), cfg)
	must(h.t, err)
	return s
}

// bubble runs f in virtual time beside a hub.
func bubble(t *testing.T, f func(t *testing.T, h *hub)) {
	t.Helper()
	// nats.go flushes after each reconnection with a timer from a pool of the process; one
	// of another bubble is fatal here. Two collections empty a sync.Pool.
	runtime.GC()
	runtime.GC()
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		defer func() {
			if h.server.Load() != nil {
				h.stop()
			}
		}()
		f(t, h)
	})
}

func leave(t *testing.T, sessions ...*Session) {
	t.Helper()
	for _, s := range sessions {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if err := s.Close(ctx); err != nil {
			t.Errorf("close %s: %v", s.Peer(), err)
		}
		cancel()
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, what string, err error, want events.Code) {
	t.Helper()
	if events.CodeOf(err) != want {
		t.Errorf("%s: %v (%s), want %s", what, err, events.CodeOf(err), want)
	}
}
