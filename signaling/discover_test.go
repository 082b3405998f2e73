package signaling

import (
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

func TestWorkers_ListsWhoIsHereWithWhatTheyReported(t *testing.T) {
	d := newDesk(t)
	all := d.seats(4)
	d.mustLeave(all[3])
	report := events.StatusReport{Seat: all[1], Status: events.StatusBusy, CurrentJob: "j-1", Slots: events.Slots{Total: 1}}
	if _, err := d.settle(d.g.Report(d.r, all[1].PeerID, report, d.now)); err != nil {
		t.Fatal(err)
	}
	d.lost(all[2], time.Second)
	d.facts[all[0].PeerID] = Fact{Incarnation: all[0].Incarnation, Heard: d.now.Add(-time.Second)}
	l := d.g.Workers(d.r, events.Filters{}, d.facts, d.now)
	want := []events.Status{events.StatusAvailable, events.StatusBusy, events.StatusSuspect}
	if l.Source != "http" || l.Total != 3 || len(l.Workers) != 3 || l.AdminPeerID != "worker-01" || l.N != 1 {
		t.Fatalf("%+v", l)
	}
	for i, w := range l.Workers {
		if w.Status != want[i] || w.NKey == "" || w.IsAdmin != (i == 0) {
			t.Errorf("worker %d: %+v", i, w)
		}
	}
	if l.Workers[1].CurrentJob != "j-1" || !l.Workers[0].LastHeartbeat.Equal(d.now.Add(-time.Second)) {
		t.Fatalf("%+v", l.Workers)
	}
}

func TestWorkers_SaysWhyTheOthersDidNotMatch(t *testing.T) {
	d := newDesk(t)
	d.seat("worker-1", memory(8000))
	d.seat("worker-2", memory(24000))
	l := d.g.Workers(d.r, events.Filters{MinGPUMemoryMB: 16000}, d.facts, d.now)
	if len(l.Workers) != 1 || l.Workers[0].PeerID != "worker-2" || len(l.Rejected) != 1 || l.Total != 2 {
		t.Fatalf("%+v", l)
	}
}

func TestReport_IsOfTheNewestProcessOnlyAndRaisesNoVersion(t *testing.T) {
	d := newDesk(t)
	old := d.seat("worker-1")
	s := d.seat("worker-1", instance("b"))
	version := d.r.Version
	report := func(s events.Seat, status events.Status) (Decision, error) {
		return d.settle(d.g.Report(d.r, "worker-1", events.StatusReport{Seat: s, Status: status}, d.now))
	}
	d.refused(events.CodeOldIncarnation)(report(old, events.StatusBusy))
	d.refused(events.CodeInvalid)(report(s, events.StatusDeparted))
	if _, err := report(s, events.StatusBusy); err != nil || d.r.Version != version || d.r.member("worker-1").Status != events.StatusBusy {
		t.Fatalf("version %d, %+v, %v", d.r.Version, d.r.Members, err)
	}
	if x, err := report(s, events.StatusBusy); err != nil || x.Changed {
		t.Fatalf("the same report wrote the record: %v", err)
	}
}

func TestInfo_ShowsAwaySeatsMarked(t *testing.T) {
	d := newDesk(t)
	all := d.seats(2)
	d.mustLeave(all[1])
	i := d.g.Info(d.r, d.facts)
	if len(i.Peers) != 2 || !i.Peers[1].Away || i.Peers[1].AwayReason != "left" || i.Reason != "first" || i.Since.IsZero() {
		t.Fatalf("%+v", i)
	}
	if !d.r.Unannounced() {
		t.Fatal("a tenure that nobody announced counts as announced")
	}
	_, _ = d.settle(d.g.MarkAnnounced(d.r, d.r.Tenure.Term), nil)
	if d.r.Unannounced() || d.g.MarkAnnounced(d.r, d.r.Tenure.Term).Changed {
		t.Fatal("not marked, or marked twice")
	}
}
