package session

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

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
			if err := x.send(s); err == nil || events.CodeOf(err) == events.CodeUnreachable {
				t.Errorf("%s: %v", what, err)
			}
		}
		if n := x.offers.Load(); n != 0 {
			t.Errorf("%d tampered offers accepted", n)
		}
		must(t, x.send(signed("untouched")))
	})
}

func TestSignaller_RefusesAReplayedOffer(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		x := newPair(t, h, "", "")
		defer x.close()
		s, err := x.out.sign(offer("n1"))
		must(t, err)
		must(t, x.send(s))
		wantCode(t, "again", x.send(s), events.CodeForbidden)
	})
}

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

// The wish for another offer is signed like every signal.
func TestSignaller_CarriesTheWishForAnotherOffer(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		x := newPair(t, h, "", "")
		defer x.close()
		wish := events.Signal{Kind: events.SignalRedial, To: "q", ToIncarnation: 7, Nonce: "n1"}
		forged, err := x.out.sign(wish)
		must(t, err)
		forged.Nonce = "n2"
		must(t, x.p.Publish(events.SignalSubject(room, "q", "p"), forged))
		must(t, x.out.Redial(wish))
		if r := <-x.redials; r.From != "p" || r.FromIncarnation != 3 || r.Nonce != "n1" {
			t.Errorf("%+v", r)
		}
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
		got, err := g.check("p", data, events.SignalOffer)
		if err == nil && got != seed {
			t.Fatalf("taken: %s", data)
		}
	})
}
