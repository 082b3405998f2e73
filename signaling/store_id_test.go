package signaling

import (
	"testing"

	"github.com/moothall/moothall/events"
)

// proof is a genuine certificate of a term that this store may never have reached.
func (d *desk) proof(store string, n uint64, s events.Seat) events.SeatCertificate {
	c, err := events.SeatCertificate{Room: testRoom, Term: events.Term{Store: store, N: n}, Seat: s, Key: "key"}.Sign(d.g.Hub)
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

func TestStore_WipedOneTakesACreationTimeAboveTheCertified(t *testing.T) {
	d := newDesk(t)
	later := events.StoreID(d.now.UnixMilli()+5000, 7) // its clock was ahead of ours
	s := d.seat("worker-1", proving(d.proof(later, 4, events.Seat{PeerID: "worker-9", Incarnation: 3})))
	d.wantAdmin(s, 1, events.ReasonFirst)
	if d.r.Tenure.Store <= later {
		t.Fatalf("term of store %s does not follow %s", d.r.Tenure.Store, later)
	}
}

func TestStore_RestoredOneGivesNoTermTwice(t *testing.T) {
	d := newDesk(t)
	all := d.seats(2) // as restored: term 1
	d.seat(all[1].PeerID, proving(d.proof(testStore, 7, all[1])))
	d.wantVacant(events.ReasonReplaced)
	if got := d.r.Standing().Term; got.Compare(events.Term{Store: testStore, N: 7}) <= 0 {
		t.Fatalf("standing at term %s", got)
	}
	d.mustClaim(all[1], events.EvidenceVacant)
	if got := d.r.Tenure.Term; got.Compare(events.Term{Store: testStore, N: 7}) <= 0 {
		t.Fatalf("term %s was given again", got)
	}
}

func TestStore_AnotherAdminOfTheSameTermShowsARestoredStore(t *testing.T) {
	d := newDesk(t)
	all := d.seats(2)
	d.seat(all[1].PeerID, proving(d.proof(testStore, 1, all[1])))
	d.wantVacant(events.ReasonReplaced)
}

func TestStore_TheVacancyOfItsTermShowsARestoredStore(t *testing.T) {
	d := newDesk(t)
	all := d.seats(2)
	d.seat(all[1].PeerID, proving(d.proof(testStore, 1, events.Seat{})))
	d.wantVacant(events.ReasonReplaced)
}

func TestCertificate_SaysWhoIsAdminOrThatNobodyIs(t *testing.T) {
	d := newDesk(t)
	all := d.seats(2)
	for i, want := range []events.Seat{all[0], {}} {
		if i == 1 {
			d.mustLeave(all[0])
		}
		told := map[string]events.SeatCertificate{
			"an answer":        d.g.Ack(d.r).Certificate,
			"a presence event": d.g.PeerEvent(d.r, Notice{Event: events.EventPeerLeft, Seat: all[0]}, nil, d.now).Certificate,
		}
		for what, c := range told {
			if err := c.Verify(testRoom, d.g.HubKeys); err != nil || c.Term != d.r.Tenure.Term || c.Seat != want {
				t.Errorf("%s tells of term %s with %+v, %v; want %s", what, d.r.Tenure.Term, c, err, want)
			}
		}
	}
}

func TestStore_OrdinaryCertificatesChangeNothing(t *testing.T) {
	d := newDesk(t)
	all := d.seats(2)
	own := d.g.Certificate(d.r)
	older := d.proof(events.StoreID(1, 1), 900, all[1])
	forged := d.proof(testStore, 900, all[1])
	forged.N++
	for _, c := range []events.SeatCertificate{own, older, forged, {}} {
		d.seat(all[1].PeerID, proving(c))
		d.wantAdmin(all[0], 1, events.ReasonFirst)
		if d.store != testStore {
			t.Fatalf("certificate %+v changed the store's id", c)
		}
	}
}

func TestAbove_IsLaterThanClockAndCertificate(t *testing.T) {
	d := newDesk(t)
	shown := events.StoreID(d.now.UnixMilli()+1000, 0xffffffff)
	if id := Above(shown, d.now, 0); id <= shown {
		t.Fatalf("%s is not above %s", id, shown)
	}
	if id := Above("", d.now, 5); events.StoreTime(id) != d.now.UnixMilli() {
		t.Fatalf("a fresh store's id is %s", id)
	}
}
