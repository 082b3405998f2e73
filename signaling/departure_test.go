package signaling

import (
	"fmt"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

func TestLeave_SetsTheSeatAwayAndVacatesTheAdmins(t *testing.T) {
	d := newDesk(t)
	all := d.seats(2)
	version := d.r.Version
	d.mustLeave(all[0])
	d.wantVacant(events.ReasonLeft)
	d.wantNotices("peer.left " + all[0].String() + " left")
	if d.r.Version != version+1 || d.r.Here() != 1 {
		t.Fatalf("version %d, %d here", d.r.Version, d.r.Here())
	}
	if x, err := d.leave(all[0]); err != nil || x.Changed {
		t.Fatalf("repeated goodbye: changed %v, %v", x.Changed, err)
	}
}

func TestLeave_NeedsTheSeatsOwnSignature(t *testing.T) {
	d := newDesk(t)
	all := d.seats(2)
	forged, err := events.Goodbye{Room: testRoom, Seat: all[0]}.Sign(newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	d.refused(events.CodeForbidden)(d.settle(d.g.Leave(d.r, all[0].PeerID, events.Leave{Goodbye: forged}, d.facts, d.now)))
	d.refused(events.CodeForbidden)(d.settle(d.g.Leave(d.r, all[1].PeerID, events.Leave{Goodbye: d.goodbye(all[0])}, d.facts, d.now)))
	if d.r.Here() != 2 {
		t.Fatalf("%d here", d.r.Here())
	}
}

func TestLeave_OfAReplacedProcessHarmsNoNewerOne(t *testing.T) {
	d := newDesk(t)
	old := d.seat("worker-1")
	d.seat("worker-1", instance("b"))
	d.refused(events.CodeOldIncarnation)(d.leave(old))
}

func TestLapse_SetsEverySilentSeatAway(t *testing.T) {
	d := newDesk(t)
	all := d.seats(3)
	d.lapsed(all[0])
	d.lapsed(all[2])
	if _, err := d.settle(d.g.Lapse(d.r, d.facts, d.now), nil); err != nil {
		t.Fatal(err)
	}
	d.wantVacant(events.ReasonSilent)
	d.wantNotices("peer.left "+all[0].String()+" silent", "peer.left "+all[2].String()+" silent")
}

func TestLapse_ElectionTimeBeginsWithTheFirstEvidence(t *testing.T) {
	d := newDesk(t)
	all := d.seats(2)
	d.facts[all[0].PeerID] = Fact{Incarnation: all[0].Incarnation, Lost: d.now.Add(-14 * time.Second), Lapsed: d.now}
	_, _ = d.settle(d.g.Lapse(d.r, d.facts, d.now), nil)
	d.now = d.now.Add(150 * time.Millisecond)
	d.mustClaim(all[1], events.EvidenceVacant)
	if d.r.Tenure.ElectionMS != 14150 {
		t.Fatalf("election took %v ms", d.r.Tenure.ElectionMS)
	}
}

func TestPresence_SuspectSeatIsToldAndSoIsItsReturn(t *testing.T) {
	d := newDesk(t)
	s := d.seat("worker-1")
	d.lost(s, 0)
	_, _ = d.settle(d.g.Presence(d.r, "worker-1", d.facts), nil)
	d.wantNotices("peer.suspect " + s.String() + " crashed")
	if i := d.g.Info(d.r, d.facts); !i.Peers[0].Suspect {
		t.Fatalf("info shows %+v", i.Peers[0])
	}
	d.facts = Facts{}
	_, _ = d.settle(d.g.Presence(d.r, "worker-1", d.facts), nil)
	d.wantNotices("peer.joined " + s.String() + " ")
	_, _ = d.settle(d.g.Presence(d.r, "nobody", d.facts), nil)
	d.wantNotices()
}

func TestRecord_RemembersTheLastAwaySeatsOnly(t *testing.T) {
	d := newDesk(t)
	for i := range maxAway + 3 {
		d.now = d.now.Add(time.Second)
		d.mustLeave(d.seat(events.DerivedID(events.RoleWorker, publicKey(t, d.key(derived(d, i)))), nkeyOf(publicKey(t, d.key(derived(d, i))))))
	}
	d.seat("worker-1")
	if away := len(d.r.Members) - d.r.Here(); away != maxAway {
		t.Fatalf("%d away seats remembered, want %d", away, maxAway)
	}
	if d.r.member(derived(d, 0)) != nil || d.r.member(derived(d, maxAway+2)) == nil {
		t.Fatal("not the longest gone was forgotten")
	}
}

// derived is the id of the i-th of many peers whose ids follow from their keys.
func derived(d *desk, i int) string {
	k := d.key(fmt.Sprintf("seed-%d", i))
	id := events.DerivedID(events.RoleWorker, publicKey(d.t, k))
	d.keys[id] = k
	return id
}
