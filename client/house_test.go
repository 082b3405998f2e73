package client_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/embedded"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling"
)

const room = "lab"

var discard = slog.New(slog.DiscardHandler)

// A house is a hub in this process, without sockets. Its methods end the test on an
// error.
type house struct {
	t    testing.TB
	dir  string
	srv  *embedded.Server
	hub  *signaling.Hub
	stop func()

	answersHTTP atomic.Bool
	asked       atomic.Int64 // /discover-workers
}

// inHouse calls f in a bubble with a hub and takes everything down.
func inHouse(t *testing.T, f func(*testing.T, *house)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := openHouse(t, dir, embedded.Config{NoListen: true})
		defer h.stop()
		f(t, h)
	})
}

func openHouse(t testing.TB, dir string, nats embedded.Config) *house {
	t.Helper()
	h := &house{t: t, dir: dir}
	h.answersHTTP.Store(true)
	keys, err := embedded.OpenKeys(filepath.Join(dir, "keys"))
	h.must(err)
	nats.StoreDir = filepath.Join(dir, "store")
	h.srv, err = embedded.Start(nats, keys)
	h.must(err)
	h.hub, err = signaling.NewHub(signaling.Config{TokenDir: filepath.Join(dir, "tokens"), FloodLook: time.Second}, h.srv, keys)
	h.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.hub.Run(ctx) }()
	<-h.hub.Ready()
	h.stop = func() {
		cancel()
		h.must(<-done)
		h.srv.Shutdown()
	}
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) token(role events.Role) string {
	h.t.Helper()
	token, _, err := h.hub.NewToken(context.Background(), signaling.TokenRequest{Room: room, Role: role})
	h.must(err)
	return token
}

// http is a web client whose requests go to the hub's handler.
func (h *house) http() *http.Client { return &http.Client{Transport: h} }

func (h *house) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/discover-workers" {
		h.asked.Add(1)
	}
	if !h.answersHTTP.Load() {
		return nil, errors.New("connection refused")
	}
	w := httptest.NewRecorder()
	h.hub.Handler().ServeHTTP(w, r)
	return w.Result(), nil
}

// A line is a peer's way to NATS. It can be torn and mended.
type line struct {
	srv  *embedded.Server
	torn atomic.Bool
	conn atomic.Pointer[net.Conn]
}

func (l *line) InProcessConn() (net.Conn, error) {
	if l.torn.Load() {
		return nil, errors.New("connection refused")
	}
	c, err := l.srv.InProcess().InProcessConn()
	if err == nil {
		l.conn.Store(&c)
	}
	return c, err
}

func (l *line) tear() {
	l.torn.Store(true)
	(*l.conn.Load()).Close()
}

func (l *line) mend() { l.torn.Store(false) }

// visitor is a client in a house and what it was warned of.
type visitor struct {
	*client.Client
	line     *line
	warnings chan string
}

func (h *house) config(warnings chan string) client.Config {
	return client.Config{
		HubURL: "http://hub.example:8480", Room: room, Token: events.Secret(h.token(events.RoleClient)), Registry: true,
		HTTP: h.http(), InProcess: &line{srv: h.srv}, Log: discard,
		Warn: func(message string) { warnings <- message },
	}
}

func (h *house) visit(edit ...func(*client.Config)) *visitor {
	h.t.Helper()
	v := &visitor{warnings: make(chan string, 16)}
	cfg := h.config(v.warnings)
	for _, e := range edit {
		e(&cfg)
	}
	v.line = cfg.InProcess.(*line)
	c, err := client.Join(context.Background(), cfg)
	h.must(err)
	v.Client = c
	return v
}

func (v *visitor) warned() string {
	select {
	case w := <-v.warnings:
		return w
	default:
		return ""
	}
}
