package replica

import (
	"slices"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/election"
	"github.com/moothall/moothall/worker/liveness"
	"github.com/moothall/moothall/worker/roster"
	"github.com/nats-io/nkeys"
)

const store = "1893456000000-00000001"

// A driver steps one replica by hand: it is the hub, the mesh and the clock.
type driver struct {
	t       testing.TB
	now     time.Time
	hub     nkeys.KeyPair
	keys    map[string]nkeys.KeyPair
	replica *Replica
	view    *View
}

func key(t testing.TB) nkeys.KeyPair {
	t.Helper()
	k, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func public(k nkeys.KeyPair) string {
	p, err := k.PublicKey()
	if err != nil {
		panic(err)
	}
	return p
}

// newDriver registers worker-b in a room where worker-a, the admin of term 1, and
// worker-c are linked to it.
func newDriver(t testing.TB) *driver {
	t.Helper()
	d := &driver{t: t, now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), hub: key(t), keys: map[string]nkeys.KeyPair{}}
	for _, id := range []string{"worker-a", "worker-b", "worker-c"} {
		d.keys[id] = key(t)
	}
	d.replica = New(Config{
		Room: "lab", PeerID: "worker-b", Key: d.keys["worker-b"], HubKeys: []string{public(d.hub)},
		Static: roster.Static{Slots: 1, Metadata: metadata(16000)},
	})
	d.step(Registered{events.RegisteredAuth{
		RoomID: "lab", PeerID: "worker-b", Incarnation: 2, Peers: []events.PeerInfo{d.peer("worker-a", 1), d.peer("worker-c", 3)},
		Standing: standing(1, "worker-a", 1), Certificate: d.certificate(1, "worker-a", 1),
		MemberCertificate: d.member("worker-b", 2), Registry: true, Limits: events.DefaultLimits(), SeatKeys: []string{public(d.hub)},
	}})
	d.open(seat("worker-a", 1))
	d.open(seat("worker-c", 3))
	d.step(Quiet{})
	return d
}

// open opens a link, and the other end answers what it is asked at once.
func (d *driver) open(s events.Seat) {
	d.step(LinkUp{s, "direct"})
	for nonce, p := range d.replica.pings {
		if p.peer == s.PeerID {
			d.frame(s, events.FramePong, events.Ping{Nonce: nonce})
		}
	}
}

func metadata(mb int64) events.Metadata {
	return events.Metadata{Properties: events.Properties{GPUMemoryMB: mb}}
}

func seat(id string, inc uint64) events.Seat { return events.Seat{PeerID: id, Incarnation: inc} }

func standing(n uint64, admin string, inc uint64) events.Standing {
	return events.Standing{Term: events.Term{Store: store, N: n}, AdminPeerID: admin, AdminIncarnation: inc, MembersVersion: 10}
}

func (d *driver) certificate(n uint64, id string, inc uint64) events.SeatCertificate {
	return d.certify(events.SeatCertificate{Room: "lab", Term: events.Term{Store: store, N: n}, Seat: seat(id, inc), Key: public(d.keys[id])})
}

func (d *driver) vacant(n uint64) events.SeatCertificate {
	return d.certify(events.SeatCertificate{Room: "lab", Term: events.Term{Store: store, N: n}})
}

