package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/moothall/moothall/embedded"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/events/cli"
	"github.com/moothall/moothall/signaling"
)

func (p *program) upCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "up", Short: "Run the hub until SIGTERM", Args: noArguments,
		Long: "Run the hub until SIGTERM. Flags win over the environment:\n\n" + cli.Table(prefix, new(settings)),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.settings(cmd)
			if err != nil {
				return err
			}
			return p.up(cmd.Context(), s)
		},
	}
	f := cmd.Flags()
	f.StringVar(&p.flags.http, "http", "", "address of HTTP, default 127.0.0.1:8480")
	f.StringVar(&p.flags.nats, "nats", "", "address of NATS, default 127.0.0.1:4222")
	f.BoolVar(&p.flags.dev, "dev", false, "on this machine only: write worker.env, client.env and viewer.creds for the first room")
	f.BoolVar(&p.flags.tls, "tls", false, "TLS on the loopback too; elsewhere it is on anyway")
	f.BoolVar(&p.flags.plaintext, "plaintext", false, "no TLS beyond the loopback either: tokens can be read on the way")
	f.StringArrayVar(&p.flags.rooms, "room", nil, "a room to print the lines of; may be repeated")
	return p.withData(cmd)
}

// devRoom is the room of --dev without --room.
const devRoom = "lab"

// up runs a hub until ctx ends. What it opens it closes in reverse.
func (p *program) up(ctx context.Context, s settings) error {
	log, err := cli.Logger(p.err, s.LogLevel, s.LogFormat)
	if err != nil {
		return err
	}
	p.warn(s)
	if s.Dev {
		if err := s.readyForDev(); err != nil {
			return err
		}
		if len(s.Rooms) == 0 {
			s.Rooms = []string{devRoom}
		}
	}
	data, err := createData(s.Data)
	if err != nil {
		return err
	}
	release, err := data.lock()
	if err != nil {
		return err
	}
	defer release()
	return p.serve(ctx, s, data, log)
}

func (p *program) warn(s settings) {
	for _, w := range cli.Unknown(prefix, new(settings)) {
		fmt.Fprintln(p.err, "warning:", w)
	}
	if s.Plaintext && !s.onLoopback() {
		fmt.Fprintf(p.err, "warning: HTTP on %s and NATS on %s are not encrypted, tokens can be read on the way; start without --plaintext\n", s.HTTP, s.NATS)
	}
}

func (s settings) readyForDev() error {
	for _, addr := range []string{s.HTTP, s.NATS} {
		if !onLoopback(addr) {
			return events.Errorf(events.CodeConfig, "--dev writes tokens to files and is for this machine only, not for %s", addr).
				WithTry("without --dev, or an address of 127.0.0.1")
		}
	}
	return nil
}

func (p *program) serve(ctx context.Context, s settings, data dataDir, log *slog.Logger) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.HTTP)
	if err != nil {
		return events.Errorf(events.CodeConfig, "cannot listen for HTTP on %s: %v", s.HTTP, err).
			WithTry("stop what listens there, or another --http")
	}
	defer func() { _ = listener.Close() }()
	keys, err := data.keys()
	if err != nil {
		return err
	}
	cert, err := s.certificate(data)
	if err != nil {
		return err
	}
	tokens, err := data.tokens()
	if err != nil {
		return err
	}
	// Before anybody can connect.
	if err := signaling.Refuse(keys, tokens, time.Now()); err != nil {
		return coded(err, events.CodeConfig)
	}
	server, err := startNATS(s, data, keys, cert, log)
	if err != nil {
		return err
	}
	defer server.Shutdown()
	cfg := s.registry()
	cfg.Log, cfg.TokenDir, cfg.Pin = log, data.path("tokens"), cert.pin
	if cfg.AdminToken, err = data.adminToken(s); err != nil {
		return err
	}
	if err := data.writeAddress(cert, listener.Addr()); err != nil {
		return err
	}
	hub, err := signaling.NewHub(cfg, server, keys)
	if err != nil {
		return err
	}
	h := &house{settings: s, data: data, keys: keys, hub: hub, pin: cert.pin(), httpURL: cert.url(listener.Addr()), natsURL: server.URL()}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return hub.Run(ctx) })
	group.Go(func() error { return serveHTTP(ctx, listener, hub.Handler(), cert) })
	group.Go(func() error { return p.welcome(ctx, h) })
	group.Go(func() error { return cert.follow(ctx, data, log) })
	err = group.Wait()
	if err == nil {
		log.Info("the hub has stopped")
	}
	return err
}

func startNATS(s settings, data dataDir, keys *embedded.Keys, cert *certificate, log *slog.Logger) (*embedded.Server, error) {
	host, portText, err := net.SplitHostPort(s.NATS)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, err
	}
	if port == 0 {
		port = -1 // the server's word for a free one
	}
	return embedded.Start(embedded.Config{Host: host, Port: port, StoreDir: data.path("store"), TLS: cert.config(), Log: log}, keys)
}

// Bounds of HTTP. A body is read within the request's time; it is small.
const (
	headerTimeout   = 5 * time.Second
	requestTimeout  = 10 * time.Second
	answerTimeout   = 15 * time.Second
	idleTimeout     = time.Minute
	maxHeaderBytes  = 16 << 10
	shutdownTimeout = 3 * time.Second
)

// serveHTTP serves until ctx ends and returns when the last request has.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler, cert *certificate) error {
	server := &http.Server{
		Handler: h, MaxHeaderBytes: maxHeaderBytes, ReadHeaderTimeout: headerTimeout,
		ReadTimeout: requestTimeout, WriteTimeout: answerTimeout, IdleTimeout: idleTimeout,
		TLSConfig: cert.config(), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug), // of broken handshakes
	}
	var group errgroup.Group
	group.Go(func() error {
		<-ctx.Done()
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		if server.Shutdown(late) != nil {
			_ = server.Close() // who still asks is cut off
		}
		return nil
	})
	var err error
	if cert != nil {
		err = server.ServeTLS(l, "", "")
	} else {
		err = server.Serve(l)
	}
	if ctx.Err() == nil {
		return events.Errorf(events.CodeConfig, "HTTP ended: %v", err)
	}
	return group.Wait()
}
