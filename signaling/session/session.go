// Package session is a peer's connection to its room: admission over HTTP, the
// NATS connection that follows from it, and the signed offers that lead to links.
// Workers and clients use it alike; it knows neither rosters nor admins.
package session

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Config says whom to join as. HubURL is http(s)://host:port; PeerID is empty for
// the id derived from Key. The token's role must be Role.
type Config struct {
	HubURL, Room, Token, PeerID string
	Role                        events.Role
	Key                         nkeys.KeyPair
	Secret                      string                     // room secret, "" for none
	HTTP                        *http.Client               // nil: a client of our own
	InProcess                   nats.InProcessConnProvider // nil: TCP to the URLs of the join reply
	Log                         *slog.Logger
}

// A Session is one peer's presence in a room. All methods may be called from any
// goroutine.
type Session struct {
	cfg Config
}

// Join is admitted by the hub and connects to NATS. It answers within 5 s: a first
// connection that fails is an error (unauthorized, forbidden, token_expired,
// name_taken, unreachable, …), one that breaks later is renewed for ever. Every
// error is an *events.Error.
func Join(ctx context.Context, cfg Config) (*Session, error) {
	return nil, events.Errorf(events.CodeInternal, "not built")
}

// Peer is this peer's id.
func (s *Session) Peer() string { return "" }

// Room is the room's id.
func (s *Session) Room() string { return s.cfg.Room }

// Role is what the token admitted this peer as.
func (s *Session) Role() events.Role { return s.cfg.Role }

// Key is the public nkey.
func (s *Session) Key() string { return "" }

// Signer signs with the peer's key.
func (s *Session) Signer() events.Signer { return s.cfg.Key }

// Secret is the room secret, "" for none.
func (s *Session) Secret() string { return s.cfg.Secret }

// Reply is the newest join reply: its limits, seat keys and ICE servers are the
// ones to go by.
func (s *Session) Reply() events.JoinReply { return events.JoinReply{} }

// Conn is the NATS connection, for what the methods here do not cover.
func (s *Session) Conn() *nats.Conn { return nil }

// Connection names the present connection to the server, zero while there is none.
func (s *Session) Connection() events.Connection { return events.Connection{} }

// Request sends in as JSON and decodes the answer into out (nil: ignored). No
// responder, no connection and ctx's deadline are CodeUnreachable; a refusal is the
// responder's *events.Error. Without a deadline in ctx it waits 5 s.
func (s *Session) Request(ctx context.Context, subject string, in, out any) error { return nil }

// Publish sends v as JSON. While the connection is away it fails at once.
func (s *Session) Publish(subject string, v any) error { return nil }

// Subscribe calls h for each message, in order, on the subscription's goroutine.
// At most 1,024 messages wait; more are dropped and logged.
func (s *Session) Subscribe(subject string, h func(*nats.Msg)) (*nats.Subscription, error) {
	return nil, nil
}

// Respond answers requests on room.<r>.<kind>.<me>.*. The sender is taken from the
// subject, and an answer goes to the sender's own inbox only: other requests are
// dropped. What h returns is sent as JSON, an error as events.ErrorReply. h runs on
// the subscription's goroutine and must not block.
func (s *Session) Respond(subject string, h func(from string, data []byte) (any, error)) (*nats.Subscription, error) {
	return nil, nil
}

// Connected reports true after each (re)connection and false after each loss. Only
// the newest value waits; there is one channel, for one reader.
func (s *Session) Connected() <-chan bool { return nil }

// Close lets what was received be handled and what was published leave, then
// closes the connection. It returns when every goroutine has ended; ctx bounds the
// first part.
func (s *Session) Close(ctx context.Context) error { return nil }
