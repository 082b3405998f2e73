package session

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
)

// Rhythm of the NATS connection. A dead server is noticed after two missed pings
// and looked for at once and for ever: the room may be all that is left of it.
const (
	dialTimeout     = 3 * time.Second // of one server
	reconnectWait   = 250 * time.Millisecond
	reconnectJitter = 250 * time.Millisecond
	pingInterval    = 2 * time.Second
	pingsMissed     = 2
)

// connect makes the first NATS connection, within ctx's deadline.
func (s *Session) connect(ctx context.Context) error {
	reply := s.Reply()
	left := joinTimeout
	if deadline, ok := ctx.Deadline(); ok {
		left = time.Until(deadline)
	}
	options := nats.GetDefaultOptions()
	options.Servers = reply.NATSURLs
	options.Timeout = min(dialTimeout, left/time.Duration(max(1, len(reply.NATSURLs))))
	for _, set := range s.options(reply) {
		if err := set(&options); err != nil {
			return events.AsError(err)
		}
	}
	s.turn(true) // before the callbacks that know better
	nc, err := options.Connect()
	if err != nil {
		return s.noServer(reply, err)
	}
	s.nc = nc
	return nil
}

func (s *Session) options(reply events.JoinReply) []nats.Option {
	options := []nats.Option{
		nats.Name(s.peer),
		nats.UserJWT(s.jwt, s.cfg.Key.Sign),
		nats.CustomInboxPrefix(reply.InboxPrefix),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		nats.ReconnectBufSize(-1),   // stale offers and leases must not be replayed
		nats.IgnoreAuthErrorAbort(), // a hub that comes back with another memory may refuse us twice
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(pingsMissed),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { s.lost(err) }),
		nats.ReconnectHandler(func(*nats.Conn) { s.found() }),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) { s.complain(sub, err) }),
		nats.ClosedHandler(func(*nats.Conn) { close(s.closed) }),
	}
	switch _, pin := events.SplitToken(s.cfg.Token.Reveal()); {
	case s.cfg.InProcess != nil:
		options = append(options, nats.InProcessServer(s.cfg.InProcess))
	case pin != "": // whatever the join reply says
		options = append(options, nats.Secure(trust(s.cfg.Token)))
	}
	return options
}

// jwt runs under the connection's lock, so it only looks: renew keeps it fresh.
func (s *Session) jwt() (string, error) { return s.reply.Load().JWT, nil }

func (s *Session) lost(err error) {
	if s.ctx.Err() != nil {
		return
	}
	s.log.Warn("lost the hub's NATS server, trying to come back", "cause", err)
	s.turn(false)
	post(s.away)
}

func (s *Session) found() {
	s.log.Info("back at the hub's NATS server")
	s.turn(true)
}

func (s *Session) turn(up bool) {
	s.up.Store(up)
	s.connected.set(up)
}

// complain handles what NATS reports beside the result of a call.
func (s *Session) complain(sub *nats.Subscription, err error) {
	if unauthorized(err) {
		post(s.refused)
		return
	}
	subject := ""
	if sub != nil {
		subject = sub.Subject
	}
	s.log.Warn("NATS complains", "subject", subject, "cause", err)
}

func unauthorized(err error) bool {
	for _, e := range []error{nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (s *Session) noServer(reply events.JoinReply, err error) error {
	if unauthorized(err) {
		return events.Errorf(events.CodeForbidden, "the NATS server of the hub at %s refused what the hub admitted", s.door.url).
			WithTry("is another hub using the port of its NATS server? On the hub: moothall up --nats ADDR")
	}
	if errors.Is(err, nats.ErrSecureConnWanted) {
		err = http.ErrSchemeMismatch
	}
	if e := Untrusted(s.door.url, s.cfg.Token, err); e != nil {
		return e.WithFact("that is its NATS server")
	}
	where := "in process"
	if s.cfg.InProcess == nil {
		where = reply.NATSURLs[0]
	}
	return events.Errorf(events.CodeUnreachable, "the hub at %s answered, but its NATS server at %s did not (%s)", s.door.url, where, reason(err)).
		WithTry("is that port open from here? On the hub: moothall up --nats ADDR")
}
