package bubble

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/jobs"
)

// A reservation that is not used lapses by itself, and the row hears of it.
func TestJobs_AReservationLapsesByItself(t *testing.T) {
	commands, err := jobs.ParseCommands("sh=/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := jobs.New(jobs.Config{
			Dir: dir, Commands: commands, Slots: 1, Incarnation: func() uint64 { return 7 }, Worker: "worker-1", Room: "lab",
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.Run(ctx)
		}()
		if _, err := s.Reserve("alice", events.Reserve{V: 1, RequestID: "r", Command: "sh"}); err != nil {
			t.Fatal(err)
		}
		<-s.Changed()
		begun := time.Now()
		<-s.Changed()
		if got := time.Since(begun); got != events.ReserveTTL {
			t.Errorf("lapsed after %s", got)
		}
		if got := s.Load().Status; got != events.StatusAvailable {
			t.Errorf("status %s", got)
		}
		cancel()
		<-done
	})
}