func (d *driver) certify(c events.SeatCertificate) events.SeatCertificate {
	c, err := c.Sign(d.hub)
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

func (d *driver) member(id string, inc uint64) events.MemberCertificate {
	c, err := events.MemberCertificate{Room: "lab", Seat: seat(id, inc), Key: public(d.keys[id])}.Sign(d.hub)
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

func (d *driver) peer(id string, inc uint64) events.PeerInfo {
	return events.PeerInfo{Seat: seat(id, inc), NKey: public(d.keys[id]), Registry: true, Metadata: metadata(16000), Certificate: d.member(id, inc)}
}

// step steps the replica and keeps the view that it shows.
func (d *driver) step(in Input) []Output {
	out := d.replica.Step(d.now, in)
	for _, o := range out {
		if s, ok := o.(Show); ok {
			d.view = s.View
		}
	}
	return out
}

// quiet steps until nothing waits and returns the view.
func (d *driver) quiet() *View {
	d.step(Quiet{})
	return d.view
}

func (d *driver) pass(t time.Duration) []Output {
	d.now = d.now.Add(t)
	return d.step(Tick{})
}

// awake passes time as a process does that steps whenever it wants to.
func (d *driver) awake(t time.Duration) []Output {
	var out []Output
	end := d.now.Add(t)
	for next := d.replica.Next(); next.Before(end); next = d.replica.Next() {
		out = append(out, d.pass(next.Sub(d.now))...)
	}
	return append(out, d.pass(end.Sub(d.now))...)
}

func (d *driver) frame(from events.Seat, t events.FrameType, v any) []Output {
	return d.step(Frame{from, events.Pack(t, v)})
}

// only are the outputs of one type.
func only[T Output](out []Output) []T {
	var found []T
	for _, o := range out {
		if t, ok := o.(T); ok {
			found = append(found, t)
		}
	}
	return found
}

func sent(out []Output, to string, t events.FrameType) bool {
	return slices.ContainsFunc(only[Send](out), func(s Send) bool { return s.To == to && events.FrameType(s.Frame[0]) == t })
}

func (d *driver) elect(n uint64, id string, inc uint64) []Output {
	s := standing(n, id, inc)
	out := d.step(Announced{events.Announcement{
		RoomID: "lab", Term: s.Term, AdminPeerID: id, Incarnation: inc, MembersVersion: 10, Certificate: d.certificate(n, id, inc),
	}})
	return append(out, d.step(Quiet{})...)
}

func (d *driver) presence(kind string, s events.Seat, reason string, st events.Standing) []Output {
	cert := d.vacant(st.Term.N)
	if st.AdminPeerID != "" {
		cert = d.certificate(st.Term.N, st.AdminPeerID, st.AdminIncarnation)
	}
	return d.step(Presence{events.PeerEvent{Type: kind, RoomID: "lab", Seat: s, Reason: reason, Standing: st, Certificate: cert, Time: events.At(d.now)}})
}

func TestRegistered_DialsAllPeersOfTheReply(t *testing.T) {
	d := newDriver(t)
	d.replica.links = map[string]*peerLink{}
	out := d.step(Refreshed{RoomInfo: events.RoomInfo{
		Peers: []events.PeerInfo{d.peer("worker-a", 1), d.peer("worker-b", 2), d.peer("worker-c", 3)},
	}})
	if dials := only[Dial](out); len(dials) != 2 || dials[0].Seat != seat("worker-a", 1) || dials[1].Seat != seat("worker-c", 3) {
		t.Fatalf("dials %v", dials)
	}
}

func TestView_AMemberWithoutARowYetIsShownAsItRegistered(t *testing.T) {
	d := newDriver(t)
	d.keys["worker-d"] = key(t)
	p := d.peer("worker-d", 4)
	p.Status, p.Slots = events.StatusAvailable, events.Slots{Total: 2, Free: 2}
	d.step(Presence{events.PeerEvent{Type: events.TypePeerJoined, Seat: p.Seat, Peer: p, Standing: standing(1, "worker-a", 1)}})
	v := d.quiet()
	i := slices.IndexFunc(v.Workers, func(w events.Worker) bool { return w.PeerID == "worker-d" })
	if i < 0 || v.Workers[i].Status != events.StatusAvailable || !v.Workers[i].Registry || v.Workers[i].Slots.Free != 2 {
		t.Fatalf("workers %+v", v.Workers)
	}
}

func TestTerm_AMembersWordRaisesNone(t *testing.T) {
	d := newDriver(t)
	h := events.Heartbeat{Standing: standing(7, "worker-c", 3)}
	out := d.frame(seat("worker-c", 3), events.FrameHeartbeat, h)
	if v := d.quiet(); v.N != 1 || v.AdminPeerID != "worker-a" {
		t.Fatalf("a heartbeat made %s admin in term %d", v.AdminPeerID, v.N)
	}
	if len(only[Refresh](out)) != 1 {
		t.Error("the hub was not asked")
	}
}

func TestTerm_AForgedCertificateIsRefused(t *testing.T) {
	d := newDriver(t)
	forged := d.certificate(2, "worker-c", 3)
	forged.N = 9
	d.frame(seat("worker-c", 3), events.FrameFence, forged)
	other := d.certificate(2, "worker-c", 3)
	other, _ = other.Sign(d.keys["worker-c"])
	d.frame(seat("worker-c", 3), events.FrameFence, other)
	if v := d.quiet(); v.N != 1 {
		t.Fatalf("term %d was accepted", v.N)
	}
	d.frame(seat("worker-c", 3), events.FrameFence, d.certificate(2, "worker-c", 3))
	if v := d.quiet(); v.N != 2 || v.AdminPeerID != "worker-c" {
		t.Fatal("the hub's own word, from a member, was not accepted")
	}
}

func TestFence_WhoIsBehindGetsTheCertificate(t *testing.T) {
	d := newDriver(t)
	d.elect(2, "worker-c", 3)
	from := seat("worker-a", 1)
	for name, out := range map[string][]Output{
		"heartbeat": d.frame(from, events.FrameHeartbeat, events.Heartbeat{Standing: standing(1, "worker-a", 1)}),
		"broadcast": d.frame(from, events.FrameStateBroadcast, events.State{Fence: events.Term{Store: store, N: 1}}),
		"genesis":   d.frame(from, events.FrameGenesis, events.Genesis{Generation: events.Generation{Term: events.Term{Store: store, N: 1}}}),
	} {
		if !sent(out, "worker-a", events.FrameFence) {
			t.Errorf("%s of an old term was not answered with the newer certificate", name)
		}
	}
}

func TestAdmin_BroadcastsAGenesisAsItsFirstAct(t *testing.T) {
	d := newDriver(t)
	out := d.elect(2, "worker-b", 2)
	if !sent(out, "worker-a", events.FrameGenesis) || !sent(out, "worker-c", events.FrameGenesis) {
		t.Fatal("no genesis was sent to all")
	}
	if v := d.quiet(); v.Position.Generation.N != 2 || !v.Answering {
		t.Fatalf("view %+v", v)
	}
}

// The second generation waits until all know of the term; the admin answers meanwhile.
func TestAdmin_LeavesTheRoomInItsGenerationForAMoment(t *testing.T) {
	d := newDriver(t)
	d.elect(2, "worker-b", 2)
	d.elect(3, "worker-c", 3)
	if out := d.elect(4, "worker-b", 2); sent(out, "worker-a", events.FrameGenesis) {
		t.Fatal("a genesis was sent at once")
	}
	if v := d.quiet(); v.Position.Generation.N != 2 || !v.Answering {
		t.Errorf("generation %s, answering %v", v.Position.Generation, v.Answering)
	}
	if next := d.replica.Next().Sub(d.now); next != FoundAfter {
		t.Errorf("next step in %v", next)
	}
	d.pass(FoundAfter)
	if out := d.step(Quiet{}); !sent(out, "worker-a", events.FrameGenesis) || !sent(out, "worker-c", events.FrameGenesis) {
		t.Error("no genesis was sent to all in the end")
	}
	if v := d.quiet(); v.Position.Generation.N != 4 {
		t.Errorf("generation %s", v.Position.Generation)
	}
}

func TestAdmin_StepsDownForANewerTerm(t *testing.T) {
	d := newDriver(t)
	d.elect(2, "worker-b", 2)
	d.frame(seat("worker-c", 3), events.FrameFence, d.certificate(3, "worker-c", 3))
	if v := d.quiet(); v.Answering || v.AdminPeerID != "worker-c" {
		t.Fatal("it still answers as admin")
	}
}

func TestAdmin_AnswersNobodyUntilTheHubConfirms(t *testing.T) {
	confirm := Renewed{Ack: events.Ack{Standing: standing(2, "worker-b", 2)}}
	for name, doubt := range map[string]func(d *driver){
		"after a reconnect":        func(d *driver) { d.step(HubDown{}); d.step(HubUp{}) },
		"after its own standstill": func(d *driver) { d.now = d.replica.Next().Add(doubtAfter); d.step(Quiet{}) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDriver(t)
			d.elect(2, "worker-b", 2)
			if !d.quiet().Answering {
				t.Fatal("the admin does not answer")
			}
			doubt(d)
			if d.quiet().Answering {
				t.Error("it answers before the hub confirmed its term")
			}
			d.step(confirm)
			if !d.quiet().Answering {
				t.Error("it does not answer after the hub confirmed its term")
			}
		})
	}
}

func TestClaim_VacantSeatAtOnceByTheFirstInRank(t *testing.T) {
	d := newDriver(t)
	vacant := standing(1, "", 0)
	vacant.MembersVersion++
	out := d.presence(events.TypePeerLeft, seat("worker-a", 1), events.ReasonLeft, vacant)
	claims := only[Claim](out)
	if len(claims) != 1 || claims[0].Evidence != events.EvidenceVacant || claims[0].After != vacant.Term || claims[0].Testimony.Reached != 2 {
		t.Fatalf("claims %+v", claims)
	}
}

func TestClaim_OthersBeforeUsInRankGetTheirTime(t *testing.T) {
	d := newDriver(t)
	c := d.peer("worker-c", 3)
	c.Metadata = metadata(24000)
	d.step(Refreshed{RoomInfo: events.RoomInfo{Peers: []events.PeerInfo{d.peer("worker-a", 1), d.peer("worker-b", 2), c}}})
	vacant := standing(1, "", 0)
	vacant.MembersVersion++
	if out := d.presence(events.TypePeerLeft, seat("worker-a", 1), events.ReasonLeft, vacant); len(only[Claim](out)) != 0 {
		t.Fatal("the second in rank claimed at once")
	}
	if next := d.replica.Next(); !next.Equal(d.now.Add(election.RankStep)) {
		t.Errorf("next step in %v", next.Sub(d.now))
	}
	if out := d.pass(election.RankStep); len(only[Claim](out)) != 1 {
		t.Fatal("the second in rank did not claim in its turn")
	}
}

func (d *driver) suspectAdmin() []Output {
	d.pass(time.Second)
	return d.presence(events.TypePeerSuspect, seat("worker-a", 1), events.ReasonCrashed, standing(1, "worker-a", 1))
}

func TestClaim_CrashNeedsSilenceForTheWindow(t *testing.T) {
	d := newDriver(t)
	if out := d.suspectAdmin(); len(only[Claim](out)) != 0 || !sent(out, "worker-a", events.FramePing) {
		t.Fatal("a suspect is to be asked, not deposed")
	}
	if out := d.pass(liveness.MinWindow - 1); len(only[Claim](out)) != 0 {
		t.Fatal("claimed before the window was over")
	}
	claims := only[Claim](d.pass(1))
	if len(claims) != 1 || claims[0].Evidence != events.EvidenceCrash || claims[0].Testimony.SilentMS < 100 {
		t.Fatalf("claims %+v", claims)
	}
	if out := d.pass(RetryClaim / 2); len(only[Claim](out)) != 0 {
		t.Error("claimed again while the first is under way")
	}
	d.step(Claimed{Err: events.Errorf(events.CodeHolderAlive, "not yet")})
	if out := d.awake(RetryClaim); len(only[Claim](out)) != 1 {
		t.Error("a refused claim was not tried again after a second")
	}
}

// A process that stood still may find anything first when it wakes, and its tick last.
func TestClaim_NoneAfterAStandstillThatSleptThroughTheAnswer(t *testing.T) {
	for name, first := range map[string]func(d *driver) []Output{
		"tick first":          func(d *driver) []Output { return d.step(Tick{}) },
		"another frame first": func(d *driver) []Output { return d.frame(seat("worker-c", 3), events.FramePing, events.Ping{Nonce: 1}) },
	} {
		for _, slept := range []time.Duration{liveness.MinWindow, liveness.MinWindow + liveness.LateTick - 1, time.Second} {
			d := newDriver(t)
			d.suspectAdmin()
			d.now = d.now.Add(slept)
			if out := first(d); len(only[Claim](out)) != 0 {
				t.Errorf("%s: claimed after sleeping for %v", name, slept)
			}
		}
	}
}

func TestClaim_AnAnswerToOurPingAcquitsAndIsVouchedFor(t *testing.T) {
	d := newDriver(t)
	var nonce events.Ping
	for _, s := range only[Send](d.suspectAdmin()) {
		if _, payload, _ := events.ParseFrame(s.Frame); events.FrameType(s.Frame[0]) == events.FramePing {
			_ = events.Unpack(payload, &nonce)
		}
	}
	out := d.frame(seat("worker-a", 1), events.FramePong, nonce)
	if !sent(out, "worker-c", events.FrameVouch) {
		t.Error("nobody was told that the suspect answers")
	}
	if out := d.pass(time.Second); len(only[Claim](out)) != 0 {
		t.Error("a peer that answered was deposed")
	}
}

func TestClaim_OneVouchVetoes(t *testing.T) {
	d := newDriver(t)
	d.suspectAdmin()
	d.frame(seat("worker-c", 3), events.FrameVouch, events.Vouch{Seat: seat("worker-a", 1)})
	if out := d.pass(time.Second); len(only[Claim](out)) != 0 {
		t.Fatal("claimed against a peer that another hears")
	}
}

func TestClaim_ASignedGoodbyeIsEvidence(t *testing.T) {
	d := newDriver(t)
	g, _ := events.Goodbye{Room: "lab", Seat: seat("worker-a", 1)}.Sign(d.keys["worker-a"])
	stolen, _ := events.Goodbye{Room: "lab", Seat: seat("worker-a", 1)}.Sign(d.keys["worker-c"])
	if out := d.frame(seat("worker-c", 3), events.FrameGoodbye, stolen); len(only[Claim](out)) != 0 {
		t.Fatal("a goodbye in another's name was believed")
	}
	if out := d.frame(seat("worker-a", 1), events.FrameGoodbye, stolen); len(only[Claim](out)) != 0 {
		t.Fatal("a goodbye under another key was believed")
	}
	claims := only[Claim](d.frame(seat("worker-a", 1), events.FrameGoodbye, g))
	if len(claims) != 1 || claims[0].Evidence != events.EvidenceLeave || claims[0].Goodbye != g {
		t.Fatalf("claims %+v", claims)
	}
}

func TestClaim_NoneWhileTheHubIsAway(t *testing.T) {
	d := newDriver(t)
	d.step(HubDown{})
	g, _ := events.Goodbye{Room: "lab", Seat: seat("worker-a", 1)}.Sign(d.keys["worker-a"])
	if out := d.frame(seat("worker-a", 1), events.FrameGoodbye, g); len(only[Claim](out)) != 0 {
		t.Fatal("an election on the mesh alone")
	}
}

func TestAdmin_TestifiesAgainstACrashedMember(t *testing.T) {
	d := newDriver(t)
	d.elect(2, "worker-b", 2)
	d.pass(time.Second)
	d.presence(events.TypePeerSuspect, seat("worker-c", 3), events.ReasonCrashed, standing(2, "worker-b", 2))
	got := only[Testify](d.awake(liveness.MinWindow))
	if len(got) != 1 || got[0].Member != seat("worker-c", 3) || got[0].Term.N != 2 {
		t.Fatalf("testimonies %+v", got)
	}
}

func TestFrame_OfAReplacedProcessIsIgnored(t *testing.T) {
	d := newDriver(t)
	out := d.frame(seat("worker-a", 9), events.FramePing, events.Ping{Nonce: 1})
	if len(only[Send](out)) != 0 {
		t.Fatal("a frame of another seat than the link's was answered")
	}
}

// Work list 3.4: what does not parse harms nobody.
func TestFrame_GarbageIsRefusedAndNoted(t *testing.T) {
	d := newDriver(t)
	for _, data := range [][]byte{nil, {1}, {1, 0, 0, 0, 9, 'x'}, events.Frame(events.FrameHeartbeat, []byte("{")), events.Frame(events.FrameStateBroadcast, []byte("[]"))} {
		out := d.step(Frame{seat("worker-a", 1), data})
		if len(only[Note](out)) != 1 {
			t.Errorf("%q was not noted", data)
		}
	}
	if out := d.step(Frame{seat("worker-a", 1), events.Frame(250, []byte("new"))}); len(only[Note](out)) != 0 {
		t.Error("a type of a newer version was refused")
	}
}

func TestDepart_SaysGoodbyeToAllAndTheHub(t *testing.T) {
	d := newDriver(t)
	out := d.step(Depart{})
	if !sent(out, "worker-a", events.FrameGoodbye) || !sent(out, "worker-c", events.FrameGoodbye) || len(only[Leave](out)) != 1 {
		t.Fatalf("outputs %v", out)
	}
	if out := d.pass(time.Minute); len(out) != 0 {
		t.Errorf("it goes on after its goodbye: %v", out)
	}
}

// With the goodbye on the links the next admin takes the seat in one step, if the
// hub does not hear it first.
func TestDepart_AnAdminNamesTheTermThatItEnds(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*driver)
		want   uint64
	}{
		"member": {func(*driver) {}, 0},
		"admin":  {func(d *driver) { d.elect(2, "worker-b", 2) }, 2},
		"admin that is alone": {func(d *driver) {
			d.elect(2, "worker-b", 2)
			d.step(LinkDown{seat("worker-a", 1)})
			d.step(LinkDown{seat("worker-c", 3)})
		}, 0},
	} {
		d := newDriver(t)
		c.before(d)
		if left := only[Leave](d.step(Depart{})); len(left) != 1 || left[0].Term.N != c.want {
			t.Errorf("%s: %+v", name, left)
		}
	}
}

