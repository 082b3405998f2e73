// Package bubble is a whole room in one process and in virtual time: the real hub
// with its NATS server, real agents, real pion over a virtual network. Use it
// inside testing/synctest, and call ats.Register of nats-server in TestMain.
package bubble

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moothall/moothall/embedded"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling"
)

// Room is the room of every cluster.
const Room = "lab"

// hub is a house that can be closed and opened again on the same data.
type hub struct {
	t    testing.TB
	dir  string
	cfg  signaling.Config
	open atomic.Pointer[house]
}

// house is one process of the hub.
type house struct {
	keys *embedded.Keys
	srv  *embedded.Server
	hub  *signaling.Hub
	stop func()
}

func (h *hub) start() {
	h.t.Helper()
	keys, err := embedded.OpenKeys(filepath.Join(h.dir, "keys"))
	must(h.t, err)
	srv, err := embedded.Start(embedded.Config{NoListen: true, StoreDir: filepath.Join(h.dir, "store"), Log: h.cfg.Log}, keys)
	must(h.t, err)
	h.cfg.FloodLook = time.Second // in virtual time every look costs
	s, err := signaling.NewHub(h.cfg, srv, keys)
	must(h.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	select {
	case <-s.Ready():
	case err := <-done:
		h.t.Fatalf("the hub ended at its start: %v", err)
	}
	h.open.Store(&house{keys: keys, srv: srv, hub: s, stop: func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Errorf("hub: %v", err)
		}
		srv.Shutdown()
	}})
}

func (h *hub) close() {
	if now := h.open.Swap(nil); now != nil {
		now.stop()
	}
}

var errClosed = errors.New("the hub is down")

// line is one process' way to NATS; it can be torn as a death of the process
// tears it.
type line struct {
	hub          *hub
	dead, frozen atomic.Bool
	conn         atomic.Pointer[net.Conn]

	mu      sync.Mutex // guards written
	written []byte
}

// record keeps what the process writes to the server.
func (l *line) record(p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written = append(l.written, p...)
}

var published = regexp.MustCompile(`(?:^|\r\n)H?PUB (\S+) `)

// Published takes the subjects that the process published on since the last call.
func (l *line) Published() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var subjects []string
	for _, m := range published.FindAllSubmatch(l.written, -1) {
		subjects = append(subjects, string(m[1]))
	}
	l.written = nil
	return subjects
}

// InProcessConn connects to the hub that is open now.
func (l *line) InProcessConn() (net.Conn, error) {
	now := l.hub.open.Load()
	if now == nil || l.dead.Load() || l.frozen.Load() {
		return nil, errClosed
	}
	c, err := now.srv.InProcess().InProcessConn()
	if err != nil {
		return nil, err
	}
	l.conn.Store(&c)
	return &wire{Conn: c, line: l}, nil
}

// wire is a connection of a process that may be frozen: then the server hears
// silence, not an end.
type wire struct {
	net.Conn
	line *line
}

func (w *wire) Write(p []byte) (int, error) {
	if w.line.frozen.Load() {
		return len(p), nil
	}
	w.line.record(p)
	return w.Conn.Write(p)
}

// Close of a frozen process never happens.
func (w *wire) Close() error {
	if w.line.frozen.Load() {
		return nil
	}
	return w.Conn.Close()
}

// freeze makes the process unheard at the hub while its connection stays open.
func (l *line) freeze() { l.frozen.Store(true) }

func (l *line) tear() {
	l.dead.Store(true)
	if c := l.conn.Load(); c != nil {
		(*c).Close()
	}
}

// client is HTTP to the hub without a socket.
func (h *hub) client() *http.Client { return &http.Client{Transport: transport{h}} }

type transport struct{ hub *hub }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	now := t.hub.open.Load()
	if now == nil {
		return nil, errClosed
	}
	w := httptest.NewRecorder()
	now.hub.Handler().ServeHTTP(w, r)
	return w.Result(), nil
}

func (h *hub) token(role events.Role) string {
	h.t.Helper()
	token, _, err := h.open.Load().hub.NewToken(context.Background(), signaling.TokenRequest{Room: Room, Role: role})
	must(h.t, err)
	return token
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var discard = slog.New(slog.DiscardHandler)
