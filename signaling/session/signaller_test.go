package session

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// A pair is an offerer p (incarnation 3) and an answerer q (incarnation 7).
type pair struct {
	t    *testing.T
	p, q *Session
	out  *Signaller // p's
	in   *Signaller // q's
	keys map[string]string

	offers     atomic.Int64 // that q accepted
	candidates chan events.Signal
}

func newPair(t *testing.T, h *hub, secretP, secretQ string) *pair {
	t.Helper()
	p, q := h.config("p"), h.config("q")
	p.Secret, q.Secret = secretP, secretQ
	x := &pair{t: t, p: h.join(p), q: h.join(q), candidates: make(chan events.Signal, 10)}
	x.keys = map[string]string{"p": x.p.Key(), "q": x.q.Key()}
	keyOf := func(peer string) (string, bool) { k, ok := x.keys[peer]; return k, ok }
	x.out = x.p.Signaller(func() uint64 { return 3 }, keyOf)
	x.in = x.q.Signaller(func() uint64 { return 7 }, keyOf)
	_, err := x.in.Serve(x.accept, func(c events.Signal) { x.candidates <- c })
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
func (x *pair) send(s any) (events.Signal, error) {
	var answer events.Signal
	err := x.p.Request(within(x.t, time.Second), events.SignalSubject(room, "q", "p"), s, &answer)
	return answer, err
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
func TestSignaller_RefusesATamperedOffer(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		x := newPair(t, h, "", "")
		defer x.close()
		stranger, err := nkeys.CreateUser()
		must(t, err)
		strangerKey, err := stranger.PublicKey()
		must(t, err)
		signed := func(nonce string) events.Signal {
			s, err := x.out.sign(offer(nonce))
			must(t, err)
			return s
		}
		for what, change := range map[string]func(s *events.Signal){
			"version":          func(s *events.Signal) { s.V = 2 },
			"kind":             func(s *events.Signal) { s.Kind = events.SignalAnswer },
			"purpose":          func(s *events.Signal) { s.Purpose = events.PurposeJob },
			"room":             func(s *events.Signal) { s.Room = "other" },
			"from":             func(s *events.Signal) { s.From = "q" },
			"to":               func(s *events.Signal) { s.To = "p" },
			"from incarnation": func(s *events.Signal) { s.FromIncarnation++ },
			"to incarnation":   func(s *events.Signal) { s.ToIncarnation-- },
			"nonce":            func(s *events.Signal) { s.Nonce += "x" },
			"fingerprint":      func(s *events.Signal) { s.Fingerprint = "sha-256 CC" },
			"SDP":              func(s *events.Signal) { s.SDP += "\r\n" },
			"candidate":        func(s *events.Signal) { s.Candidate = "x" },
			"key":              func(s *events.Signal) { s.NKey = strangerKey },
			"signature":        func(s *events.Signal) { s.Signature = strings.ToUpper(s.Signature) },
			"no signature":     func(s *events.Signal) { s.Signature = "" },
			"stranger": func(s *events.Signal) {
				s.NKey = strangerKey
				*s, err = s.Sign(stranger, "")
				must(t, err)
			},
		} {
			s := signed("n-" + what)
			change(&s)
			if _, err := x.send(s); err == nil || events.CodeOf(err) == events.CodeUnreachable {
				t.Errorf("%s: %v", what, err)
			}
		}
		if n := x.offers.Load(); n != 0 {
			t.Errorf("%d tampered offers accepted", n)
		}
		_, err = x.send(signed("untouched"))
		must(t, err)
	})
}

func TestSignaller_RefusesAReplayedOffer(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		x := newPair(t, h, "", "")
		defer x.close()
		s, err := x.out.sign(offer("n1"))
		must(t, err)
		_, err = x.send(s)
		must(t, err)
		_, err = x.send(s)
		wantCode(t, "again", err, events.CodeForbidden)
	})
}

// A signal of p that another peer sends under its own name is refused, and so is one
// that the server would not even let through under p's.
func TestSignaller_RefusesAForeignSender(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		x := newPair(t, h, "", "")
		defer x.close()
		thief := h.join(h.config("thief"))
		defer leave(t, thief)
		s, err := x.out.sign(offer("n1"))
		must(t, err)
		err = thief.Request(within(t, time.Second), events.SignalSubject(room, "q", "thief"), s, nil)
		wantCode(t, "under its own name", err, events.CodeForbidden)
		err = thief.Request(within(t, time.Second), events.SignalSubject(room, "q", "p"), s, nil)
		wantCode(t, "under p's name", err, events.CodeUnreachable)
		if n := x.offers.Load(); n != 0 {
			t.Errorf("%d offers accepted", n)
		}
	})
}

