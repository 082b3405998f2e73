package jobs

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/moothall/moothall/events"
)

var t0 = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func mustReserve(t *testing.T, s *Slots, at time.Duration, from, request string) events.JobLease {
	t.Helper()
	l, _, err := s.Reserve(t0.Add(at), 7, from, request)
	if err != nil {
		t.Fatalf("reserve for %s: %v", from, err)
	}
	return l
}

func wantCode(t *testing.T, err error, want events.Code) {
	t.Helper()
	if events.CodeOf(err) != want {
		t.Errorf("got %v (%q), want code %q", err, events.CodeOf(err), want)
	}
}

func TestSlots_OneClientAtATime(t *testing.T) {
	s := NewSlots("calm-heron", 1)
	mustReserve(t, s, 0, "alice", "r1")
	_, _, err := s.Reserve(t0, 7, "bob", "r1")
	wantCode(t, err, events.CodeBusy)
	if want := "calm-heron is busy: 0 of 1 slots run a job, 1 are reserved"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestSlots_SameRequestSameLease(t *testing.T) {
	s := NewSlots("w", 2)
	l := mustReserve(t, s, 0, "alice", "r1")
	if again := mustReserve(t, s, time.Second, "alice", "r1"); again != l {
		t.Errorf("got %v, then %v", l, again)
	}
	if other := mustReserve(t, s, 0, "alice", "r2"); other == l {
		t.Error("another request got the same lease")
	}
	if s.Count().Free != 0 {
		t.Errorf("free: %d", s.Count().Free)
	}
}

func TestSlots_RepeatingARequestDoesNotProlongIt(t *testing.T) {
	s := NewSlots("w", 1)
	mustReserve(t, s, 0, "alice", "r1")
	_, left, err := s.Reserve(t0.Add(20*time.Second), 7, "alice", "r1")
	if err != nil || left != 10*time.Second {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestSlots_ReservationLapsesAfter30Seconds(t *testing.T) {
	s := NewSlots("w", 1)
	l := mustReserve(t, s, 0, "alice", "r1")
	if next, ok := s.NextLapse(); !ok || !next.Equal(t0.Add(30*time.Second)) {
		t.Errorf("next lapse %v, %v", next, ok)
	}
	if s.Lapse(t0.Add(30*time.Second - 1)) {
		t.Error("lapsed too early")
	}
	if !s.Lapse(t0.Add(30 * time.Second)) {
		t.Error("did not lapse")
	}
	wantCode(t, s.Start(t0.Add(30*time.Second), "alice", l, "j-1"), events.CodeNoLease)
	mustReserve(t, s, 31*time.Second, "bob", "r1")
}

func TestSlots_StartNeedsTheCurrentLease(t *testing.T) {
	s := NewSlots("w", 1)
	old := mustReserve(t, s, 0, "alice", "r1")
	now := mustReserve(t, s, 40*time.Second, "alice", "r2")
	at := t0.Add(41 * time.Second)
	wantCode(t, s.Start(at, "alice", old, "j-1"), events.CodeNoLease)
	wantCode(t, s.Start(at, "alice", events.JobLease{}, "j-1"), events.CodeNoLease)
	wantCode(t, s.Start(at, "alice", events.JobLease{Incarnation: 6, Seq: now.Seq}, "j-1"), events.CodeNoLease)
	wantCode(t, s.Start(at, "bob", now, "j-1"), events.CodeForbidden)
	if err := s.Start(at, "alice", now, "j-1"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.Start(at, "alice", now, "j-2"), events.CodeNoLease)
	if s.Job() != "j-1" {
		t.Errorf("runs %q", s.Job())
	}
}

func TestSlots_ARunningJobNeverLapses(t *testing.T) {
	s := NewSlots("w", 1)
	l := mustReserve(t, s, 0, "alice", "r1")
	if err := s.Start(t0.Add(time.Second), "alice", l, "j-1"); err != nil {
		t.Fatal(err)
	}
	if s.Lapse(t0.Add(24*time.Hour)) || s.Status() != events.StatusBusy {
		t.Errorf("status %s", s.Status())
	}
	if _, ok := s.NextLapse(); ok {
		t.Error("a running job is about to lapse")
	}
}

func TestSlots_ReleaseGivesBack(t *testing.T) {
	s := NewSlots("w", 1)
	l := mustReserve(t, s, 0, "alice", "r1")
	wantCode(t, s.Release(t0, "bob", l), events.CodeForbidden)
	if err := s.Release(t0, "alice", l); err != nil {
		t.Fatal(err)
	}
	if err := s.Release(t0, "alice", l); err != nil {
		t.Errorf("a second release: %v", err)
	}
	l = mustReserve(t, s, 0, "bob", "r1")
	if err := s.Start(t0, "bob", l, "j-1"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.Release(t0, "bob", l), events.CodeNoLease)
}

func TestSlots_FinishFreesAndPanicsOtherwise(t *testing.T) {
	s := NewSlots("w", 1)
	l := mustReserve(t, s, 0, "alice", "r1")
	if err := s.Start(t0, "alice", l, "j-1"); err != nil {
		t.Fatal(err)
	}
	s.Finish(l)
	if s.Status() != events.StatusAvailable {
		t.Errorf("status %s", s.Status())
	}
	defer func() {
		if recover() == nil {
			t.Error("finishing twice did not panic")
		}
	}()
	s.Finish(l)
}

func TestSlots_RefusesBeforeItHasASeatAndWhileItDrains(t *testing.T) {
	s := NewSlots("w", 2)
	_, _, err := s.Reserve(t0, 0, "alice", "r1")
	wantCode(t, err, events.CodeUnavailable)
	l := mustReserve(t, s, 0, "alice", "r1")
	s.Drain()
	_, _, err = s.Reserve(t0, 7, "bob", "r1")
	wantCode(t, err, events.CodeUnavailable)
	if err := s.Start(t0, "alice", l, "j-1"); err != nil {
		t.Errorf("a held reservation: %v", err)
	}
}

func TestSlots_StatusFollowsFromTheSlots(t *testing.T) {
	s := NewSlots("w", 2)
	want := func(status events.Status, job string, free int) {
		t.Helper()
		if s.Status() != status || s.Job() != job || s.Count() != (events.Slots{Total: 2, Free: free}) {
			t.Errorf("got %s %q %+v, want %s %q %d free", s.Status(), s.Job(), s.Count(), status, job, free)
		}
	}
	want(events.StatusAvailable, "", 2)
	a := mustReserve(t, s, 0, "alice", "r")
	want(events.StatusAvailable, "", 1)
	b := mustReserve(t, s, 0, "bob", "r")
	want(events.StatusReserved, "", 0)
	s.Start(t0, "bob", b, "j-b")
	want(events.StatusBusy, "j-b", 0)
	s.Start(t0, "alice", a, "j-a")
	want(events.StatusBusy, "j-a", 0)
	s.Finish(a)
	want(events.StatusAvailable, "j-b", 1)
	s.Drain()
	want(events.StatusDraining, "j-b", 1)
}

// The worker alone grants leases, so this is where double booking is ruled out
// (invariant I4): whatever clients do, leases are distinct, no more are held than
// there are slots, and only a held one starts, once.
func TestSlots_NeverTwoLeasesOnASlot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 3).Draw(t, "slots")
		s := NewSlots("w", n)
		m := model{leases: map[events.JobLease]*grant{}}
		now := t0
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "pause")) * time.Second)
			m.expire(now)
			from := rapid.SampledFrom([]string{"alice", "bob", "carol"}).Draw(t, "client")
			switch rapid.IntRange(0, 3).Draw(t, "action") {
			case 0:
				request := fmt.Sprint(rapid.IntRange(0, 2).Draw(t, "request"))
				lease, left, err := s.Reserve(now, 7, from, request)
				m.reserved(t, now, n, from, request, lease, left, err)
			case 1:
				lease := m.anyLease(t)
				err := s.Start(now, from, lease, fmt.Sprint("j", i))
				m.started(t, from, lease, err)
			case 2:
				lease := m.anyLease(t)
				if err := s.Release(now, from, lease); err == nil {
					m.released(t, from, lease)
				}
			case 3:
				if lease := m.anyLease(t); m.leases[lease] != nil && m.leases[lease].running {
					s.Finish(lease)
					delete(m.leases, lease)
				}
			}
			s.Lapse(now)
			if free := s.Count().Free; free != n-len(m.leases) {
				t.Fatalf("%d of %d slots are free, the model holds %d", free, n, len(m.leases))
			}
		}
	})
}

