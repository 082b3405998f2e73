package signaling

import (
	"strings"
	"testing"

	"github.com/moothall/moothall/events"
)

func TestRegister_ReturnsAllWorkersInRoomWithMetadata(t *testing.T) {
	d := newDesk(t)
	d.seat("worker-1", memory(16000))
	d.seat("worker-2", memory(24000))
	a := d.g.Registered(d.r, d.seat("worker-3"), d.facts)
	if len(a.Peers) != 2 || a.Peers[0].PeerID != "worker-1" || a.Peers[1].Metadata.Properties.GPUMemoryMB != 24000 {
		t.Fatalf("peers %+v", a.Peers)
	}
	if a.Type != "registered_auth" || a.RoomID != testRoom || a.PeerID != "worker-3" {
		t.Fatalf("reply %+v", a)
	}
}

func TestRegister_ExcludesSelfFromPeers(t *testing.T) {
	d := newDesk(t)
	d.seat("worker-1")
	again := d.seat("worker-1")
	if a := d.g.Registered(d.r, again, d.facts); len(a.Peers) != 0 {
		t.Fatalf("peers %+v of a worker alone", a.Peers)
	}
}

func TestRegister_IncludesAdminPeerIDInResponse(t *testing.T) {
	d := newDesk(t)
	d.seat("worker-1")
	a := d.g.Registered(d.r, d.seat("worker-2"), d.facts)
	if a.AdminPeerID != "worker-1" || !a.Peers[0].IsAdmin {
		t.Fatalf("admin %q, peers %+v", a.AdminPeerID, a.Peers)
	}
	if err := a.Certificate.Verify(testRoom, a.SeatKeys); err != nil || a.Certificate.Seat != d.r.Admin() {
		t.Fatalf("seat certificate %+v: %v", a.Certificate, err)
	}
}

func TestRegister_GivesAMemberCertificate(t *testing.T) {
	d := newDesk(t)
	s := d.seat("worker-1")
	c := d.g.Registered(d.r, s, d.facts).MemberCertificate
	if err := c.Verify(testRoom, d.g.HubKeys); err != nil || c.Seat != s || c.Key != publicKey(t, d.key("worker-1")) {
		t.Fatalf("member certificate %+v: %v", c, err)
	}
}

func TestRegister_LeavesOutPeersThatAreAway(t *testing.T) {
	d := newDesk(t)
	all := d.seats(3)
	d.mustLeave(all[1])
	if a := d.g.Registered(d.r, d.seat("worker-01"), d.facts); len(a.Peers) != 1 {
		t.Fatalf("peers %+v", a.Peers)
	}
}

func TestRegister_FirstWorkerBecomesAdminInTermOne(t *testing.T) {
	d := newDesk(t)
	s := d.seat("worker-1")
	d.wantAdmin(s, 1, events.ReasonFirst)
	if d.r.Tenure.ElectionMS != 0 || !d.last.Elected || d.r.Tenure.Store != testStore {
		t.Fatalf("tenure %+v", d.r.Tenure)
	}
}

func TestRegister_StrongerJoinerDoesNotUnseatTheAdmin(t *testing.T) {
	d := newDesk(t)
	first := d.seat("worker-1", memory(8000))
	d.seat("worker-2", memory(80000))
	d.wantAdmin(first, 1, events.ReasonFirst)
}

func TestRegister_FirstOfAnEmptiedRoomTakesTheNextTerm(t *testing.T) {
	d := newDesk(t)
	d.mustLeave(d.seat("worker-1"))
	s := d.seat("worker-2")
	d.wantAdmin(s, 2, events.ReasonFirst)
	if d.r.Tenure.Previous != "worker-1" {
		t.Fatalf("previous %q", d.r.Tenure.Previous)
	}
}

func TestRegister_VacantSeatWithMembersWaitsForAClaim(t *testing.T) {
	d := newDesk(t)
	all := d.seats(2)
	d.mustLeave(all[0])
	d.seat("worker-3")
	d.wantVacant(events.ReasonLeft)
}

func TestRegister_WorkerWithoutRegistryIsNeverAdmin(t *testing.T) {
	d := newDesk(t)
	d.seat("worker-1", withoutRegistry())
	if !d.r.Admin().IsZero() {
		t.Fatalf("admin %s", d.r.Admin())
	}
	d.wantAdmin(d.seat("worker-2"), 1, events.ReasonFirst)
}

