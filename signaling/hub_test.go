package signaling

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

func TestHub_RegistrationReturnsListOfThreeExistingPeers(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		for _, id := range []string{"worker-1", "worker-2", "worker-3"} {
			h.admit(events.RoleWorker, id).mustRegister()
		}
		a := h.admit(events.RoleWorker, "worker-4").mustRegister()
		if len(a.Peers) != 3 || a.AdminPeerID != "worker-1" || a.N != 1 {
			t.Fatalf("%d peers, admin %q, term %d", len(a.Peers), a.AdminPeerID, a.N)
		}
	})
}

func TestHub_EleventhWorkerReceivesARejection(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		for i := range 10 {
			h.admit(events.RoleWorker, fmt.Sprintf("worker-%d", i)).mustRegister()
		}
		eleventh := h.admit(events.RoleWorker, "worker-11")
		_, err := eleventh.register()
		wantCode(t, err, events.CodeRoomFull)
		if i := eleventh.info(); len(i.Peers) != 10 || i.AdminPeerID != "worker-0" {
			t.Fatalf("the room was harmed: %+v", i.Standing)
		}
	})
}

func TestHub_WarnsWhenARoomReachesEightWorkers(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		const warning = "the room is nearly full"
		for i := range 7 {
			h.admit(events.RoleWorker, fmt.Sprintf("worker-%d", i)).mustRegister()
		}
		if n := h.logs.count(warning); n != 0 {
			t.Fatalf("%d warnings at 7 workers", n)
		}
		eighth := h.admit(events.RoleWorker, "worker-8")
		eighth.mustRegister()
		eighth.mustRegister() // a retry fills no seat
		if n := h.logs.count(warning); n != 1 {
			t.Fatalf("%d warnings at 8 workers", n)
		}
	})
}

func TestHub_FiftyConcurrentJoinsFillExactlyTenSeats(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		_, stop := h.open() // a second hub on the same store: only compare-and-set parts them
		defer stop()
		peers := make([]*peer, 50)
		for i := range peers {
			peers[i] = h.admit(events.RoleWorker, "")
		}
		errs := make([]error, len(peers))
		var wg sync.WaitGroup
		for i, p := range peers {
			wg.Go(func() { _, errs[i] = p.register() })
		}
		wg.Wait()
		admitted := 0
		for _, err := range errs {
			if err == nil {
				admitted++
				continue
			}
			wantCode(t, err, events.CodeRoomFull)
		}
		if i := peers[0].info(); admitted != 10 || len(i.Peers) != 10 || i.N != 1 {
			t.Fatalf("%d admitted, %d in the record, term %d", admitted, len(i.Peers), i.N)
		}
	})
}

func TestHub_LeaveIsToldAndTheSuccessorAnnouncedOnce(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		viewer := h.admit(events.RoleViewer, "")
		left, admin := hear[events.PeerEvent](viewer, events.EventPeerLeft), hear[events.Announcement](viewer, events.EventAdmin)
		first, second := h.admit(events.RoleWorker, "worker-1"), h.admit(events.RoleWorker, "worker-2")
		first.mustRegister()
		if a := admin(); a.AdminPeerID != "worker-1" || a.Reason != "first" || a.ElectionTimeMS != 0 || a.Type != "admin_announcement" {
			t.Fatalf("%+v", a)
		}
		second.mustRegister()
		defer second.keepLeasing()()
		silence := quiet(viewer, events.EventAdmin, 30*time.Second)
		must(t, first.leave())
		e := left()
		if e.PeerID != "worker-1" || e.Reason != "left" || e.AdminPeerID != "" || e.Type != "peer_left" {
			t.Fatalf("%+v", e)
		}
		silence()
		var ack events.Ack
		must(t, second.ask(events.VerbClaim, events.Claim{Seat: second.seat, After: e.Term, Evidence: events.EvidenceVacant}, &ack))
		a := admin()
		if a.AdminPeerID != "worker-2" || a.Reason != "left" || a.N != 2 || a.PreviousAdminPeerID != "worker-1" || a.NumWorkers != 1 {
			t.Fatalf("%+v", a)
		}
		must(t, a.Certificate.Verify(testRoom, viewer.info().SeatKeys))
		if ack.AdminPeerID != "worker-2" || ack.Certificate != a.Certificate {
			t.Fatalf("%+v", ack)
		}
		quiet(viewer, events.EventAdmin, time.Minute)() // marked: nobody repeats it
	})
}