func TestSeat_AnotherProcessTookIt(t *testing.T) {
	d := newDriver(t)
	d.now = d.now.Add(time.Second)
	p := d.peer("worker-b", 9)
	out := d.step(Presence{events.PeerEvent{Type: events.TypePeerJoined, Seat: p.Seat, Peer: p, Standing: standing(1, "worker-a", 1)}})
	if len(only[Register](out)) != 1 || len(only[Exit](out)) != 0 {
		t.Fatal("it is the hub that knows whose seat it is")
	}
	if out := d.step(NotRegistered{events.Errorf(events.CodeOldIncarnation, "taken")}); len(only[Exit](out)) != 1 {
		t.Fatal("a replaced process goes on")
	}
}

// The answer to a registration may be lost, and with it the own new incarnation.
func TestSeat_ANewerIncarnationMayBeItsOwn(t *testing.T) {
	d := newDriver(t)
	out := d.step(Renewed{Err: events.Errorf(events.CodeOldIncarnation, "incarnation 9, not 2")})
	if len(only[Exit](out)) != 0 || len(only[Register](out)) != 1 {
		t.Fatalf("outputs %v", out)
	}
}

// A wiped store counts the versions of its member list anew.
func TestStanding_AnotherStoreCountsVersionsAnew(t *testing.T) {
	d := newDriver(t)
	wiped := standing(1, "worker-a", 1)
	wiped.Term.Store, wiped.MembersVersion = "1893456000001-00000001", 2
	c, err := events.SeatCertificate{Room: "lab", Term: wiped.Term, Seat: seat("worker-a", 1), Key: public(d.keys["worker-a"])}.Sign(d.hub)
	if err != nil {
		t.Fatal(err)
	}
	d.step(Renewed{Ack: events.Ack{Standing: wiped, Certificate: c}})
	vacant := wiped
	vacant.AdminPeerID, vacant.AdminIncarnation, vacant.MembersVersion = "", 0, 3
	out := d.step(Renewed{Ack: events.Ack{Standing: vacant}})
	out = append(out, d.awake(election.RankStep)...)
	if claims := only[Claim](out); len(claims) != 1 || claims[0].Evidence != events.EvidenceVacant {
		t.Fatalf("claims %v", claims)
	}
}

func TestSplit(t *testing.T) {
	chunk := func(n int) []byte { return make([]byte, n) }
	for _, c := range []struct {
		give []int
		want []int
	}{
		{nil, nil},
		{[]int{10}, []int{1}},
		{[]int{4, 4, 4}, []int{2, 1}},
		{[]int{9, 1, 8}, []int{2, 1}},
		{[]int{11, 11}, []int{1, 1}}, // one that is larger alone
	} {
		var chunks [][]byte
		for _, n := range c.give {
			chunks = append(chunks, chunk(n))
		}
		var got []int
		for _, part := range split(chunks, 10) {
			got = append(got, len(part))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("split(%v) = %v, want %v", c.give, got, c.want)
		}
	}
}
