package jobs

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestShelf(t *testing.T) {
	nobody := func(string) bool { return false }
	t.Run("a day", func(t *testing.T) {
		s := shelf{keepFor: 24 * time.Hour, keep: 50, keepBytes: 1000}
		s.add("old", t0, 1, false)
		s.add("new", t0.Add(time.Hour), 1, true)
		if got := s.expire(t0.Add(24*time.Hour), nobody); got != nil {
			t.Errorf("removed %v", got)
		}
		if diff := cmp.Diff([]string{"old"}, s.expire(t0.Add(24*time.Hour+1), nobody)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("the last few of the fetched, all of the others", func(t *testing.T) {
		s := shelf{keepFor: 24 * time.Hour, keep: 2, keepBytes: 1000}
		for i := range 6 {
			s.add(strconv.Itoa(i), t0.Add(time.Duration(i)*time.Minute), 1, i%2 == 0)
		}
		s.fetched("5")
		if diff := cmp.Diff([]string{"2", "0"}, s.expire(t0.Add(time.Hour), nobody)); diff != "" {
			t.Error(diff)
		}
		if len(s.jobs) != 4 || s.expire(t0.Add(time.Hour), nobody) != nil {
			t.Errorf("kept %+v", s.jobs)
		}
	})
	t.Run("not while it is read", func(t *testing.T) {
		s := shelf{keepFor: time.Hour, keep: 1, keepBytes: 1000}
		s.add("read", t0, 1, true)
		if got := s.expire(t0.Add(48*time.Hour), func(id string) bool { return id == "read" }); got != nil {
			t.Errorf("removed %v", got)
		}
		if got := s.expire(t0.Add(48*time.Hour), nobody); len(got) != 1 {
			t.Errorf("removed %v", got)
		}
	})
	t.Run("up to a size: the oldest go, the fetched first", func(t *testing.T) {
		s := shelf{keepFor: time.Hour, keep: 50, keepBytes: 100}
		for i, spare := range []bool{false, true, false, true, false} {
			s.add(strconv.Itoa(i), t0.Add(time.Duration(i)), 40, spare)
		}
		if diff := cmp.Diff([]string{"1", "3", "0"}, s.expire(t0.Add(time.Minute), nobody)); diff != "" {
			t.Error(diff)
		}
		s.keepBytes = 50
		if diff := cmp.Diff([]string{"4"}, s.expire(t0.Add(time.Minute), func(id string) bool { return id == "2" })); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("added out of order", func(t *testing.T) {
		s := shelf{keepFor: time.Hour, keep: 1, keepBytes: 1000}
		s.add("b", t0.Add(2), 1, true)
		s.add("a", t0.Add(1), 1, true)
		s.add("c", t0.Add(3), 1, true)
		if diff := cmp.Diff([]string{"b", "a"}, s.expire(t0.Add(time.Minute), nobody)); diff != "" {
			t.Error(diff)
		}
	})
}
