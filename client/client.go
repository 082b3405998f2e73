package client

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/link"
	"github.com/nats-io/nats.go"
)

// Config says which room to join and how. HubURL, Room and Token are required.
type Config struct {
	HubURL string // http(s)://host:port
	Room   string
	Token  string // a join token of role client (viewer: no queries, no jobs)
	Secret string // the room's secret, "" for none; the hub never sees it

	// Registry says whether to ask the room's admin. Without it workers are found
	// over HTTP only; everything else is the same.
	Registry bool

	// Warn is told, in words for a person, when an answer is second best: the admin
	// was silent, say. nil: warnings go to Log. It may be called from any goroutine.
	Warn func(message string)
	Log  *slog.Logger // nil: no log

	HTTP      *http.Client               // nil: a client of our own
	InProcess nats.InProcessConnProvider // nil: TCP to the hub's NATS URLs
	Link      link.Config                // zero: defaults; Net is a virtual network in tests
}

// A Client is one presence in a room, with a key of its own.
type Client struct{}

// Join is admitted to the room and connects to it, within 5 s. Close ends it.
func Join(ctx context.Context, cfg Config) (*Client, error) {
	return nil, events.Errorf(events.CodeInternal, "not built")
}

// Peer is the client's own peer id.
func (c *Client) Peer() string { return "" }

// Close leaves the room and returns when every goroutine of the client has ended,
// after at most 5 s. Channels of Watch and WatchAdmin are closed by it.
func (c *Client) Close() error { return nil }
