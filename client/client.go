package client

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/link"
	"github.com/moothall/moothall/signaling/session"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

const closeBound = 5 * time.Second

// A Secret is a string that does not print.
type Secret = events.Secret

// Config says which room to join and how. HubURL, Room and Token are required.
type Config struct {
	HubURL string // http(s)://host:port
	Room   string
	Token  Secret // a join token of role client
	Secret Secret // the room's secret, "" for none; the hub never sees it

	// OwnerDir is the folder of the key that jobs belong to, made there if need be; every
	// client with that key may come back to them. "": a key of this client alone.
	OwnerDir string

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

// A Problem is one thing that is wrong with a setting, which is named as the
// environment variable that people know it by.
type Problem struct{ Setting, Text string }

// Problems lists all that is wrong with the configuration.
func (c Config) Problems() []Problem {
	var all []Problem
	bad := func(setting, format string, args ...any) {
		all = append(all, Problem{setting, setting + fmt.Sprintf(format, args...)})
	}
	if c.HubURL == "" {
		bad("MOOT_HUB", " is empty")
	} else if err := events.CheckHubAddress(c.HubURL); err != nil {
		bad("MOOT_HUB", ": %s", err)
	} else if u, err := url.Parse(c.HubURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		bad("MOOT_HUB", "=%q is not a URL; write http://host:8480", c.HubURL)
	}
	if c.Room == "" {
		bad("MOOT_ROOM", " is empty")
	} else if err := events.ValidID("room", c.Room); err != nil {
		bad("MOOT_ROOM", ": %s", err)
	}
	if c.Token == "" {
		bad("MOOT_TOKEN", " is empty")
	}
	return all
}

// Validate is every problem in one error of code config, or nil.
func (c Config) Validate() error {
	var texts []string
	for _, p := range c.Problems() {
		texts = append(texts, p.Text)
	}
	switch len(texts) {
	case 0:
		return nil
	case 1:
		return events.Errorf(events.CodeConfig, "%s", texts[0])
	default:
		return events.Errorf(events.CodeConfig, "%d settings are wrong: %s", len(texts), strings.Join(texts, "; "))
	}
}

// A Client is one presence in a room, with a key of its own.
type Client struct {
	cfg     Config
	log     *slog.Logger
	session *session.Session
	signal  *session.Signaller
	record  *record
	sunset  sync.Once // warns of the old way once

	following sync.Mutex // guards followers, and that live begins and ends with them
	followers int
	live      atomic.Pointer[live] // nil while nobody watches

	ended      chan struct{}
	stop       context.CancelFunc
	background sync.WaitGroup

	owner    func() (nkeys.KeyPair, error)  // once, by the first job
	open     func() (*link.Endpoint, error) // once, by the first job
	endpoint atomic.Pointer[link.Endpoint]  // nil before that
}

// Join is admitted to the room and connects to it, within 5 s. Close ends it.
func Join(ctx context.Context, cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = session.NewHTTP(cfg.Token)
	}
	key, err := nkeys.CreateUser()
	if err != nil {
		return nil, events.Errorf(events.CodeInternal, "make a key: %v", err)
	}
	s, err := session.Join(ctx, session.Config{
		HubURL: cfg.HubURL, Room: cfg.Room, Token: cfg.Token, Secret: cfg.Secret,
		Role: events.RoleClient, Key: key, HTTP: cfg.HTTP, InProcess: cfg.InProcess, Log: cfg.Log,
	})
	if err != nil {
		return nil, err
	}
	c := &Client{
		cfg: cfg, log: cfg.Log, session: s,
		record: newRecord(cfg.Room, s.Reply(), cfg.Log),
		ended:  make(chan struct{}),
	}
	c.open = sync.OnceValues(c.openEndpoint)
	c.owner = sync.OnceValues(func() (nkeys.KeyPair, error) { return openOwner(cfg.OwnerDir) })
	c.signal = s.Signaller(func() uint64 { return 0 }, c.record.nkey)
	if _, err := s.Subscribe(events.EventSubject(cfg.Room, events.EventAdmin), c.heard); err != nil {
		c.close(ctx)
		return nil, err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.stop = stop
	c.background.Go(func() { c.catchUp(background) })
	return c, nil
}

// Peer is the client's own peer id.
func (c *Client) Peer() string { return c.session.Peer() }

// Room is the room's id.
func (c *Client) Room() string { return c.cfg.Room }

// Ended is closed when the hub does not let the client in any more, because its token
// has expired or was revoked; Err says which. Jobs that run go on at their workers.
func (c *Client) Ended() <-chan struct{} { return c.session.Ended() }

// Err is why the client has ended (token_expired, token_revoked), nil while it has not.
func (c *Client) Err() error { return c.session.Err() }

// Close leaves the room and returns when every goroutine of the client has ended,
// after at most 5 s. Channels of Watch and WatchAdmin are closed by it. It is called
// once, after every other method has returned.
func (c *Client) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeBound)
	defer cancel()
	return c.close(ctx)
}

func (c *Client) close(ctx context.Context) error {
	close(c.ended)
	if c.stop != nil {
		c.stop()
	}
	c.record.close()
	if e := c.endpoint.Load(); e != nil {
		if err := e.Close(); err != nil {
			c.log.Warn("links did not close cleanly", "room_id", c.cfg.Room, "error", err)
		}
	}
	err := c.session.Close(ctx)
	c.background.Wait()
	return err
}

// warn tells a person of an answer that is second best.
func (c *Client) warn(format string, args ...any) {
	if c.cfg.Warn != nil {
		c.cfg.Warn(fmt.Sprintf(format, args...))
		return
	}
	c.log.Warn(fmt.Sprintf(format, args...), "room_id", c.cfg.Room)
}
