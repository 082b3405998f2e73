package signaling

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/pace"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

const (
	serviceName = "signaling"
	queueGroup  = "signaling"
	// answerWithin bounds the work on one request; the asker has given up by then.
	answerWithin = 5 * time.Second
	// Requests that wait before the lanes, per verb.
	maxPendingRequests = 4096
	maxPendingBytes    = 16 << 20
)

// Rates of one peer. NATS itself has none. Leases are heard besides being answered.
var (
	requestRate = pace.Rate{PerSecond: 20, Burst: 50}
	leaseRate   = pace.Rate{PerSecond: 2, Burst: 10}
)

// A request is one message on a service subject. The sender is the subject's last
// token, which the server guarantees; nothing in the body is believed about it.
type request struct {
	room, verb, from string
	data             []byte
	respond          func([]byte) error
}

// sender is who is kept to a rate.
func (q request) sender() string { return q.room + "." + q.from }

// decode reads the request's body; an empty one is the zero message.
func (q request) decode(v any) error {
	if len(q.data) == 0 {
		return nil
	}
	var version struct {
		V int `json:"v"`
	}
	if err := events.Decode(q.data, &version); err != nil {
		return err
	}
	if version.V != 0 && version.V != events.ProtocolVersion {
		return events.Errorf(events.CodeVersion, "the hub speaks protocol %d, the request is of %d", events.ProtocolVersion, version.V)
	}
	return events.Decode(q.data, v)
}

// addressed takes a message apart, and is the one gate for every answer of the hub:
// only to the sender's own inbox, since the server does not check where a peer asks
// a responder to publish. Anything else is dropped without a word.
func addressed(subject, reply string, data []byte, respond func([]byte) error) (request, bool) {
	s, err := events.ParseSubject(subject)
	if err != nil || !events.ReplyAllowed(reply, s.Room, s.From) {
		return request{}, false
	}
	return request{room: s.Room, verb: s.Verb, from: s.From, data: data, respond: respond}, true
}

// handler answers one verb. It runs in the room's lane.
type handler func(context.Context, request) (any, error)

func (h *Hub) handlers() map[string]handler {
	return map[string]handler{
		events.VerbRegister: h.register,
		events.VerbLeave:    h.leave,
		events.VerbLease:    h.lease,
		events.VerbInfo:     h.info,
		events.VerbClaim:    h.claim,
		events.VerbGone:     h.gone,
		events.VerbStatus:   h.status,
	}
}

// serve starts the micro service: one endpoint a verb, shared by all hubs. It ends
// with nc; its own Stop would drain with a timeout, which bubbles do not survive.
func (h *Hub) serve(nc *nats.Conn) error {
	svc, err := micro.AddService(nc, micro.Config{Name: serviceName, Version: "1.0.0", Description: "rooms of moothall"})
	if err != nil {
		return fmt.Errorf("signaling service: %w", err)
	}
	handlers := h.handlers()
	for _, verb := range events.ServiceVerbs() {
		err := svc.AddEndpoint(verb, h.receive(handlers[verb]),
			micro.WithEndpointSubject(events.ServiceSubject(events.Any, verb, events.Any)),
			micro.WithEndpointQueueGroup(queueGroup),
			micro.WithEndpointPendingLimits(maxPendingRequests, maxPendingBytes))
		if err != nil {
			return fmt.Errorf("endpoint %s: %w", verb, err)
		}
	}
	return nil
}

// receive checks a request and hands it to the room's lane.
func (h *Hub) receive(answer handler) micro.HandlerFunc {
	return func(m micro.Request) {
		q, ok := addressed(m.Subject(), m.Reply(), m.Data(), func(b []byte) error { return m.Respond(b) })
		if !ok {
			h.metrics.rejected.WithLabelValues("reply").Inc()
			return
		}
		h.metrics.messages.WithLabelValues(q.verb).Inc()
		if wait := h.requests.Take(q.sender(), time.Now()); wait > 0 {
			h.reply(q, nil, events.TooOften(q.from, requestRate.PerSecond, wait))
			return
		}
		if !h.lanes.do(q.room, func(ctx context.Context) { h.answer(ctx, q, answer) }) {
			h.reply(q, nil, events.Errorf(events.CodeUnavailable, "the hub is busy: %d requests wait", laneDepth))
		}
	}
}

func (h *Hub) answer(ctx context.Context, q request, answer handler) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	v, err := answer(ctx, q)
	h.reply(q, v, err)
}

func (h *Hub) reply(q request, v any, err error) {
	if err != nil {
		e := events.AsError(err)
		h.metrics.rejected.WithLabelValues(string(e.Code)).Inc()
		h.log.Debug("request refused", keyRoom, q.room, keyPeer, q.from, "verb", q.verb, "code", e.Code, "error", e.Message)
		v = events.ErrorReply{Error: e}
	}
	data, err := json.Marshal(v)
	if err == nil {
		err = q.respond(data)
	}
	if err != nil {
		h.log.Warn("answer not sent", keyRoom, q.room, keyPeer, q.from, "verb", q.verb, "error", err)
	}
}
