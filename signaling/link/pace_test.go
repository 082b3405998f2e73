package link

import (
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

// Issue 6.5: a member that sends as fast as it can is read at the channel's rate, which
// holds it back; what it sent comes all the same.
func TestLink_WhoSendsTooFastIsHeldBack(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		near, far := w.dial(1, events.PurposeMesh)
		sent := make(chan error, 1)
		const frames = 10_000
		start := time.Now()
		go func() {
			for range frames {
				if err := near.Control().SendWait(t.Context(), make([]byte, 1000)); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		for range frames {
			receive(t, far.Control())
		}
		must(t, <-sent)
		least := time.Duration(frames-controlRate.Burst-maxFrames) * time.Second / time.Duration(controlRate.PerSecond)
		if took := time.Since(start); took < least {
			t.Errorf("%d frames came in %s, at least %s", frames, took, least)
		}
	})
}

// A job's log and files are not held back: only what a client may ask for is.
func TestLink_FilesAndLogsComeFast(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		near, far := w.dial(1, events.PurposeJob)
		for _, c := range []struct {
			what string
			in   *Channel
			want int
		}{
			{"control at the worker", far.Control(), controlRate.PerSecond}, {"control at the client", near.Control(), bulkRate.PerSecond},
			{"files at the worker", far.Bulk(), bulkRate.PerSecond}, {"files at the client", near.Bulk(), bulkRate.PerSecond},
		} {
			if got := int(c.in.rate.Limit()); got != c.want {
				t.Errorf("%s: %d a second, want %d", c.what, got, c.want)
			}
		}
	})
}