type grant struct {
	from, request string
	expires       time.Time
	running       bool
}

type model struct {
	leases map[events.JobLease]*grant
	last   uint64
	known  []events.JobLease
}

func (m *model) expire(now time.Time) {
	for l, g := range m.leases {
		if !g.running && !now.Before(g.expires) {
			delete(m.leases, l)
		}
	}
}

func (m *model) anyLease(t *rapid.T) events.JobLease {
	if len(m.known) == 0 {
		return events.JobLease{Incarnation: 7, Seq: 99}
	}
	return rapid.SampledFrom(m.known).Draw(t, "lease")
}

func (m *model) reserved(t *rapid.T, now time.Time, n int, from, request string, l events.JobLease, left time.Duration, err error) {
	for held, g := range m.leases {
		if g.from == from && g.request == request {
			if err != nil || l != held {
				t.Fatalf("the same request got %v, %v; it holds %v", l, err, held)
			}
			return
		}
	}
	if len(m.leases) == n {
		if !errors.Is(err, &events.Error{Code: events.CodeBusy}) {
			t.Fatalf("a full worker answered %v, %v", l, err)
		}
		return
	}
	if err != nil || l.Seq <= m.last || left != events.ReserveTTL {
		t.Fatalf("got %v, %v, %v after seq %d", l, left, err, m.last)
	}
	m.last = l.Seq
	m.known = append(m.known, l)
	m.leases[l] = &grant{from: from, request: request, expires: now.Add(left)}
}

func (m *model) started(t *rapid.T, from string, l events.JobLease, err error) {
	g := m.leases[l]
	may := g != nil && g.from == from && !g.running
	if may != (err == nil) {
		t.Fatalf("start of %v by %s: %v, the model has %+v", l, from, err, g)
	}
	if may {
		g.running = true
	}
}

func (m *model) released(t *rapid.T, from string, l events.JobLease) {
	g := m.leases[l]
	if g != nil && (g.from != from || g.running) {
		t.Fatalf("%s released %v, the model has %+v", from, l, g)
	}
	delete(m.leases, l)
}
