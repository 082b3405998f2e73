package worker

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/mesh"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// serveHTTP serves the worker's own page of facts, if an address is set, until
// ctx ends.
func (a *Agent) serveHTTP(ctx context.Context) error {
	if a.cfg.HTTP == "" {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", a.cfg.HTTP)
	if err != nil {
		return events.Errorf(events.CodeConfig, "MOOT_HTTP=%q cannot be served: %v", a.cfg.HTTP, err).
			WithTry("MOOT_HTTP=127.0.0.1:0 for any free port")
	}
	a.cfg.Log.Info("serving facts", "url", "http://"+l.Addr().String()+"/v1/room")
	s := &http.Server{Handler: a.handler(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10}
	a.wg.Go(func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.cfg.Log.Error("facts no longer served", "error", err)
		}
	})
	a.wg.Go(func() {
		<-ctx.Done()
		s.Close()
	})
	return nil
}

func (a *Agent) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !a.session.Conn().IsConnected() {
			http.Error(w, "no connection to the hub", http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte("ready\n"))
	})
	mux.HandleFunc("GET /v1/room", a.serveRoomPage)
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.metrics.registry, promhttp.HandlerOpts{}))
	return mux
}

// longPoll bounds the wait of /v1/room?after=VERSION.
const longPoll = 25 * time.Second

// serveRoomPage shows the room; with after=VERSION, as soon as the state is newer
// than that, or unchanged after longPoll; with links=0 without the links, whose
// numbers are costly to gather.
func (a *Agent) serveRoomPage(w http.ResponseWriter, r *http.Request) {
	if text := r.URL.Query().Get("after"); text != "" {
		after, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			http.Error(w, "after must be a version, as /v1/room shows it", http.StatusBadRequest)
			return
		}
		a.awaitVersion(r.Context(), after)
	}
	room := a.state()
	if r.URL.Query().Get("links") != "0" {
		room.Links = a.links()
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(room); err != nil {
		a.cfg.Log.Debug("page not sent", "error", err)
	}
}

func (a *Agent) awaitVersion(ctx context.Context, after uint64) {
	ctx, cancel := context.WithTimeout(ctx, longPoll)
	defer cancel()
	for {
		next := a.fresh.wait()
		if v := a.view.Load(); v != nil && v.Version > after {
			return
		}
		select {
		case <-next:
		case <-ctx.Done():
			return
		}
	}
}

// Room is what /v1/room shows: the room as this worker has it.
type Room struct {
	RoomID      string            `json:"room_id"`
	Self        string            `json:"self"`
	Incarnation uint64            `json:"incarnation"`
	AdminPeerID string            `json:"admin_peer_id"`
	Term        uint64            `json:"term"`
	Generation  events.Generation `json:"generation"`
	Genesis     string            `json:"genesis"`
	Version     uint64            `json:"version"`
	SinceUS     int64             `json:"version_since_us"` // when the version was first to be seen here, microseconds since 1970
	Heads       []string          `json:"heads"`
	Stale       bool              `json:"stale"`
	Links       []RoomLink        `json:"links"`
	Workers     []events.Worker   `json:"workers"`
}

// RoomLink is the link to one peer.
type RoomLink struct {
	PeerID        string     `json:"peer_id"`
	State         mesh.State `json:"state"`
	Path          string     `json:"path"`
	Local         string     `json:"local"`
	Remote        string     `json:"remote"`
	RTTMS         float64    `json:"rtt_ms"`
	BytesSent     uint64     `json:"bytes_sent"`
	BytesReceived uint64     `json:"bytes_received"`
}

// Room may be called from any goroutine once Run has registered; before that, and
// without registry, only the names are set.
func (a *Agent) Room() Room {
	r := a.state()
	r.Links = a.links()
	return r
}

func (a *Agent) links() []RoomLink {
	links := []RoomLink{}
	for _, l := range a.mesh.Links() {
		links = append(links, RoomLink{
			PeerID: l.PeerID, State: l.State, Path: l.Path, Local: l.Local, Remote: l.Remote,
			RTTMS: float64(l.RTT.Microseconds()) / 1000, BytesSent: l.BytesSent, BytesReceived: l.BytesReceived,
		})
	}
	return links
}

// state is the room without its links.
func (a *Agent) state() Room {
	r := Room{RoomID: a.session.Room(), Self: a.session.Peer(), Incarnation: a.incarnation(), Heads: []string{}, Links: []RoomLink{}, Workers: []events.Worker{}}
	if v := a.view.Load(); v != nil {
		r.AdminPeerID, r.Term, r.Generation, r.Genesis = v.AdminPeerID, v.N, v.Position.Generation, v.Position.Genesis
		r.Version, r.SinceUS, r.Heads, r.Stale, r.Workers = v.Version, v.since.UnixMicro(), v.Position.Heads, v.Stale, v.Workers
	}
	return r
}
