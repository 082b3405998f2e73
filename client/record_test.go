package client

import (
	"log/slog"
	"testing"

	"github.com/nats-io/nkeys"

	"github.com/moothall/moothall/events"
)

const store = "1763000000000-00000001"

// A fakeHub signs seat certificates.
type fakeHub struct {
	t   *testing.T
	key nkeys.KeyPair
}

func newFakeHub(t *testing.T) fakeHub {
	t.Helper()
	key, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	return fakeHub{t, key}
}

func (h fakeHub) public() []string {
	public, err := h.key.PublicKey()
	if err != nil {
		h.t.Fatal(err)
	}
	return []string{public}
}

func (h fakeHub) certificate(n uint64, s events.Seat) events.SeatCertificate {
	c, err := events.SeatCertificate{Room: "lab", Term: events.Term{Store: store, N: n}, Seat: s}.Sign(h.key)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (h fakeHub) announcement(n uint64, peer string) events.Announcement {
	s := events.Seat{PeerID: peer, Incarnation: n}
	return events.Announcement{
		Type: events.TypeAnnouncement, RoomID: "lab", AdminPeerID: peer, Incarnation: n,
		Term: events.Term{Store: store, N: n}, Certificate: h.certificate(n, s),
	}
}

// record is what a client knows that joined in term 5 of a.
func (h fakeHub) record() *record {
	return newRecord("lab", events.JoinReply{Standing: standing(5, "a"), SeatKeys: h.public()}, slog.New(slog.DiscardHandler))
}

func standing(n uint64, peer string) events.Standing {
	s := events.Standing{Term: events.Term{Store: store, N: n}, AdminPeerID: peer}
	if peer != "" {
		s.AdminIncarnation = n
	}
	return s
}

func TestRecord_RefusesAnAnswerOfALowerTerm(t *testing.T) {
	h := newFakeHub(t)
	r := h.record()
	err := r.answer(standing(4, "z"), h.certificate(4, events.Seat{PeerID: "z", Incarnation: 4}))
	if events.CodeOf(err) != events.CodeStaleTerm {
		t.Errorf("an answer of term 4 in term 5 gives %v", err)
	}
}

func TestRecord_BelievesAHigherTermOnTheHubsCertificateOnly(t *testing.T) {
	h, liar := newFakeHub(t), newFakeHub(t)
	seat := events.Seat{PeerID: "b", Incarnation: 6}
	refusedOnes := map[string]events.SeatCertificate{
		"no certificate":       {},
		"signed by a stranger": liar.certificate(6, seat),
		"another term's":       h.certificate(7, seat),
		"another seat's":       h.certificate(6, events.Seat{PeerID: "c", Incarnation: 6}),
	}
	for name, c := range refusedOnes {
		r := h.record()
		if err := r.answer(standing(6, "b"), c); events.CodeOf(err) != events.CodeForbidden {
			t.Errorf("%s: %v", name, err)
		}
		if r.now() != standing(5, "a") {
			t.Errorf("%s: the accepted term is now %v", name, r.now())
		}
	}
	r := h.record()
	if err := r.answer(standing(6, "b"), h.certificate(6, seat)); err != nil || r.now() != standing(6, "b") {
		t.Errorf("the hub's certificate: %v, accepted %v", err, r.now())
	}
}

func TestRecord_RefusesTwoAdminsInOneTerm(t *testing.T) {
	h := newFakeHub(t)
	err := h.record().answer(standing(5, "b"), h.certificate(5, events.Seat{PeerID: "b", Incarnation: 5}))
	if events.CodeOf(err) != events.CodeForbidden {
		t.Errorf("another admin in the accepted term gives %v", err)
	}
}

func TestRecord_AcceptedTermNeverFalls(t *testing.T) {
	h := newFakeHub(t)
	r := h.record()
	r.learn(standing(4, "old"), nil)
	if r.now() != standing(5, "a") {
		t.Errorf("a lagging hub put %v in place", r.now())
	}
	r.learn(standing(5, ""), nil)
	if r.now().AdminPeerID != "" {
		t.Error("the hub says that the seat is vacant")
	}
}

// Each change is passed on once and in the order of terms.
func TestWatchAdmin_EachChangeOnceAndInOrder(t *testing.T) {
	h := newFakeHub(t)
	r := h.record()
	w := r.read(false)
	for _, n := range []uint64{5, 6, 6, 8, 7, 8, 9} {
		if err := r.announce(h.announcement(n, "peer")); err != nil {
			t.Fatal(err)
		}
	}
	r.drop(w)
	var got []uint64
	for a := range w.changes {
		got = append(got, a.N)
	}
	if len(got) != 3 || got[0] != 6 || got[1] != 8 || got[2] != 9 {
		t.Errorf("passed on terms %v, want 6 8 9", got)
	}
}

func TestWatchAdmin_RefusesAnAnnouncementThatTheHubDidNotSign(t *testing.T) {
	h, liar := newFakeHub(t), newFakeHub(t)
	r := h.record()
	w := r.read(false)
	if err := r.announce(liar.announcement(6, "evil")); err == nil {
		t.Error("no error")
	}
	if len(w.changes) != 0 || r.now() != standing(5, "a") {
		t.Errorf("passed on %d, accepted %v", len(w.changes), r.now())
	}
}

func TestWatchAdmin_AReaderThatLagsLosesTheOldest(t *testing.T) {
	h := newFakeHub(t)
	r := h.record()
	w := r.read(false)
	for n := uint64(6); n < 6+maxLag+3; n++ {
		if err := r.announce(h.announcement(n, "peer")); err != nil {
			t.Fatal(err)
		}
	}
	if first := <-w.changes; first.N != 9 {
		t.Errorf("the oldest kept is term %d, want 9", first.N)
	}
}

func TestRecord_ForgetsAKeyThatAnIDContradicts(t *testing.T) {
	h := newFakeHub(t)
	key, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	r := h.record()
	r.know(events.DerivedID(events.RoleWorker, "another key"), public)
	r.know("gpu-1", public)
	if k, ok := r.nkey("gpu-1"); !ok || k != public {
		t.Error("a chosen id's key is forgotten")
	}
	if len(r.nkeys) != 1 {
		t.Errorf("%d keys known, want 1", len(r.nkeys))
	}
}
