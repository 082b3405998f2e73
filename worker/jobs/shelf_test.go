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
		s := shelf{keepFor: 24 * time.Hour, keep: 50}
		s.add("old", t0, false)
		s.add("new", t0.Add(time.Hour), true)
		if got := s.expire(t0.Add(24*time.Hour), nobody); got != nil {
			t.Errorf("removed %v", got)
		}
		if diff := cmp.Diff([]string{"old"}, s.expire(t0.Add(24*time.Hour+1), nobody)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("the last few of the fetched, all of the others", func(t *testing.T) {
		s := shelf{keepFor: 24 * time.Hour, keep: 2}
		for i := range 6 {
			s.add(strconv.Itoa(i), t0.Add(time.Duration(i)*time.Minute), i%2 == 0)
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
		s := shelf{keepFor: time.Hour, keep: 1}
		s.add("read", t0, true)
		if got := s.expire(t0.Add(48*time.Hour), func(id string) bool { return id == "read" }); got != nil {
			t.Errorf("removed %v", got)
		}
		if got := s.expire(t0.Add(48*time.Hour), nobody); len(got) != 1 {
			t.Errorf("removed %v", got)
		}
	})
	t.Run("added out of order", func(t *testing.T) {
		s := shelf{keepFor: time.Hour, keep: 1}
		s.add("b", t0.Add(2), true)
		s.add("a", t0.Add(1), true)
		s.add("c", t0.Add(3), true)
		if diff := cmp.Diff([]string{"b", "a"}, s.expire(t0.Add(time.Minute), nobody)); diff != "" {
			t.Error(diff)
		}
	})
}
