package signaling

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moothall/moothall/embedded"
	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
)

const (
	testRoom = "lab"
	operator = "moot_admin_of_the_test"
)

// A house is a hub on a real server in this process, for use inside a bubble.
type house struct {
	t    *testing.T
	dir  string
	cfg  Config
	keys *embedded.Keys
	srv  *embedded.Server
	hub  *Hub
	stop func()
	door door
	logs *logs
	all  []*nats.Conn
}

// door is the way in that outlives a server: peers keep it over a restart.
type door struct {
	srv atomic.Pointer[embedded.Server]
}

func (d *door) InProcessConn() (net.Conn, error) {
	if s := d.srv.Load(); s != nil {
		return s.InProcess().InProcessConn()
	}
	return nil, errors.New("the hub is down")
}

func inBubble(t *testing.T, cfg Config, f func(*testing.T, *house)) {
	t.Helper()
	dir := t.TempDir()
	// nats.go flushes with pooled timers when it reconnects. A timer of one bubble is
	// deadly in the next; two collections empty the pool.
	runtime.GC()
	runtime.GC()
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, dir: dir, cfg: cfg, logs: &logs{}}
		h.cfg.AdminToken = operator
		h.cfg.TokenDir = filepath.Join(dir, "tokens")
		h.cfg.Log = slog.New(slog.NewTextHandler(h.logs, nil))
		h.start()
		defer func() {
			for _, nc := range h.all {
				nc.Close()
			}
			h.stop()
		}()
		f(t, h)
	})
}

func (h *house) start() {
	h.t.Helper()
	var err error
	h.keys, err = embedded.OpenKeys(h.keyDir())
	must(h.t, err)
	h.srv, err = embedded.Start(embedded.Config{NoListen: true, StoreDir: filepath.Join(h.dir, "store")}, h.keys)
	must(h.t, err)
	var stopHub func()
	h.hub, stopHub = h.open()
	h.door.srv.Store(h.srv)
	h.stop = func() {
		h.t.Helper()
		h.door.srv.Store(nil)
		stopHub()
		h.srv.Shutdown()
		h.stop = func() {}
	}
}

func (h *house) keyDir() string { return filepath.Join(h.dir, "keys") }

// open starts a hub on the house's server and returns when it answers.
func (h *house) open() (hub *Hub, stop func()) {
	h.t.Helper()
	h.cfg.FloodLook = cmp.Or(h.cfg.FloodLook, time.Second) // in virtual time every look costs
	hub, err := NewHub(h.cfg, h.srv, h.keys)
	must(h.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- hub.Run(ctx) }()
	select {
	case <-hub.Ready():
	case err := <-done:
		h.t.Fatalf("hub ended at its start: %v", err)
	}
	return hub, func() {
		h.t.Helper()
		cancel()
		must(h.t, <-done)
	}
}

func (h *house) token(role events.Role) string {
	h.t.Helper()
	token, _, err := h.hub.NewToken(context.Background(), TokenRequest{Room: testRoom, Role: role})
	must(h.t, err)
	return token
}

func (h *house) post(room string, q events.JoinRequest) (events.JoinReply, error) {
	h.t.Helper()
	body, err := json.Marshal(q)
	must(h.t, err)
	var reply events.JoinReply
	w := httptest.NewRecorder()
	h.hub.Handler().ServeHTTP(w, httptest.NewRequest("POST", "/v1/rooms/"+room+"/join", bytes.NewReader(body)))
	return reply, events.Decode(w.Body.Bytes(), &reply)
}

func (h *house) get(path, token string) *http.Response { return h.ask("GET", path, token) }

func (h *house) ask(method, path, token string) *http.Response {
	return h.askWith(method, path, token, "")
}

func (h *house) askWith(method, path, token, body string) *http.Response {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.hub.Handler().ServeHTTP(w, r)
	return w.Result()
}

// logs is what the hub logged. Safe for concurrent use.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logs) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), s)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%T: %v", err, err)
	}
}

func wantCode(t *testing.T, err error, code events.Code) *events.Error {
	t.Helper()
	if events.CodeOf(err) != code {
		t.Fatalf("error %v has code %q, want %q", err, events.CodeOf(err), code)
	}
	return events.AsError(err)
}
