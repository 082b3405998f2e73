package session

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/pace"
	"github.com/nats-io/nats.go"
)

// Bounds of what waits for a subscription's handler.
const (
	pendingMessages = 1024
	pendingBytes    = 8 << 20
)

// Request sends in as JSON and decodes the answer into out (nil: ignored). No
// responder, no connection and ctx's deadline are CodeUnreachable; a refusal is the
// responder's *events.Error. Without a deadline in ctx it waits 5 s.
func (s *Session) Request(ctx context.Context, subject string, in, out any) error {
	data, err := encode(in)
	if err != nil {
		return err
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, requestTimeout)
		defer cancel()
	}
	if !s.up.Load() {
		return s.offline(nats.ErrReconnectBufExceeded)
	}
	asked := time.Now()
	msg, err := s.nc.RequestWithContext(ctx, subject, data)
	if err != nil {
		return s.noAnswer(subject, time.Since(asked), err)
	}
	if out == nil {
		out = &struct{}{}
	}
	return events.Decode(msg.Data, out)
}

// noAnswer says who did not answer, in a person's words.
func (s *Session) noAnswer(subject string, waited time.Duration, err error) error {
	who, what := s.addressee(subject)
	switch {
	case errors.Is(err, context.Canceled):
		return events.Errorf(events.CodeCanceled, "waiting for %s (%s) was canceled", who, what)
	case errors.Is(err, nats.ErrNoResponders):
		return events.Errorf(events.CodeUnreachable, "%s is not there (%s)", who, what)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return events.Errorf(events.CodeUnreachable, "%s did not answer within %s (%s)", who, waited.Round(time.Millisecond), what)
	default:
		return s.offline(err)
	}
}

func (s *Session) addressee(subject string) (who, what string) {
	p, err := events.ParseSubject(subject)
	switch {
	case err != nil:
		return "the receiver", subject
	case p.To != "":
		return p.To, p.Kind
	default:
		return "the hub at " + s.door.url, p.Verb
	}
}

// offline is the error of a send without a connection.
func (s *Session) offline(err error) error {
	if s.ctx.Err() != nil {
		return events.Errorf(events.CodeUnavailable, "the session with room %q is closed", s.cfg.Room)
	}
	if errors.Is(err, nats.ErrReconnectBufExceeded) {
		return events.Errorf(events.CodeUnreachable, "no connection to the hub at %s", s.door.url)
	}
	return events.Errorf(events.CodeUnreachable, "no connection to the hub at %s (%s)", s.door.url, reason(err))
}

// Publish sends v as JSON. While the connection is away it fails at once.
func (s *Session) Publish(subject string, v any) error {
	data, err := encode(v)
	if err != nil {
		return err
	}
	if !s.up.Load() {
		return s.offline(nats.ErrReconnectBufExceeded)
	}
	if err := s.nc.Publish(subject, data); err != nil {
		return s.offline(err)
	}
	return nil
}

func encode(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, events.Errorf(events.CodeInternal, "encode %T: %v", v, err)
	}
	if len(data) > events.MaxMessage {
		return nil, events.Errorf(events.CodeTooLarge, "message of %d bytes, at most %d allowed", len(data), events.MaxMessage)
	}
	return data, nil
}

// Subscribe calls h for each message, in order, on the subscription's goroutine.
// At most 1,024 messages wait; more are dropped and logged.
func (s *Session) Subscribe(subject string, h func(*nats.Msg)) (*nats.Subscription, error) {
	if !s.start() {
		return nil, s.offline(nats.ErrConnectionClosed)
	}
	sub, err := s.nc.Subscribe(subject, h)
	if err != nil {
		s.running.Done()
		return nil, s.offline(err)
	}
	sub.SetClosedHandler(func(string) { s.running.Done() })
	if err := sub.SetPendingLimits(pendingMessages, pendingBytes); err != nil {
		return nil, s.offline(err)
	}
	return sub, nil
}

// Respond answers requests on room.<r>.<kind>.<me>.*. The sender is taken from the
// subject, and an answer goes to the sender's own inbox only: other requests are
// dropped. Of one sender it takes 200 requests a second, 2,000 at once; it refuses more
// unread, with CodeUnavailable and RetryAfterMS. What h returns is sent as JSON, an error as events.ErrorReply. h runs on
// the subscription's goroutine and must not block.
func (s *Session) Respond(subject string, h func(from string, data []byte) (any, error)) (*nats.Subscription, error) {
	senders := pace.New(requestRate)
	return s.Subscribe(subject, func(m *nats.Msg) {
		from, ok := s.asker(m)
		if !ok {
			return
		}
		if wait := senders.Take(from, time.Now()); wait > 0 {
			s.answer(m, nil, events.TooOften(from, senders.PerSecond, wait))
			return
		}
		answer, err := h(from, m.Data)
		s.answer(m, answer, err)
	})
}

// asker is who sent a request that may be answered.
func (s *Session) asker(m *nats.Msg) (from string, ok bool) {
	p, err := events.ParseSubject(m.Subject)
	if err != nil || p.Room != s.cfg.Room || p.To != s.peer || !events.ReplyAllowed(m.Reply, p.Room, p.From) {
		s.log.Debug("dropped a request", "subject", m.Subject, "reply", m.Reply)
		return "", false
	}
	return p.From, true
}

func (s *Session) answer(m *nats.Msg, answer any, refusal error) {
	if refusal != nil {
		answer = events.ErrorReply{Error: events.AsError(refusal)}
	}
	data, err := encode(answer)
	if err != nil {
		data, _ = encode(events.ErrorReply{Error: events.AsError(err)})
	}
	if err := m.Respond(data); err != nil {
		s.log.Debug("could not answer", "subject", m.Subject, "cause", err)
	}
}
