package client

import (
	"fmt"
	"strings"
	"time"

	"github.com/moothall/moothall/events"
)

// sayAgain is how often a job that waits repeats what it waits for.
const sayAgain = time.Minute

// A waiting is the patience of one job without a worker. There is no queue: of all
// who wait for a worker the first to ask it after it is free has it.
type waiting struct {
	patience time.Duration
	deadline time.Time
	said     string
	again    time.Time
}

func newWaiting(patience time.Duration, now time.Time) *waiting {
	return &waiting{patience: patience, deadline: now.Add(patience)}
}

func (w *waiting) over(now time.Time) bool { return !now.Before(w.deadline) }

func (w *waiting) left(now time.Time) time.Duration { return w.deadline.Sub(now) }

// says is what is waited for, in words for a person, if it is time to say it: when it
// is another thing than before, and each minute.
func (w *waiting) says(err error, now time.Time) (string, bool) {
	e := events.AsError(err)
	reason := strings.Join(append([]string{e.Message}, e.Facts...), "; ")
	if reason == w.said && now.Before(w.again) {
		return "", false
	}
	w.said, w.again = reason, now.Add(sayAgain)
	return fmt.Sprintf("%s; at most %s more", reason, w.left(now).Round(time.Second)), true
}

// timedOut is the last refusal, with how long was waited.
func (w *waiting) timedOut(err error) error {
	if w.patience <= 0 {
		return err
	}
	return events.AsError(err).WithFact("waited %s in vain", w.patience).
		WithTry("a longer --wait, or filters that more workers match")
}

// passing reports whether a refusal may be over in a while.
func passing(err error) bool {
	switch events.CodeOf(err) {
	case events.CodeNoWorkers, events.CodeNoMatch, events.CodeAllBusy, events.CodeNoAdmin:
		return true
	}
	return false
}