func TestHub_KilledAdminIsSuspectAtOnceAndReplacedOnTestimony(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		first, second := h.admit(events.RoleWorker, "worker-1"), h.admit(events.RoleWorker, "worker-2")
		first.mustRegister()
		a := second.mustRegister()
		suspect, left := hear[events.PeerEvent](second, events.EventPeerSuspect), hear[events.PeerEvent](second, events.EventPeerLeft)
		admin := hear[events.Announcement](second, events.EventAdmin)
		claim := events.Claim{Seat: second.seat, After: a.Term, Holder: a.Admin(), Evidence: events.EvidenceCrash,
			Testimony: events.Testimony{AnsweredMS: 100, RTTMS: 1, SilentMS: 100}}
		wantCode(t, second.ask(events.VerbClaim, claim, nil), events.CodeHolderAlive)
		began := time.Now()
		first.nc.Close()
		if e := suspect(); e.Seat != first.seat || time.Since(began) > 10*time.Millisecond {
			t.Fatalf("%+v after %s", e, time.Since(began))
		}
		if i := second.info(); !i.Peers[0].Suspect || i.AdminPeerID != "worker-1" {
			t.Fatalf("a suspect admin is still admin: %+v", i)
		}
		<-time.After(100 * time.Millisecond)
		var ack events.Ack
		must(t, second.ask(events.VerbClaim, claim, &ack))
		if e := left(); e.Seat != first.seat || e.Reason != "crashed" {
			t.Fatalf("%+v", e)
		}
		if a := admin(); a.AdminPeerID != "worker-2" || a.Reason != "crashed" || a.ElectionTimeMS < 100 || a.ElectionTimeMS > 150 {
			t.Fatalf("%+v", a)
		}
	})
}

func TestHub_ReconnectEndsTheSuspicionWithTheSameIncarnation(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		watcher, w := h.admit(events.RoleViewer, ""), h.admit(events.RoleWorker, "worker-1")
		w.mustRegister()
		suspect, joined := hear[events.PeerEvent](watcher, events.EventPeerSuspect), hear[events.PeerEvent](watcher, events.EventPeerJoined)
		w.nc.Close()
		suspect()
		again := h.admitKey(events.RoleWorker, "worker-1", w.pair)
		if e := joined(); e.Seat != w.seat || e.Peer.NKey != w.key || e.Peer.Suspect {
			t.Fatalf("%+v", e)
		}
		if again.mustRegister(); again.seat != w.seat {
			t.Fatalf("%s came back as %s", w.seat, again.seat)
		}
	})
}

func TestHub_SilentWorkerIsAwayWithinSixteenSeconds(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		first, second := h.admit(events.RoleWorker, "worker-1"), h.admit(events.RoleWorker, "worker-2")
		defer second.keepLeasing()()
		first.mustRegister()
		second.mustRegister()
		left := hear[events.PeerEvent](second, events.EventPeerLeft)
		began := time.Now()
		e := left()
		if took := time.Since(began); e.Seat != first.seat || e.Reason != "silent" || took < 15*time.Second || took > 16*time.Second {
			t.Fatalf("%+v after %s", e, took)
		}
		must(t, second.ask(events.VerbClaim, events.Claim{Seat: second.seat, After: e.Term, Evidence: events.EvidenceVacant}, &events.Ack{}))
		if i := second.info(); i.AdminPeerID != "worker-2" || i.Reason != "silent" {
			t.Fatalf("%+v", i)
		}
		wantCode(t, first.lease(), events.CodeNotMember)
		if first.mustRegister(); first.seat.Incarnation != 1 {
			t.Fatalf("came back as %s", first.seat)
		}
	})
}

func TestHub_LeaseInAnothersNameRenewsNothing(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		first, second := h.admit(events.RoleWorker, "worker-1"), h.admit(events.RoleWorker, "worker-2")
		first.mustRegister()
		second.mustRegister()
		defer second.keepLeasing()()
		liar := &peer{house: h, id: second.id, nc: second.nc, seat: first.seat, process: first.process}
		defer liar.keepLeasing()()
		<-time.After(16 * time.Second)
		if i := second.info(); !i.Peers[0].Away || i.Peers[1].Away {
			t.Fatalf("%+v", i.Peers)
		}
	})
}

func TestHub_SoleWorkerKilledIsAwayWithinSixteenSeconds(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		viewer, w := h.admit(events.RoleViewer, ""), h.admit(events.RoleWorker, "worker-1")
		w.mustRegister()
		left := hear[events.PeerEvent](viewer, events.EventPeerLeft)
		began := time.Now()
		w.nc.Close()
		if e := left(); e.Seat != w.seat || time.Since(began) > 16*time.Second {
			t.Fatalf("%+v after %s", e, time.Since(began))
		}
	})
}

func TestHub_LeasesOfTenKeepEverybody(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		viewer := h.admit(events.RoleViewer, "")
		for i := range 10 {
			w := h.admit(events.RoleWorker, fmt.Sprintf("worker-%d", i))
			w.mustRegister()
			defer w.keepLeasing()()
		}
		quiet(viewer, "peer.*", 2*time.Minute)()
	})
}

