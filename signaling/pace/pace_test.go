package pace

import (
	"fmt"
	"testing"
	"time"
)

func TestSenders_EachHasItsOwnRate(t *testing.T) {
	s := New(Rate{PerSecond: 10, Burst: 3})
	now := time.Unix(0, 0)
	for i := range 3 {
		if wait := s.Take("a", now); wait != 0 {
			t.Errorf("number %d waits %s", i+1, wait)
		}
	}
	for range 100 { // who comes too early waits no longer for it
		if wait := s.Take("a", now); wait != 100*time.Millisecond {
			t.Fatalf("one too many waits %s", wait)
		}
	}
	if wait := s.Take("b", now); wait != 0 {
		t.Errorf("another waits %s", wait)
	}
	if wait := s.Take("a", now.Add(100*time.Millisecond)); wait != 0 {
		t.Errorf("afterwards it waits %s", wait)
	}
}

func TestSenders_AreBounded(t *testing.T) {
	s := New(Rate{PerSecond: 1, Burst: 1})
	for i := range 2 * maxSenders {
		s.Take(fmt.Sprint(i), time.Unix(0, 0))
	}
	if n := len(s.senders); n > maxSenders {
		t.Errorf("%d senders are kept", n)
	}
}

// Callers take the time before it is their turn, so that it may come out of order.
func TestSenders_TimeThatGoesBackFillsNoBucket(t *testing.T) {
	s := New(Rate{PerSecond: 10, Burst: 1})
	now, passed := time.Unix(0, 0), 0
	for i := range 1000 {
		if s.Take("a", now.Add(time.Duration(i%2)*time.Second)) == 0 {
			passed++
		}
	}
	if passed != 2 {
		t.Errorf("%d pass in a second's time, want 2", passed)
	}
}