func TestRegister_SameInstanceKeepsItsIncarnation(t *testing.T) {
	d := newDesk(t)
	s := d.seat("worker-1")
	version := d.r.Version
	x, err := d.register("worker-1")
	if err != nil || x.Seat != s || x.Changed || d.r.Version != version {
		t.Fatalf("a retry gave %s (changed %v): %v", x.Seat, x.Changed, err)
	}
	d.wantNotices()
}

// The store was put back to a copy in which the process has an earlier seat.
func TestRegister_SameInstanceGetsALaterSeatThanItHad(t *testing.T) {
	d := newDesk(t)
	old := d.seat("worker-1")
	s := d.seat("worker-1", lastSeen(7))
	if s.Incarnation != 8 || d.r.Here() != 1 {
		t.Fatalf("%s after #7, %d here", s, d.r.Here())
	}
	d.wantNotices("peer.left "+old.String()+" replaced", "peer.joined "+s.String()+" ")
	if again := d.seat("worker-1", lastSeen(8)); again != s {
		t.Errorf("a retry gave %s", again)
	}
}

func TestRegister_NewMetadataOfTheSameInstanceRaisesTheMembersVersion(t *testing.T) {
	d := newDesk(t)
	d.seat("worker-1", memory(1))
	version := d.r.Version
	d.seat("worker-1", memory(2))
	if d.r.Version != version+1 || d.r.member("worker-1").Metadata.Properties.GPUMemoryMB != 2 {
		t.Fatalf("version %d, members %+v", d.r.Version, d.r.Members)
	}
}

func TestRegister_AnotherInstanceTakesTheSeatOverWithAHigherIncarnation(t *testing.T) {
	d := newDesk(t)
	d.seat("worker-1")
	old := d.seat("worker-2")
	s := d.seat("worker-2", instance("b"))
	if s.Incarnation <= old.Incarnation || d.r.Here() != 2 {
		t.Fatalf("%s after %s, %d here", s, old, d.r.Here())
	}
	d.wantNotices("peer.left "+old.String()+" replaced", "peer.joined "+s.String()+" ")
}

func TestRegister_IncarnationIsAboveTheSerialAndThePeersLast(t *testing.T) {
	d := newDesk(t)
	d.seats(4)
	if s := d.seat("worker-x"); s.Incarnation != 5 {
		t.Fatalf("%s, want above the serial 4", s)
	}
	if s := d.seat("worker-y", lastSeen(70)); s.Incarnation != 71 {
		t.Fatalf("%s, want above 70", s)
	}
	if s := d.seat("worker-z"); s.Incarnation != 7 {
		t.Fatalf("%s: a peer's own claim must not move the serial", s)
	}
}

func TestRegister_ReplacedInstanceCannotTakeTheSeatBack(t *testing.T) {
	d := newDesk(t)
	d.seat("worker-1", instance("a"))
	d.seat("worker-1", instance("b"))
	d.refused(events.CodeOldIncarnation)(d.register("worker-1", instance("a")))
}

func TestRegister_NewIncarnationOfTheAdminVacatesItsSeat(t *testing.T) {
	d := newDesk(t)
	all := d.seats(2)
	d.seat(all[0].PeerID, instance("b"))
	d.wantVacant(events.ReasonReplaced)
}

func TestRegister_RestartedAdminOfARoomOfOneIsAdminAgain(t *testing.T) {
	d := newDesk(t)
	d.seat("worker-1")
	s := d.seat("worker-1", instance("b"))
	d.wantAdmin(s, 2, events.ReasonFirst)
}

func TestRegister_AwaySeatComesBackAsItself(t *testing.T) {
	d := newDesk(t)
	all := d.seats(2)
	d.mustLeave(all[1])
	back := d.seat("worker-02")
	if back != all[1] || !d.r.holds(back) {
		t.Fatalf("%s came back as %s", all[1], back)
	}
	d.wantNotices("peer.joined " + back.String() + " ")
}

func TestRegister_AwaySeatIsForgottenAfterThirtyDays(t *testing.T) {
	d := newDesk(t)
	all := d.seats(2)
	d.mustLeave(all[1])
	d.now = d.now.Add(events.AwayKept - 1)
	d.seat("worker-03")
	if d.r.member("worker-02") == nil {
		t.Fatal("forgotten before thirty days")
	}
	d.now = d.now.Add(1)
	d.seat("worker-04")
	if d.r.member("worker-02") != nil {
		t.Fatal("remembered after thirty days")
	}
}

