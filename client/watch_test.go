package client_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
)

func TestWatchAdmin_CurrentFirstThenEachChange(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		hands := three(h)
		defer dismiss(hands[2:])
		v := h.visit()
		defer v.Close()
		ctx, cancel := context.WithCancel(context.Background())
		changes, err := v.WatchAdmin(ctx)
		h.must(err)
		if a := <-changes; a.AdminPeerID != "worker-1" || a.N != 1 || a.Reason != events.ReasonFirst || a.NumWorkers != 3 {
			t.Errorf("the current admin: %+v", a)
		}
		for i, next := range hands[1:] {
			hands[i].leave()
			next.claim()
			a := <-changes
			if a.AdminPeerID != next.Peer() || a.PreviousAdminPeerID != hands[i].Peer() || a.Reason != events.ReasonLeft || a.N != uint64(i+2) {
				t.Errorf("change %d: %+v", i+1, a)
			}
		}
		cancel()
		if a, ok := <-changes; ok {
			t.Errorf("after its end: %+v", a)
		}
	})
}

func TestWatchAdmin_WhatAReconnectMissed(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		hands := three(h)
		defer dismiss(hands[1:])
		v := h.visit()
		defer v.Close()
		changes, err := v.WatchAdmin(t.Context())
		h.must(err)
		<-changes
		v.line.tear()
		hands[0].leave()
		hands[1].claim()
		time.Sleep(3 * time.Second)
		if len(changes) != 0 {
			t.Fatal("heard of the change without a connection")
		}
		v.line.mend()
		a := <-changes
		if a.AdminPeerID != "worker-2" || a.PreviousAdminPeerID != "worker-1" || a.N != 2 || a.Reason != events.ReasonLeft {
			t.Errorf("%+v", a)
		}
		time.Sleep(time.Minute)
		if len(changes) != 0 {
			t.Errorf("told twice: %+v", <-changes)
		}
	})
}

func TestWatchAdmin_AVacantSeatGivesNothing(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		v := h.visit()
		changes, err := v.WatchAdmin(t.Context())
		h.must(err)
		synctest.Wait()
		if len(changes) != 0 {
			t.Errorf("%+v", <-changes)
		}
		v.Close()
		if _, ok := <-changes; ok {
			t.Error("open after the client's end")
		}
	})
}

// next is the next event, which must be of type E.
func next[E client.Event](t *testing.T, happened <-chan client.Event) E {
	t.Helper()
	select {
	case e := <-happened:
		if e, ok := e.(E); ok {
			return e
		}
		t.Fatalf("got %T %+v", e, e)
	case <-time.After(time.Minute):
		t.Fatal("nothing happened")
	}
	panic("unreachable")
}

func TestWatch_WhatHappensInTheRoom(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		a := h.hire("worker-1", 16000)
		v := h.visit()
		defer v.Close()
		happened, err := v.Watch(t.Context())
		h.must(err)

		b := h.hire("worker-2", 24000)
		defer b.close()
		if e := next[*client.PeerJoined](t, happened); e.PeerID != "worker-2" || e.Incarnation != b.auth.Incarnation {
			t.Errorf("%+v", e)
		}
		a.leave()
		if e := next[*client.PeerLeft](t, happened); e.PeerID != "worker-1" || e.Reason != events.ReasonLeft {
			t.Errorf("%+v", e)
		}
		b.claim()
		if e := next[*client.AdminElected](t, happened); e.AdminPeerID != "worker-2" || e.PreviousAdminPeerID != "worker-1" || e.Term != 2 {
			t.Errorf("%+v", e)
		}
		b.notify(b.row(24000, events.StatusBusy))
		if e := next[*client.WorkerStatus](t, happened); e.PeerID != "worker-2" || e.Status != events.StatusBusy {
			t.Errorf("%+v", e)
		}
		h.must(b.Publish(events.JobSubject(room, "worker-2"), events.JobNotice{JobID: "j-1", Worker: "another", State: events.JobRunning}))
		if e := next[*client.JobChanged](t, happened); e.JobID != "j-1" || e.Worker != "worker-2" || e.State != events.JobRunning {
			t.Errorf("who speaks is in the subject, not in the body: %+v", e)
		}
	})
}

// A roster notice counts only from the accepted admin, in its term, and if it is news.
func TestWatch_BelievesTheAdminOnly(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		hands := three(h)
		defer dismiss(hands)
		v := h.visit()
		defer v.Close()
		happened, err := v.Watch(t.Context())
		h.must(err)
		busy := hands[2].row(8000, events.StatusBusy)
		hands[1].notify(busy)
		old := hands[0].notice(busy)
		old.Fence.N--
		hands[0].publish(old)
		high := hands[0].notice(busy)
		high.Fence.N++
		hands[0].publish(high)
		synctest.Wait()
		select {
		case e := <-happened:
			t.Fatalf("believed %+v", e)
		default:
		}
		hands[0].notify(busy)
		hands[0].notify(busy)
		next[*client.WorkerStatus](t, happened)
		hands[0].notify(hands[2].row(8000, events.StatusAvailable))
		if e := next[*client.WorkerStatus](t, happened); e.Status != events.StatusAvailable {
			t.Errorf("told twice: %+v", e)
		}
	})
}

// The shapes that moot watch --json prints are promises.
func TestWatch_EventsAsJSON(t *testing.T) {
	head := func(kind string) client.Head {
		return client.Head{Type: kind, Time: events.At(time.UnixMilli(1_763_000_000_123)), RoomID: "lab"}
	}
	const common = `"time":"2025-11-13T02:13:20.123Z","room_id":"lab"`
	for want, e := range map[string]client.Event{
		`{"type":"admin_elected",` + common + `,"admin_peer_id":"b","previous_admin_peer_id":"a","term":2,"reason":"crashed","election_time_ms":212.5,"num_workers":2}`: &client.AdminElected{
			Head: head(client.TypeAdminElected), AdminPeerID: "b", PreviousAdminPeerID: "a", Term: 2, Reason: "crashed", ElectionTimeMS: 212.5, NumWorkers: 2},
		`{"type":"peer_joined",` + common + `,"peer_id":"b","incarnation":7}`:                         &client.PeerJoined{Head: head(client.TypePeerJoined), PeerID: "b", Incarnation: 7},
		`{"type":"peer_left",` + common + `,"peer_id":"b","reason":"silent"}`:                         &client.PeerLeft{Head: head(client.TypePeerLeft), PeerID: "b", Reason: "silent"},
		`{"type":"worker_status",` + common + `,"peer_id":"b","status":"available","current_job":""}`: &client.WorkerStatus{Head: head(client.TypeWorkerStatus), PeerID: "b", Status: "available"},
		`{"type":"job",` + common + `,"job_id":"j-1","worker":"b","state":"running"}`:                 &client.JobChanged{Head: head(client.TypeJob), JobID: "j-1", Worker: "b", State: "running"},
	} {
		got, err := json.Marshal(e)
		if err != nil || string(got) != want {
			t.Errorf("got  %s\nwant %s (%v)", got, want, err)
		}
	}
}
