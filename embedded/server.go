package embedded

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Config of a server. StoreDir is required.
type Config struct {
	Host     string      // address to listen on, default 127.0.0.1
	Port     int         // -1 takes a free one
	NoListen bool        // in-process connections only
	StoreDir string      // JetStream's files
	Name     string      // default "moothall"
	TLS      *tls.Config // nil: connections over TCP are not encrypted
	Log      *slog.Logger
}

// readyWithin bounds the start; a large store is recovered within it.
const readyWithin = 20 * time.Second

// connectWithin bounds the start of one of the hub's own connections. After a restart
// every peer returns at once, and on a busy machine the hub stands in their line.
const connectWithin = 20 * time.Second

// Rhythm and bounds of a connection. A silent one ("Stale Connection") is closed
// after about three pings.
const (
	pingInterval   = 2 * time.Second
	pingsOut       = 2
	writeDeadline  = 2 * time.Second
	maxPending     = 4 << 20 // bytes
	maxControlLine = 4 << 10 // bytes
	tlsTimeout     = 5 * time.Second
)

// A Server is a running NATS server. Safe for concurrent use.
type Server struct {
	ns   *server.Server
	keys *Keys
	dir  string
}

// Start starts a server and returns when it accepts connections. A port in use
// is an *events.Error with CodeConfig.
func Start(cfg Config, k *Keys) (*Server, error) {
	if cfg.StoreDir == "" {
		return nil, errors.New("embedded: Config.StoreDir is empty")
	}
	opts := options(cfg)
	if err := k.trust(opts); err != nil {
		return nil, err
	}
	if err := portFree(cfg, opts); err != nil {
		return nil, err
	}
	ns, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("nats server: %w", err)
	}
	log := newServerLog(cfg.Log)
	ns.SetLoggerV2(log, false, false, false)
	ns.Start()
	if !ns.ReadyForConnections(readyWithin) {
		ns.Shutdown()
		ns.WaitForShutdown()
		return nil, events.Errorf(events.CodeUnavailable, "the NATS server did not start within %s: %s", readyWithin, log.lastFatal())
	}
	return &Server{ns: ns, keys: k, dir: cfg.StoreDir}, nil
}

func options(cfg Config) *server.Options {
	o := &server.Options{
		ServerName: cfg.Name, Host: cfg.Host, Port: cfg.Port, DontListen: cfg.NoListen,
		NoSigs: true, JetStream: true, StoreDir: cfg.StoreDir,
		// JetStream otherwise acknowledges up to two minutes before it syncs.
		SyncAlways:   true,
		PingInterval: pingInterval, MaxPingsOut: pingsOut, WriteDeadline: writeDeadline,
		MaxPayload: events.MaxMessage, MaxPending: maxPending, MaxControlLine: maxControlLine,
		NoFastProducerStall: true,
		TLSConfig:           cfg.TLS, TLSTimeout: tlsTimeout.Seconds(),
	}
	if o.ServerName == "" {
		o.ServerName = "moothall"
	}
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	return o
}

// portFree tells a port in use at once: the server itself would only log it.
func portFree(cfg Config, o *server.Options) error {
	if cfg.NoListen || o.Port <= 0 {
		return nil
	}
	addr := net.JoinHostPort(o.Host, strconv.Itoa(o.Port))
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return events.Errorf(events.CodeConfig, "cannot listen for NATS on %s: %v", addr, err).
			WithTry("stop what listens there, or choose another port")
	}
	return l.Close()
}

// URL is where clients connect over TCP; "" with NoListen.
func (s *Server) URL() string {
	if s.ns.Addr() == nil {
		return ""
	}
	return s.ns.ClientURL()
}

// StoreDir is the folder that holds JetStream's files.
func (s *Server) StoreDir() string { return s.dir }

// InProcess is how this process connects without TCP. Such a connection does not
// outlive the server.
func (s *Server) InProcess() nats.InProcessConnProvider { return s.ns }

// Connect opens one of the hub's own connections, in-process.
func (s *Server) Connect(a Account, opts ...nats.Option) (*nats.Conn, error) {
	user, err := s.keys.service(a)
	if err != nil {
		return nil, err
	}
	opts = append([]nats.Option{nats.InProcessServer(s.ns), nats.Timeout(connectWithin), user}, opts...)
	nc, err := nats.Connect("", opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", a, err)
	}
	return nc, nil
}

// Apply makes the server take the keys as they are now: connections of role keys that
// are gone and of refused keys are closed, and come back with new JWTs only.
func (s *Server) Apply() error {
	text, err := s.keys.accountJWT(Rooms)
	if err != nil {
		return err
	}
	claims, err := jwt.DecodeAccountClaims(text)
	if err != nil {
		return fmt.Errorf("decode account: %w", err)
	}
	resolver := s.ns.AccountResolver()
	if err := resolver.Store(claims.Subject, text); err != nil {
		return fmt.Errorf("store account: %w", err)
	}
	account, err := s.ns.LookupAccount(claims.Subject)
	if err != nil {
		return fmt.Errorf("look up account: %w", err)
	}
	s.ns.UpdateAccountClaims(account, claims)
	return nil
}

// Shutdown stops the server and waits until its files are closed.
func (s *Server) Shutdown() {
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
}
