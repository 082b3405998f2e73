package client_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moothall/moothall/events"
)

// watching is a visitor with a live copy that is in step with worker-1, the admin.
func watching(t *testing.T, h *house, a *hand) *visitor {
	a.knows(a.row(16000, events.StatusAvailable), events.Worker{PeerID: "worker-7", Status: events.StatusAvailable})
	v := h.visit()
	happened, err := v.Watch(t.Context())
	h.must(err)
	go func() {
		for range happened {
		}
	}()
	synctest.Wait()
	return v
}

// from asks for the workers and says where the answer came from.
func (v *visitor) from(h *house, f events.Filters) (events.WorkerList, string) {
	h.t.Helper()
	list, err := v.Workers(h.t.Context(), f)
	h.must(err)
	return list, list.Source
}

func TestWatch_WorkersAnswersFromMemory(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		a := h.hire("worker-1", 16000)
		defer a.close()
		v := watching(t, h, a)
		defer v.Close()
		asked := a.asked.Load()
		list, source := v.from(h, events.Filters{})
		if source != events.SourceCache || len(list.Workers) != 2 || list.Total != 2 || list.AdminPeerID != "worker-1" || list.Stale {
			t.Fatalf("%+v", list)
		}
		a.notify(a.row(16000, events.StatusBusy))
		synctest.Wait()
		list, source = v.from(h, events.Filters{Status: events.StatusAvailable})
		if source != events.SourceCache || len(list.Workers) != 1 || list.Workers[0].PeerID != "worker-7" || len(list.Rejected) != 1 {
			t.Errorf("after a notice: %+v", list)
		}
		if n := a.asked.Load(); n != asked {
			t.Errorf("the admin was asked %d times", n-asked)
		}
		time.Sleep(2 * time.Second)
		if list, _ := v.from(h, events.Filters{}); list.AgeMS != 2000 {
			t.Errorf("%d ms old", list.AgeMS)
		}
		time.Sleep(10 * time.Second)
		if list, source := v.from(h, events.Filters{}); source != events.SourceCache || list.AgeMS > events.HeartbeatInterval.Milliseconds() {
			t.Errorf("from %s, %d ms old", source, list.AgeMS)
		}
	})
}

func TestWatch_AGapIsNoticed(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		a := h.hire("worker-1", 16000)
		defer a.close()
		v := watching(t, h, a)
		defer v.Close()
		asked := a.asked.Load()
		a.knows(a.row(16000, events.StatusDraining))
		a.notice(a.row(16000, events.StatusBusy)) // is never sent
		a.notify(a.row(16000, events.StatusReserved))
		synctest.Wait()
		list, source := v.from(h, events.Filters{})
		if source != events.SourceCache || len(list.Workers) != 1 || list.Workers[0].Status != events.StatusDraining || a.asked.Load() != asked+1 {
			t.Errorf("asked %d times: %+v", a.asked.Load()-asked, list)
		}
		forged := a.notice(a.row(16000, events.StatusBusy))
		b := h.hire("worker-2", 8000)
		defer b.close()
		b.publish(forged)
		synctest.Wait()
		if list, _ := v.from(h, events.Filters{}); list.Workers[0].Status != events.StatusDraining {
			t.Error("another than the admin was believed")
		}
	})
}

func TestWatch_TheCopyFollowsTheAdmin(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		a, b := h.hire("worker-1", 16000), h.hire("worker-2", 8000)
		defer b.close()
		v := watching(t, h, a)
		defer v.Close()
		b.knows(b.row(8000, events.StatusBusy))
		a.leave()
		b.claim()
		time.Sleep(2 * time.Second)
		list, source := v.from(h, events.Filters{})
		if source != events.SourceCache || list.AdminPeerID != "worker-2" || len(list.Workers) != 1 || list.Workers[0].PeerID != "worker-2" {
			t.Errorf("%+v", list)
		}
	})
}

func TestWatch_WithoutTheHubTheCopyIsStale(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		a := h.hire("worker-1", 16000)
		defer a.close()
		v := watching(t, h, a)
		defer v.Close()
		v.line.tear()
		time.Sleep(20 * time.Second)
		list, source := v.from(h, events.Filters{})
		if source != events.SourceCache || !list.Stale || len(list.Workers) != 2 || list.AgeMS < 15000 {
			t.Errorf("%+v", list)
		}
		v.line.mend()
		time.Sleep(10 * time.Second)
		if list, source := v.from(h, events.Filters{}); source != events.SourceCache || list.Stale {
			t.Errorf("after the hub is back: from %s: %+v", source, list)
		}
	})
}

func TestWatch_TheCopyEndsWithTheLastWatch(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		a := h.hire("worker-1", 16000)
		defer a.close()
		a.knows(a.row(16000, events.StatusAvailable))
		v := h.visit()
		defer v.Close()
		var ends []func()
		for range 2 {
			ctx, cancel := context.WithCancel(t.Context())
			happened, err := v.Watch(ctx)
			h.must(err)
			ends = append(ends, func() {
				cancel()
				for range happened {
				}
			})
		}
		synctest.Wait()
		ends[0]()
		if _, source := v.from(h, events.Filters{}); source != events.SourceCache {
			t.Errorf("with one watch left: from %s", source)
		}
		ends[1]()
		if _, source := v.from(h, events.Filters{}); source != events.SourceAdmin {
			t.Errorf("with none left: from %s", source)
		}
	})
}