func TestHub_RestartOnTheSameStoreKeepsTheRecordAndElectsNobody(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		viewer, first, second := h.admit(events.RoleViewer, ""), h.admit(events.RoleWorker, "worker-1"), h.admit(events.RoleWorker, "worker-2")
		first.mustRegister()
		second.mustRegister()
		before := viewer.info()
		defer first.keepLeasing()()
		defer second.keepLeasing()()
		<-time.After(7 * time.Second)
		h.stop()
		<-time.After(60 * time.Second)
		h.start()
		<-time.After(2 * time.Second)
		after := viewer.info()
		if after.Standing != before.Standing || after.Since != before.Since || after.Certificate != before.Certificate {
			t.Fatalf("before %+v\nafter %+v", before, after)
		}
		silence := quiet(viewer, ">", time.Minute)
		if first.mustRegister(); first.seat.Incarnation != 1 {
			t.Fatalf("re-registered as %s", first.seat)
		}
		silence()
		// The next term is one that no copy of the store can give.
		admin := hear[events.Announcement](viewer, events.EventAdmin)
		must(t, first.leave())
		must(t, second.ask(events.VerbClaim, events.Claim{Seat: second.seat, After: after.Term, Evidence: events.EvidenceVacant}, &events.Ack{}))
		if a := admin(); a.N != after.N+1 || a.Store <= after.Store {
			t.Errorf("term %s follows %s over a restart", a.Term, after.Term)
		}
	})
}

func TestHub_CrashWhileItWasBlindTakesOneLease(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		viewer, w := h.admit(events.RoleViewer, ""), h.admit(events.RoleWorker, "worker-1")
		survivor := h.admit(events.RoleWorker, "worker-2")
		survivor.mustRegister()
		w.mustRegister()
		defer survivor.keepLeasing()()
		h.stop()
		w.nc.Close()
		h.start()
		began := time.Now()
		<-time.After(time.Second) // the viewer reconnects
		left := hear[events.PeerEvent](viewer, events.EventPeerLeft)
		e := left()
		if took := time.Since(began); e.PeerID != "worker-1" || e.Reason != "silent" || took < 15*time.Second || took > 16*time.Second {
			t.Fatalf("%+v after %s", e, took)
		}
	})
}

func TestHub_RepeatsAnAnnouncementThatNobodyMarked(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		viewer, w := h.admit(events.RoleViewer, ""), h.admit(events.RoleWorker, "worker-1")
		admin := hear[events.Announcement](viewer, events.EventAdmin)
		w.mustRegister()
		first := admin()
		unmark := func() {
			t.Helper()
			_, err := h.hub.store.change(context.Background(), testRoom, func(r Record) (Decision, error) {
				r.Tenure.Announced = false
				return Decision{Record: r, Changed: true}, nil
			})
			must(t, err)
		}
		defer w.keepLeasing()()
		<-time.After(time.Second)
		unmark()
		if again := admin(); again != first { // on the ticker
			t.Fatalf("%+v, first %+v", again, first)
		}
		<-time.After(time.Second)
		quiet(viewer, events.EventAdmin, time.Minute)()
		unmark()
		began := time.Now()
		_, stop := h.open() // another hub, at its start
		defer stop()
		if again := admin(); again != first || time.Since(began) > time.Second {
			t.Fatalf("%+v after %s", again, time.Since(began))
		}
	})
}

// A record that does not parse costs its own room alone, and says which.
func TestHub_DamagedRecordRefusesThatRoomOnly(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		w := h.admit(events.RoleWorker, "worker-1")
		w.mustRegister()
		defer w.keepLeasing()()
		for room, text := range map[string]string{"attic": `{"v":`, "cellar": `{"v":99}`} {
			_, err := h.hub.store.kv.Put(t.Context(), room, []byte(text))
			must(t, err)
			_, _, err = h.hub.store.load(t.Context(), room)
			if e := wantCode(t, err, events.CodeInternal); !strings.Contains(e.Message, room) || e.Try == "" {
				t.Errorf("%s", e)
			}
		}
		<-time.After(2 * scanEvery)
		for _, room := range []string{"attic", "cellar"} {
			if h.logs.count(room) == 0 {
				t.Errorf("nobody is told of room %s", room)
			}
		}
		if i := w.info(); i.AdminPeerID != "worker-1" || len(i.Peers) != 1 {
			t.Errorf("the other room: %+v", i)
		}
		_, stop := h.open() // another hub, at its start
		defer stop()
		h.admit(events.RoleWorker, "worker-2").mustRegister()
	})
}

func TestHub_FloodOfOnePeerIsCutToItsRate(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		w := h.admit(events.RoleWorker, "worker-1")
		var last error
		for range requestRate.Burst + 1 {
			last = w.ask(events.VerbInfo, events.InfoRequest{}, &events.RoomInfo{})
		}
		wantCode(t, last, events.CodeUnavailable)
		must(t, h.admit(events.RoleWorker, "worker-2").ask(events.VerbInfo, events.InfoRequest{}, &events.RoomInfo{}))
		<-time.After(time.Second)
		must(t, w.ask(events.VerbInfo, events.InfoRequest{}, &events.RoomInfo{}))
	})
}
