package sim

import (
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling"
	"github.com/moothall/moothall/worker/replica"
)

// Rooms in which a living peer's connection to the hub is torn, and nobody may take
// it for dead. Whoever does is a violation, which the room reports.

// calm plays until every suspicion is over, and wants everybody to be there.
func (w *world) calm(t *testing.T) {
	t.Helper()
	w.play(20 * time.Second)
	for _, p := range w.peers {
		if !w.allShow(p.id, events.StatusAvailable) {
			t.Errorf("%s is not available to all", p.id)
		}
	}
}

// told plays until a peer was told that a seat may be gone.
func (w *world) told(t *testing.T, p *peer, s events.Seat) {
	t.Helper()
	for range 1000 {
		if !p.proc.suspects[s].IsZero() {
			return
		}
		w.play(pathDelayLow / 10)
	}
	t.Fatalf("%s was not told of %s", p.id, s)
}

// suspicion is the hub's news that a seat may be gone.
func (w *world) suspicion(s events.Seat) replica.Input {
	h := w.hubs[0]
	notice := signaling.Notice{Event: events.EventPeerSuspect, Seat: s, Reason: events.ReasonCrashed}
	return replica.Presence{PeerEvent: h.registry.PeerEvent(w.store.record, notice, h.facts(), w.now)}
}

// Self-doubt: who stands still while the answer arrives accuses nobody, whatever it
// finds first when it wakes, and however short its sleep was.
func TestTorn_AStandstillIsNoSilence(t *testing.T) {
	for _, slept := range []time.Duration{101 * time.Millisecond, 149 * time.Millisecond, 200 * time.Millisecond} {
		w := newRoom(t, 8000, 24000, 16000)
		admin, next := w.peers[0], w.peers[1]
		w.peers[2].proc.freeze(time.Second) // it vouches for nobody
		w.tear(admin)
		w.told(t, next, admin.proc.replica.Seat())
		next.proc.freeze(slept)
		w.calm(t)
		wantAdmin(t, w, admin.id)
	}
}

// The witness rule: whom nobody had heard for long before, nobody takes for dead.
func TestTorn_NobodyHadHeardItForLong(t *testing.T) {
	w := newRoom(t, 8000, 24000, 16000, 8000)
	w.isolate(w.peers[0], 100)
	w.play(longUnheard + healing)
	w.tear(w.peers[0])
	w.calm(t)
	wantAdmin(t, w, "worker-0")
}

// The same, when the news of its return from an earlier tear was lost: the old
// suspicion is no evidence for the new loss.
func TestTorn_AnOlderSuspicionIsNoEvidence(t *testing.T) {
	w := newRoom(t, 8000, 24000, 16000)
	admin := w.peers[0]
	seat := admin.proc.replica.Seat()
	w.isolate(admin, 100)
	w.play(4 * time.Second)
	for _, p := range w.peers[1:] {
		p.proc.give(w.suspicion(seat))
	}
	w.play(5 * time.Second)
	w.tear(admin)
	w.calm(t)
	wantAdmin(t, w, admin.id)
}

// The veto: who alone does not hear it is told by the others that it lives, also
// when their word is faster than the hub's.
func TestTorn_OneDoesNotHearItTheOthersDo(t *testing.T) {
	w := newRoom(t, 8000, 24000, 16000, 8000)
	admin, next := w.peers[0], w.peers[1]
	seat := admin.proc.replica.Seat()
	w.net.sever(next.id, admin.id)
	w.after(lonelyFor, func() { w.net.mend(next.id, admin.id) })
	w.net.hubCut[next.id] = true
	w.tear(admin)
	w.play(30 * time.Millisecond)
	delete(w.net.hubCut, next.id)
	next.proc.give(w.suspicion(seat))
	w.calm(t)
	wantAdmin(t, w, admin.id)
}

// Re-announcement: the hub that writes the successor dies before it says so. Another,
// or itself when it is back, tells those who only listen.
func TestUntold_AnAdminThatStaysIsAnnounced(t *testing.T) {
	w := newRoom(t, 8000, 24000, 16000)
	term := w.store.record.Tenure.Term
	w.doomed = true
	w.peers[0].stop()
	_, ok := w.until(time.Minute, func() bool { return w.checks.announced.Compare(term) > 0 })
	if !ok || w.doomed {
		t.Fatalf("announced %s of %s, the hub died: %v", w.checks.announced, w.store.record.Tenure.Term, !w.doomed)
	}
	w.play(20 * time.Second)
	wantAdmin(t, w, "worker-1")
}

// The answer to a registration at a wiped store is lost: the process must not take
// its own new incarnation for another process.
func TestWipe_TheAnswerIsLost(t *testing.T) {
	w := newRoom(t, 8000, 8000, 8000)
	w.net.unregistered = "worker-2"
	w.hubs[0].stop()
	w.store.wipe(w)
	w.hubs[0].start()
	w.play(30 * time.Second)
	if w.net.unregistered != "" {
		t.Fatal("no answer was lost")
	}
	if p := w.peers[2]; p.proc == nil || p.starts != 1 {
		t.Fatal("the process ended itself")
	}
	wantAdmin(t, w, w.admin().id)
}

// A store is put back to a copy from before an election of which the members have heard
// and whose winner is gone: what they follow they can prove, or do not follow.
func TestRestore_ATermWhoseAdminIsGone(t *testing.T) {
	w := newRoom(t, 8000, 24000, 16000, 8000)
	h, id, record := w.hubs[0], w.store.id, w.store.record
	old := w.peers[0].proc.replica.Seat()
	h.stop()
	h.start()
	w.play(10 * time.Second)
	w.peers[0].stop()
	if _, ok := w.until(time.Minute, func() bool { return w.store.record.Admin().PeerID == "worker-1" }); !ok {
		t.Fatal("nobody followed worker-0")
	}
	news := h.registry.PeerEvent(w.store.record, signaling.Notice{Event: events.EventPeerLeft, Seat: old, Reason: events.ReasonCrashed}, h.facts(), w.now)
	w.peers[1].stop()
	h.stop()
	for _, p := range w.peers[2:] {
		p.proc.give(replica.Presence{PeerEvent: news})
	}
	w.store.putBack(id, record)
	w.after(time.Second, h.start)
	w.play(Calm)
	if admin := w.admin(); admin == nil || admin.proc == nil {
		t.Fatalf("the record is of term %s: no living admin", w.store.record.Tenure.Term)
	}
	wantAdmin(t, w, w.admin().id)
}
