package session

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
)

// A pair is an offerer p (incarnation 3) and an answerer q (incarnation 7).
type pair struct {
	t    *testing.T
	p, q *Session
	out  *Signaller // p's
	in   *Signaller // q's
	keys map[string]string

	offers              atomic.Int64 // that q accepted
	candidates, redials chan events.Signal
}

func newPair(t *testing.T, h *hub, secretP, secretQ events.Secret) *pair {
	t.Helper()
	p, q := h.config("p"), h.config("q")
	p.Secret, q.Secret = secretP, secretQ
	x := &pair{t: t, p: h.join(p), q: h.join(q), candidates: make(chan events.Signal, 10), redials: make(chan events.Signal, 10)}
	x.keys = map[string]string{"p": x.p.Key(), "q": x.q.Key()}
	keyOf := func(peer string) (string, bool) { k, ok := x.keys[peer]; return k, ok }
	x.out = x.p.Signaller(func() uint64 { return 3 }, keyOf)
	x.in = x.q.Signaller(func() uint64 { return 7 }, keyOf)
	_, err := x.in.Serve(x.accept, func(c events.Signal) { x.candidates <- c }, func(r events.Signal) { x.redials <- r })
	must(t, err)
	must(t, x.q.Conn().FlushWithContext(within(t, time.Second)))
	return x
}

func (x *pair) accept(_ context.Context, offer events.Signal) (events.Signal, error) {
	x.offers.Add(1)
	return events.Signal{
		Kind: events.SignalAnswer, Purpose: offer.Purpose, To: offer.From, ToIncarnation: offer.FromIncarnation,
		Nonce: offer.Nonce, Fingerprint: "sha-256 BB", SDP: "answer to " + offer.SDP,
	}, nil
}

func (x *pair) close() { leave(x.t, x.p, x.q) }

func offer(nonce string) events.Signal {
	return events.Signal{
		Kind: events.SignalOffer, Purpose: events.PurposeMesh, To: "q", ToIncarnation: 7,
		Nonce: nonce, Fingerprint: "sha-256 AA", SDP: "offer",
	}
}

// send sends a signal as it is, as p.
func (x *pair) send(s any) error {
	return x.p.Request(within(x.t, time.Second), events.SignalSubject(room, "q", "p"), s, &events.Signal{})
}

func TestSignaller_OfferIsAnswered(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		x := newPair(t, h, "s", "s")
		defer x.close()
		answer, err := x.out.Offer(t.Context(), offer("n1"))
		must(t, err)
		if answer.SDP != "answer to offer" || answer.From != "q" || answer.FromIncarnation != 7 || answer.NKey != x.q.Key() {
			t.Errorf("answer %+v", answer)
		}
		must(t, x.out.Candidate(events.Signal{Kind: events.SignalCandidate, To: "q", ToIncarnation: 7, Nonce: "n1", Candidate: "c"}))
		if c := <-x.candidates; c.Candidate != "c" || c.From != "p" || c.FromIncarnation != 3 {
			t.Errorf("candidate %+v", c)
		}
	})
}

func TestSignaller_AcceptsAPeerWhoseIDProvesItself(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		x := newPair(t, h, "", "")
		defer x.close()
		guest := h.join(h.config(""))
		defer leave(t, guest)
		out := guest.Signaller(func() uint64 { return 0 }, func(string) (string, bool) { return x.q.Key(), true })
		_, err := out.Offer(t.Context(), offer("n1"))
		must(t, err)
		delete(x.keys, "p")
		_, err = x.out.Offer(t.Context(), offer("n2"))
		wantCode(t, "a chosen id that the record does not have", err, events.CodeForbidden)
		_, err = x.in.keyFor(guest.Peer(), x.p.Key())
		wantCode(t, "a derived id with another key", err, events.CodeNameTaken)
	})
}

// reliability 3.4: a hostile relay swaps each field in turn, replays and redirects.
// A signal of p that another peer sends under its own name is refused, and so is one
// that the server would not even let through under p's.
// DESIGN 4: "With MOOT_ROOM_SECRET set on both sides, the signature is bound to a
// secret that the hub never sees."
func TestSignaller_RoomSecretsMustAgree(t *testing.T) {
	for _, secrets := range [][2]events.Secret{{"a", "b"}, {"a", ""}, {"", "b"}} {
		bubble(t, func(t *testing.T, h *hub) {
			x := newPair(t, h, secrets[0], secrets[1])
			defer x.close()
			_, err := x.out.Offer(t.Context(), offer("n1"))
			wantCode(t, "secrets "+secrets[0].Reveal()+","+secrets[1].Reveal(), err, events.CodeForbidden)
		})
	}
}

func TestSignaller_RefusesMoreOffersThanItCanAnswer(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		x := newPair(t, h, "", "")
		defer x.close()
		busy := h.join(h.config("busy"))
		x.keys["busy"] = busy.Key()
		in := busy.Signaller(func() uint64 { return 7 }, func(string) (string, bool) { return x.p.Key(), true })
		entered := make(chan struct{}, acceptAtOnce)
		_, err := in.Serve(func(ctx context.Context, o events.Signal) (events.Signal, error) {
			entered <- struct{}{}
			<-ctx.Done()
			return events.Signal{}, ctx.Err()
		}, func(events.Signal) {}, nil)
		must(t, err)
		must(t, busy.Conn().FlushWithContext(within(t, time.Second)))
		subject := events.SignalSubject(room, "busy", "p")
		for i := range acceptAtOnce {
			s := offer(string(rune('a' + i)))
			s.To = "busy"
			s, err := x.out.sign(s)
			must(t, err)
			data, err := json.Marshal(s)
			must(t, err)
			must(t, x.p.Conn().PublishMsg(&nats.Msg{Subject: subject, Reply: events.InboxPrefix(room, "p") + ".x", Data: data}))
			<-entered
		}
		s := offer("one more")
		s.To = "busy"
		_, err = x.out.Offer(t.Context(), s)
		wantCode(t, "one more", err, events.CodeUnavailable)
		leave(t, busy) // ends the contexts of those that wait
	})
}
