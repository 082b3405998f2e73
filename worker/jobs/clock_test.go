package jobs

import (
	"os"
	"path/filepath"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/moothall/moothall/events"
)

const year = 365 * 24 * time.Hour

// jumped is what the clock says at t when somebody has set it: the monotonic part stays.
func jumped(t time.Time, by time.Duration) time.Time {
	const secondsAt = 30 // of the wall part, while there is a monotonic one
	parts := (*struct {
		wall uint64
		ext  int64
		loc  *time.Location
	})(unsafe.Pointer(&t))
	parts.wall += uint64(by/time.Second) << secondsAt
	return t
}

func TestJumped_TheWallOnly(t *testing.T) {
	now := time.Now()
	for _, by := range []time.Duration{year, -year, time.Hour} {
		if then := jumped(now, by); then.Sub(now) != 0 || then.Round(0).Sub(now.Round(0)) != by {
			t.Errorf("by %s: %s after %s", by, then, now)
		}
	}
}

// Issue 7: clock jumps change nothing. What is measured here is measured on the monotonic
// clock: leases, who hangs, for how long jobs are kept, and the rate of a job's lines.
func TestClock_JumpsChangeNothing(t *testing.T) {
	for _, by := range []time.Duration{year, -year, 3 * time.Hour, -3 * time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			now := time.Now()
			later := func(d time.Duration) time.Time { return jumped(now.Add(d), by) }

			s := NewSlots("w", 1)
			lease, _, err := s.Reserve(now, 1, "alice", "r")
			if err != nil {
				t.Fatal(err)
			}
			if s.Lapse(later(events.ReserveTTL - 1)) {
				t.Error("a lease lapsed early")
			}
			if _, left, err := s.Reserve(later(time.Second), 1, "alice", "r"); err != nil || left != events.ReserveTTL-time.Second {
				t.Errorf("%s are left of the lease, %v", left, err)
			}
			if !s.Lapse(later(events.ReserveTTL)) {
				t.Error("a lease does not lapse")
			}
			if err := s.Start(later(events.ReserveTTL), "alice", lease, "j"); err == nil {
				t.Error("a lease is of use when it has lapsed")
			}

			v := newVigil(DefaultLimits())
			v.tick(now)
			v.ask(now, "it")
			if why := v.hangs(later(v.patience)); why != "" {
				t.Error(why)
			}
			if v.hangs(later(v.patience+1)) == "" {
				t.Error("what hangs is not noticed")
			}

			kept := shelf{keepFor: 24 * time.Hour, keep: 50, keepBytes: 1000}
			kept.add("j", now, 1, false)
			if old := kept.expire(later(24*time.Hour), nobodyReads); old != nil {
				t.Errorf("%v went early", old)
			}
			if old := kept.expire(later(24*time.Hour+1), nobodyReads); len(old) != 1 {
				t.Errorf("%v went late", old)
			}

			o := newOutput(DefaultLimits())
			if n := len(o.feed(now, events.StreamStdout, []byte("a\rb\rc\n::progress 1 2\n"))); n != 3 {
				t.Errorf("%d events at first", n)
			}
			if n := len(o.feed(later(redrawEvery), events.StreamStdout, []byte("a\rb\n::progress 2 2\n"))); n != 3 {
				t.Errorf("%d events a second later", n)
			}
		})
	}
}

func nobodyReads(string) bool { return false }

// keeping is a store with jobs that ended at a time, as the clock was then.
func keeping(t *testing.T, at time.Time, ids ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	st, err := openStore(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		lay(t, st, id, at.Add(time.Duration(i)*time.Second), events.JobDone)
	}
	return dir
}

// lay puts a job into a store as a process left it that said no more than one state.
func lay(t *testing.T, st *store, id string, at time.Time, last events.JobState) {
	t.Helper()
	f, err := st.create(record{JobID: id, Client: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	l, err := createLog(id, f.log)
	if err != nil {
		t.Fatal(err)
	}
	l.append(at, state(last))
	l.close()
}

func kept(t *testing.T, dir string) (ids []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "j-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		ids = append(ids, filepath.Base(p))
	}
	return ids
}

// A machine that was off, or whose clock was wrong when a job ended, takes up the job all
// the same: nobody had the time to fetch it.
func TestTakeUp_ClockJumpsAgeNoJob(t *testing.T) {
	for _, by := range []time.Duration{-year, year} {
		dir := keeping(t, time.Now().Add(by), "j-aaaaaaaa")
		r := newRig(t, func(c *Config) { c.Dir = dir })
		if got := kept(t, dir); len(got) != 1 {
			t.Errorf("a job that ended at a clock %s away is gone", by)
		}
		r.halt()
	}
}

// What passes while workers run counts, over their restarts.
func TestTakeUp_JobsAgeWhileWorkersRun(t *testing.T) {
	const young, old = "j-aaaaaaaa", "j-bbbbbbbb"
	dir := keeping(t, time.Now(), young, old)
	st, err := openStore(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	day := (24 * time.Hour).Seconds()
	if err := st.writeAges(ages{young: day - 3600, old: day + 1}); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(c *Config) { c.Dir = dir })
	if diff := cmp.Diff([]string{young}, kept(t, dir)); diff != "" {
		t.Error(diff)
	}
	r.halt()
	if got := st.ages(); len(got) != 1 || got[young] <= day-3600 || got[young] > day {
		t.Errorf("the next worker reads the ages %v", got)
	}
}

// Without ages the times of their ends say which jobs are oldest.
func TestTakeUp_WithoutAgesTheOldestGoFirst(t *testing.T) {
	const first, second, third = "j-cccccccc", "j-aaaaaaaa", "j-bbbbbbbb"
	dir := keeping(t, time.Now().Add(-year), first, second, third)
	if err := os.WriteFile(filepath.Join(dir, agesFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	newRig(t, func(c *Config) { c.Dir, c.Limits.KeepJobs = dir, 2 })
	if diff := cmp.Diff([]string{second, third}, kept(t, dir)); diff != "" {
		t.Error(diff)
	}
}