func TestRegister_EleventhWorkerIsRejected(t *testing.T) {
	d := newDesk(t)
	if d.g.Limits.MaxWorkers != 10 {
		t.Fatalf("limit %d", d.g.Limits.MaxWorkers)
	}
	d.seats(10)
	before := d.r
	_, err := d.register("worker-11")
	if e := events.AsError(err); e.Code != events.CodeRoomFull || e.Message != `room "lab" is full: 10 of 10 workers` || e.Try == "" {
		t.Fatalf("%+v", e)
	}
	if d.r.Version != before.Version || d.r.Here() != 10 {
		t.Fatal("the room was harmed")
	}
	d.seat("worker-10") // whoever is in may ask again
}

func TestRegister_WorkersWithoutRegistryCountForTheCap(t *testing.T) {
	d := newDesk(t)
	for _, s := range d.seats(10)[5:] {
		d.seat(s.PeerID, instance("old"), withoutRegistry())
	}
	d.refused(events.CodeRoomFull)(d.register("worker-11"))
}

func TestRegister_AwaySeatCountsForNoCap(t *testing.T) {
	d := newDesk(t)
	all := d.seats(10)
	d.mustLeave(all[3])
	d.seat("worker-11")
	d.refused(events.CodeRoomFull)(d.register(all[3].PeerID))
}

func TestRegister_SeatedFromTheWarningOnIsReported(t *testing.T) {
	d := newDesk(t)
	d.seats(8)
	if !d.last.Seated || d.last.Record.Here() != events.WarnWorkersPerRoom {
		t.Fatalf("seated %v, here %d", d.last.Seated, d.last.Record.Here())
	}
	d.seat("worker-08")
	if d.last.Seated {
		t.Fatal("a retry fills no seat")
	}
}

func TestRegister_EffectiveRegistryNeedsPeerAndRoom(t *testing.T) {
	d := newDesk(t)
	d.g.RolloutPercent = 0
	s := d.seat("worker-1")
	if d.g.Registered(d.r, s, d.facts).Registry || !d.r.Admin().IsZero() {
		t.Fatal("registry in effect in a room outside the rollout")
	}
}

func TestRegister_RoomTakenOutOfTheRolloutHasNoAdmin(t *testing.T) {
	d := newDesk(t)
	d.seats(2)
	d.g.RolloutPercent = 0
	d.seat("worker-01")
	d.wantVacant(events.ReasonReplaced)
}

func TestRollout_SharesRoomsByHash(t *testing.T) {
	in := 0
	for i := range 1000 {
		g := Registry{RolloutPercent: 10}
		room := strings.Repeat("r", i%7+1) + string(rune('a'+i%26)) + strings.Repeat("x", i/26)
		if g.InRollout(room) {
			in++
			if g.RolloutPercent = 50; !g.InRollout(room) {
				t.Fatalf("room %q fell out of a growing rollout", room)
			}
		}
	}
	if in < 50 || in > 150 {
		t.Fatalf("%d of 1000 rooms in a rollout of 10 percent", in)
	}
}

func TestRegister_RefusesWhatIsOutOfBounds(t *testing.T) {
	for name, how := range map[string]with{
		"no instance":      instance(""),
		"long instance":    instance(strings.Repeat("x", maxInstance+1)),
		"huge incarnation": lastSeen(maxIncarnation),
		"no key":           nkeyOf("x"),
		"derived status":   reporting("departed"),
		"negative memory":  memory(-1),
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.refused(events.CodeInvalid)(d.register("worker-1", how))
		})
	}
}

// A join is no reason to write the record, even when there are seats to be forgotten: the
// next change forgets them.
func TestBind_ToForgetIsNoReasonToWrite(t *testing.T) {
	d := newDesk(t)
	d.g.Limits.MaxWorkers = MaxSeats
	for _, s := range d.seats(maxAway + 1) {
		d.mustLeave(s)
	}
	away := func(r Record) int { return len(r.Members) - r.Here() }
	if n := away(d.r); n != maxAway+1 {
		t.Fatalf("%d seats are away", n)
	}
	key := publicKey(t, newKey(t))
	peer := events.DerivedID(events.RoleWorker, key)
	x, err := d.g.Bind(d.r, peer, key, d.now)
	if err != nil || x.Changed || away(x.Record) != maxAway+1 {
		t.Errorf("changed: %v, %d away, %v", x.Changed, away(x.Record), err)
	}
	d.seat("worker-99")
	if n := away(d.r); n != maxAway {
		t.Errorf("after a change %d are away", n)
	}
}