// DESIGN 4: "With MOOT_ROOM_SECRET set on both sides, the signature is bound to a
// secret that the hub never sees."
func TestSignaller_RoomSecretsMustAgree(t *testing.T) {
	for _, secrets := range [][2]string{{"a", "b"}, {"a", ""}, {"", "b"}} {
		bubble(t, func(t *testing.T, h *hub) {
			x := newPair(t, h, secrets[0], secrets[1])
			defer x.close()
			_, err := x.out.Offer(t.Context(), offer("n1"))
			wantCode(t, "secrets "+strings.Join(secrets[:], ","), err, events.CodeForbidden)
		})
	}
}

func TestSignaller_RefusesATamperedAnswer(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		x := newPair(t, h, "", "")
		defer x.close()
		o, err := x.out.sign(offer("n1"))
		must(t, err)
		a, err := x.accept(t.Context(), o)
		must(t, err)
		signed, err := x.in.sign(a)
		must(t, err)
		must(t, x.out.checkAnswer(o, signed))
		for what, change := range map[string]func(s *events.Signal){
			"kind":             func(s *events.Signal) { s.Kind = events.SignalOffer },
			"purpose":          func(s *events.Signal) { s.Purpose = events.PurposeJob },
			"room":             func(s *events.Signal) { s.Room = "other" },
			"from":             func(s *events.Signal) { s.From = "x" },
			"to":               func(s *events.Signal) { s.To = "x" },
			"from incarnation": func(s *events.Signal) { s.FromIncarnation++ },
			"to incarnation":   func(s *events.Signal) { s.ToIncarnation++ },
			"nonce":            func(s *events.Signal) { s.Nonce = "n2" },
			"fingerprint":      func(s *events.Signal) { s.Fingerprint = "sha-256 CC" },
			"SDP":              func(s *events.Signal) { s.SDP = "" },
			"key":              func(s *events.Signal) { s.NKey = x.p.Key() },
		} {
			s := signed
			change(&s)
			if x.out.checkAnswer(o, s) == nil {
				t.Errorf("%s: taken", what)
			}
			resigned, err := s.Sign(x.q.Signer(), "")
			must(t, err)
			if err := x.out.checkAnswer(o, resigned); err == nil && what != "fingerprint" && what != "SDP" {
				t.Errorf("%s, signed by the answerer: taken", what)
			}
		}
	})
}

func TestSignaller_DropsATamperedCandidate(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		x := newPair(t, h, "", "")
		defer x.close()
		good, err := x.out.sign(events.Signal{Kind: events.SignalCandidate, To: "q", ToIncarnation: 7, Nonce: "n1", Candidate: "good"})
		must(t, err)
		bad := good
		bad.Candidate = "bad"
		subject := events.SignalSubject(room, "q", "p")
		must(t, x.p.Publish(subject, bad))
		must(t, x.p.Conn().PublishMsg(&nats.Msg{Subject: subject, Data: []byte("{")}))
		must(t, x.p.Publish(subject, good))
		if c := <-x.candidates; c.Candidate != "good" {
			t.Errorf("candidate %q", c.Candidate)
		}
	})
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
		}, func(events.Signal) {})
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

func TestNonces_RememberTheNewest(t *testing.T) {
	n := newNonces(2)
	must(t, n.add("a"))
	must(t, n.add("b"))
	if n.add("a") == nil || n.add("b") == nil {
		t.Error("forgot too early")
	}
	must(t, n.add("c"))
	must(t, n.add("a"))
	if n.add("c") == nil || len(n.set) > 2 {
		t.Errorf("remembers %v", n.set)
	}
}

func FuzzSignal(f *testing.F) {
	key, err := nkeys.CreateUser()
	must(f, err)
	public, err := key.PublicKey()
	must(f, err)
	s := &Session{cfg: Config{Room: room}, peer: "q"}
	g := s.Signaller(func() uint64 { return 7 }, func(peer string) (string, bool) { return public, peer == "p" })
	seed := offer("n")
	seed.V, seed.Room, seed.From, seed.NKey = events.ProtocolVersion, room, "p", public
	seed, err = seed.Sign(key, "")
	must(f, err)
	data, err := json.Marshal(seed)
	must(f, err)
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := g.check("p", events.SignalOffer, data)
		if err == nil && got != seed {
			t.Fatalf("taken: %s", data)
		}
	})
}
