package session

import (
	"context"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/pace"
	"github.com/nats-io/nats.go"
)

// acceptAtOnce bounds the offers that are being answered.
const acceptAtOnce = 16

// Rates of one sender: of signals (a link takes two and its late candidates), and of
// requests, for which whoever asks often without a pause has ten seconds' worth.
var (
	signalRate  = pace.Rate{PerSecond: 50, Burst: 200}
	requestRate = pace.Rate{PerSecond: 200, Burst: 2000}
)

// A Signaller carries signed offers, answers and late candidates over NATS. It
// implements link.Signaller. A hub that alters, replays or redirects a signal is
// found out by the receiver.
type Signaller struct {
	s           *Session
	incarnation func() uint64
	keyOf       func(peer string) (string, bool)
	seen        *nonces
	slots       chan struct{}
	senders     *pace.Senders
}

// Signaller makes one. incarnation is this peer's own at the time of a call (0 for
// clients). keyOf is the public nkey that the room's record has for a peer; a peer
// that it does not know must have an id derived from its key. Both are called from
// any goroutine.
func (s *Session) Signaller(incarnation func() uint64, keyOf func(peer string) (nkey string, ok bool)) *Signaller {
	return &Signaller{
		s:           s,
		incarnation: incarnation,
		keyOf:       keyOf,
		seen:        newNonces(nonceMemory),
		slots:       make(chan struct{}, acceptAtOnce),
		senders:     pace.New(signalRate),
	}
}

// Offer completes and signs the offer, sends it to offer.To, and returns the
// verified answer.
func (g *Signaller) Offer(ctx context.Context, offer events.Signal) (events.Signal, error) {
	offer, err := g.sign(offer)
	if err != nil {
		return events.Signal{}, err
	}
	var answer events.Signal
	if err := g.s.Request(ctx, g.to(offer.To), offer, &answer); err != nil {
		return events.Signal{}, err
	}
	if err := g.checkAnswer(offer, answer); err != nil {
		return events.Signal{}, err
	}
	return answer, nil
}

// Candidate completes, signs and sends a late candidate.
func (g *Signaller) Candidate(c events.Signal) error { return g.tell(c) }

// Redial completes, signs and sends the word that a link is lost.
func (g *Signaller) Redial(r events.Signal) error { return g.tell(r) }

func (g *Signaller) tell(s events.Signal) error {
	s, err := g.sign(s)
	if err != nil {
		return err
	}
	return g.s.Publish(g.to(s.To), s)
}

func (g *Signaller) to(peer string) string {
	return events.SignalSubject(g.s.Room(), peer, g.s.Peer())
}

// sign says who sends and signs.
func (g *Signaller) sign(s events.Signal) (events.Signal, error) {
	s.V = events.ProtocolVersion
	s.Room, s.From, s.FromIncarnation, s.NKey = g.s.Room(), g.s.Peer(), g.incarnation(), g.s.Key()
	return s.Sign(g.s.Signer(), g.s.bound.Reveal())
}

// Serve verifies the signals that arrive for this peer and passes them on: offers
// to accept, whose answer it completes, signs and returns (an error becomes a
// refusal), candidates to candidate, lost links to redial (nil: nobody offers here who
// could). accept runs on a goroutine of its own, at most
// 16 at once (more are refused with CodeUnavailable); its context ends with the
// session.
func (g *Signaller) Serve(accept func(ctx context.Context, offer events.Signal) (events.Signal, error), candidate, redial func(events.Signal)) (*nats.Subscription, error) {
	subject := events.SignalSubject(g.s.Room(), g.s.Peer(), events.Any)
	return g.s.Subscribe(subject, func(m *nats.Msg) {
		if m.Reply != "" {
			g.offered(m, accept)
			return
		}
		from, err := events.ParseSubject(m.Subject)
		if err != nil || g.senders.Take(from.From, time.Now()) > 0 {
			return
		}
		s, err := g.check(from.From, m.Data, events.SignalCandidate, events.SignalRedial)
		switch {
		case err != nil:
			g.s.log.Debug("dropped a signal", "peer_id", from.From, "cause", err)
		case s.Kind == events.SignalCandidate:
			candidate(s)
		case redial != nil:
			redial(s)
		}
	})
}

// offered verifies an offer and has it answered beside the subscription, because
// the answer waits for addresses to be gathered.
func (g *Signaller) offered(m *nats.Msg, accept func(context.Context, events.Signal) (events.Signal, error)) {
	from, ok := g.s.asker(m)
	if !ok {
		return
	}
	if wait := g.senders.Take(from, time.Now()); wait > 0 {
		g.s.answer(m, nil, events.TooOften(from, signalRate.PerSecond, wait))
		return
	}
	offer, err := g.check(from, m.Data, events.SignalOffer)
	if err == nil {
		err = g.seen.add(from + " " + offer.Nonce)
	}
	if err != nil {
		g.s.log.Log(g.s.ctx, g.refusalLevel(from), "refused an offer", "peer_id", from, "cause", err)
		g.s.answer(m, nil, err)
		return
	}
	select {
	case g.slots <- struct{}{}:
	default:
		g.s.answer(m, nil, events.Errorf(events.CodeUnavailable, "%s is answering %d other offers", g.s.Peer(), acceptAtOnce))
		return
	}
	if !g.s.start() {
		<-g.slots
		return
	}
	go func() {
		defer g.s.running.Done()
		defer func() { <-g.slots }()
		answer, err := accept(g.s.ctx, offer)
		if err == nil {
			answer, err = g.sign(answer)
		}
		g.s.answer(m, answer, err)
	}()
}
