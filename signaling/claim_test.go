package signaling

import (
	"math"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

func TestClaim_VacantSeatIsGranted(t *testing.T) {
	d := newDesk(t)
	all := d.seats(3)
	d.mustLeave(all[0])
	d.now = d.now.Add(40 * time.Millisecond)
	d.mustClaim(all[1], events.EvidenceVacant)
	d.wantAdmin(all[1], 2, events.ReasonLeft)
	a := d.g.Announcement(d.r)
	if a.AdminPeerID != "worker-02" || a.PreviousAdminPeerID != "worker-01" || a.N != 2 || a.NumWorkers != 2 || a.ElectionTimeMS != 40 {
		t.Fatalf("announcement %+v", a)
	}
	if i := d.g.Info(d.r, d.facts); i.Previous != "worker-01" || i.ElectionMS != 40 || i.Reason != "left" {
		t.Fatalf("info says something else: %+v", i)
	}
	if err := a.Certificate.Verify(testRoom, d.g.HubKeys); err != nil || a.Certificate.Term != d.r.Tenure.Term {
		t.Fatalf("certificate %+v: %v", a.Certificate, err)
	}
}

func TestClaim_AlsoWhenTheClaimStillNamesTheHolder(t *testing.T) {
	d := newDesk(t)
	all := d.seats(2)
	d.mustLeave(all[0])
	d.mustClaim(all[1], events.EvidenceCrash, func(c *events.Claim) { c.Holder = all[0] })
	d.wantAdmin(all[1], 2, events.ReasonLeft)
}

func TestClaim_HoldersSignedGoodbyeOpensTheSeat(t *testing.T) {
	d := newDesk(t)
	all := d.seats(2)
	d.mustClaim(all[1], events.EvidenceLeave, func(c *events.Claim) { c.Goodbye = d.goodbye(all[0]) })
	d.wantAdmin(all[1], 2, events.ReasonLeft)
	d.wantNotices("peer.left " + all[0].String() + " left")
}

func TestClaim_ForgedGoodbyeIsRefused(t *testing.T) {
	d := newDesk(t)
	all := d.seats(2)
	forged, err := events.Goodbye{Room: testRoom, Seat: all[0]}.Sign(d.key(all[1].PeerID))
	if err != nil {
		t.Fatal(err)
	}
	other, err := events.Goodbye{Room: "other", Seat: all[0]}.Sign(d.key(all[0].PeerID))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range []events.Goodbye{forged, other, {}, d.goodbye(events.Seat{PeerID: all[0].PeerID, Incarnation: 99})} {
		d.refused(events.CodeForbidden)(d.claim(all[1], events.EvidenceLeave, func(c *events.Claim) { c.Goodbye = g }))
	}
	d.wantAdmin(all[0], 1, events.ReasonFirst)
}

func TestClaim_CrashNeedsWhatTheHubSawAndATestimony(t *testing.T) {
	d := newDesk(t)
	all := d.seats(2)
	d.refused(events.CodeHolderAlive)(d.claim(all[1], events.EvidenceCrash, good))
	d.lost(all[0], 120*time.Millisecond)
	d.refused(events.CodeHolderAlive)(d.claim(all[1], events.EvidenceCrash))
	d.mustClaim(all[1], events.EvidenceCrash, good)
	d.wantAdmin(all[1], 2, events.ReasonCrashed)
	d.wantNotices("peer.left " + all[0].String() + " crashed")
	if d.r.Tenure.ElectionMS != 120 {
		t.Fatalf("election took %v ms since the hub's first evidence", d.r.Tenure.ElectionMS)
	}
}

func TestClaim_TestimonyBounds(t *testing.T) {
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name string
		t    events.Testimony
		ok   bool
	}{
		{"answered within 6 s, silent for 100 ms", events.Testimony{AnsweredMS: 6000, RTTMS: 25, SilentMS: 100}, true},
		{"answered too long before", events.Testimony{AnsweredMS: 6001, RTTMS: 1, SilentMS: 100}, false},
		{"silent for less than 100 ms", events.Testimony{AnsweredMS: 1, RTTMS: 1, SilentMS: 99}, false},
		{"silent for less than four round trips", events.Testimony{AnsweredMS: 1, RTTMS: 50, SilentMS: 199}, false},
		{"silent for four round trips", events.Testimony{AnsweredMS: 1, RTTMS: 50, SilentMS: 200}, true},
		{"a negative round trip", events.Testimony{AnsweredMS: 1, RTTMS: -50, SilentMS: 200}, false},
		{"last answered within 6 s before the loss", events.Testimony{AnsweredMS: 4000, RTTMS: 1, SilentMS: 2200}, true},
		{"an older suspicion: answered too long before the loss", events.Testimony{AnsweredMS: 4000, RTTMS: 1, SilentMS: 2201}, false},
		{"no end to the silence", events.Testimony{AnsweredMS: 4000, RTTMS: 1, SilentMS: math.MaxInt64}, false},
		{"an answer from the future", events.Testimony{AnsweredMS: -1, RTTMS: 1, SilentMS: 200}, false},
	} {
		if got := convincing(c.t, Fact{Lost: start.Add(-200 * time.Millisecond)}, start); got != c.ok {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestClaim_LapsedLeaseAloneOpensTheSeat(t *testing.T) {
	d := newDesk(t)
	all := d.seats(2)
	d.lapsed(all[0])
	d.mustClaim(all[1], events.EvidenceLapse)
	d.wantAdmin(all[1], 2, events.ReasonSilent)
}

func TestClaim_LapseCountsOnTheHubsClockOnly(t *testing.T) {
	d := newDesk(t)
	all := d.seats(2)
	d.refused(events.CodeHolderAlive)(d.claim(all[1], events.EvidenceLapse, good))
}

func TestClaim_EvidenceAboutAnotherIncarnationIsNone(t *testing.T) {
	d := newDesk(t)
	all := d.seats(2)
	d.lapsed(events.Seat{PeerID: all[0].PeerID, Incarnation: all[0].Incarnation + 1})
	d.refused(events.CodeHolderAlive)(d.claim(all[1], events.EvidenceLapse))
}

func TestClaim_IsIdempotentForTheHolder(t *testing.T) {
	d := newDesk(t)
	all := d.seats(2)
	d.mustLeave(all[0])
	claim := func(c *events.Claim) { c.After = events.Term{Store: testStore, N: 1} }
	d.mustClaim(all[1], events.EvidenceVacant, claim)
	x, err := d.claim(all[1], events.EvidenceVacant, claim)
	if err != nil || x.Changed || x.Elected {
		t.Fatalf("repeated claim: changed %v, elected %v, %v", x.Changed, x.Elected, err)
	}
	d.wantAdmin(all[1], 2, events.ReasonLeft)
}

func TestClaim_OnlyOneWinsATerm(t *testing.T) {
	d := newDesk(t)
	all := d.seats(3)
	d.mustLeave(all[0])
	term := d.r.Tenure.Term
	d.mustClaim(all[1], events.EvidenceVacant)
	d.refused(events.CodeStaleTerm)(d.claim(all[2], events.EvidenceVacant, func(c *events.Claim) { c.After = term; c.Holder = events.Seat{} }))
}

func TestClaim_MustFollowTheRecordsTermAndNameItsHolder(t *testing.T) {
	d := newDesk(t)
	all := d.seats(3)
	d.lapsed(all[0])
	d.refused(events.CodeStaleTerm)(d.claim(all[1], events.EvidenceLapse, func(c *events.Claim) { c.After.N++ }))
	d.refused(events.CodeStaleTerm)(d.claim(all[1], events.EvidenceLapse, func(c *events.Claim) { c.After.Store = "other" }))
	d.refused(events.CodeStaleTerm)(d.claim(all[1], events.EvidenceLapse, func(c *events.Claim) { c.Holder = all[2] }))
}

func TestClaim_OnlyByALivingMembersNewestProcess(t *testing.T) {
	d := newDesk(t)
	all := d.seats(4)
	d.mustLeave(all[0])
	d.refused(events.CodeNotMember)(d.claim(all[0], events.EvidenceVacant))
	d.refused(events.CodeNotMember)(d.claim(events.Seat{PeerID: "stranger", Incarnation: 1}, events.EvidenceVacant))
	d.refused(events.CodeNotMember)(d.claim(events.Seat{PeerID: all[1].PeerID, Incarnation: 99}, events.EvidenceVacant))
	d.seat(all[1].PeerID, instance("b"))
	d.refused(events.CodeOldIncarnation)(d.claim(all[1], events.EvidenceVacant))
	d.seat(all[2].PeerID, instance("b"), withoutRegistry())
	d.refused(events.CodeForbidden)(d.claim(d.last.Seat, events.EvidenceVacant))
	_, err := d.g.Claim(d.r, d.store, all[3].PeerID, events.Claim{Seat: all[1], After: d.r.Tenure.Term}, d.facts, d.now)
	wantCode(t, err, events.CodeForbidden)
}

func TestGone_AdminsTestimonySetsACrashedMemberAway(t *testing.T) {
	d := newDesk(t)
	all := d.seats(3)
	gone := func(by, who events.Seat, term events.Term, say events.Testimony) (Decision, error) {
		return d.settle(d.g.Gone(d.r, by.PeerID, events.Gone{Seat: by, Term: term, Member: who, Testimony: say}, d.facts, d.now))
	}
	now, say := d.r.Tenure.Term, events.Testimony{AnsweredMS: 100, RTTMS: 1, SilentMS: 150}
	d.refused(events.CodeHolderAlive)(gone(all[0], all[1], now, say))
	d.lost(all[1], time.Second)
	d.refused(events.CodeHolderAlive)(gone(all[0], all[1], now, events.Testimony{}))
	d.refused(events.CodeNotAdmin)(gone(all[2], all[1], now, say))
	d.refused(events.CodeStaleTerm)(gone(all[0], all[1], events.Term{Store: testStore, N: 9}, say))
	d.refused(events.CodeInvalid)(gone(all[0], all[0], now, say))
	version := d.r.Version
	if _, err := gone(all[0], all[1], now, say); err != nil {
		t.Fatal(err)
	}
	if d.r.holds(all[1]) || d.r.Version != version+1 || d.r.member(all[1].PeerID).Away.Reason != events.ReasonCrashed {
		t.Fatalf("member %+v", d.r.member(all[1].PeerID))
	}
	d.wantNotices("peer.left " + all[1].String() + " crashed")
	if x, err := gone(all[0], all[1], now, say); err != nil || x.Changed {
		t.Fatalf("repeated testimony: changed %v, %v", x.Changed, err)
	}
}
