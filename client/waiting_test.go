package client

import (
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

// What is waited for is said at once, again when it is another thing, and each minute.
func TestWaiting_SaysWhatItWaitsForWhenThatChanges(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w := newWaiting(time.Hour, now)
	busy := allBusy([]events.Worker{{Name: "heron", CurrentJob: "j-1"}})
	other := allBusy([]events.Worker{{Name: "heron", CurrentJob: "j-2"}})
	for i, c := range []struct {
		after time.Duration
		err   error
		says  string
	}{
		{0, busy, "heron, job j-1); at most 1h0m0s more"},
		{time.Second, busy, ""},
		{time.Second, other, "heron, job j-2); at most 59m58s more"},
		{sayAgain - 1, other, ""},
		{1, other, "at most 58m58s more"},
	} {
		now = now.Add(c.after)
		text, ok := w.says(c.err, now)
		if ok != (c.says != "") || !strings.Contains(text, c.says) {
			t.Errorf("%d: %q, %t", i, text, ok)
		}
	}
}

func TestWaiting_EndsWithHowLongItWas(t *testing.T) {
	now := time.Now()
	busy := allBusy([]events.Worker{{Name: "heron"}})
	if w := newWaiting(0, now); !w.over(now) || w.timedOut(busy) != busy { //nolint:errorlint // the same one
		t.Error("a job that does not wait says that it waited")
	}
	w := newWaiting(time.Minute, now)
	if w.over(now.Add(time.Minute-1)) || !w.over(now.Add(time.Minute)) {
		t.Error("its deadline is another")
	}
	if e := events.AsError(w.timedOut(busy)); e.Code != events.CodeAllBusy || e.Facts[len(e.Facts)-1] != "waited 1m0s in vain" {
		t.Errorf("%+v", e)
	}
}
