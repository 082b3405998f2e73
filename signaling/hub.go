package signaling

import (
	"context"
	"net/http"

	"github.com/moothall/moothall/embedded"
	"github.com/moothall/moothall/events"
)

// A Hub serves the rooms of one house. Safe for concurrent use.
type Hub struct {
	cfg   Config
	srv   *embedded.Server
	keys  *embedded.Keys
	ready chan struct{}
}

// NewHub makes a hub on a running server. It does nothing until Run.
func NewHub(cfg Config, srv *embedded.Server, keys *embedded.Keys) (*Hub, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Hub{cfg: cfg.withDefaults(), srv: srv, keys: keys, ready: make(chan struct{})}, nil
}

// Run serves until ctx ends and returns after everything it started has ended.
func (h *Hub) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Ready is closed when the hub answers.
func (h *Hub) Ready() <-chan struct{} { return h.ready }

// Handler answers HTTP: join, discover-workers, healthz, readyz, metrics, version.
func (h *Hub) Handler() http.Handler { return http.NotFoundHandler() }

// NewToken makes a join token. The text is shown once and not kept.
func (h *Hub) NewToken(ctx context.Context, r TokenRequest) (token string, info TokenInfo, err error) {
	return "", TokenInfo{}, events.Errorf(events.CodeUnavailable, "the hub is starting")
}
