package sim

import (
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster"
)

// Work list 4.3, 7.3: a slice of what make month plays. The state stays small for
// ever: the history is bounded, and memory and goroutines are those of the first day.
func TestMonth_TheStateStaysSmall(t *testing.T) {
	days, err := Month(MonthOptions{Seed: 1, Days: 2, Rhythm: time.Minute, Day: 6 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	first, last := days[0], days[len(days)-1]
	for i, d := range days {
		t.Logf("day %d: %+v", i+1, d)
		if d.PeakChanges > roster.MaxChanges+1 || d.PeakBytes > roster.MaxBytes+events.MaxChange {
			t.Errorf("day %d: %d changes of %d bytes in one generation", i+1, d.PeakChanges, d.PeakBytes)
		}
		if d.Saved > roster.MaxBytes {
			t.Errorf("day %d: %d bytes saved", i+1, d.Saved)
		}
		// All jobs, but for those that a restart cut short; all checkpoints between.
		if jobs := 3 * jobsADay * monthWorkers; d.Changes < jobs*9/10 || d.Generations < 5 {
			t.Errorf("day %d: %d changes in %d generations: not an ordinary day", i+1, d.Changes, d.Generations)
		}
	}
	// The days end with histories of different lengths, at most 64 KiB in ten replicas: with
	// what is parsed of them 2 MiB.
	if last.Heap > first.Heap+3<<20 || last.Goroutines > first.Goroutines {
		t.Errorf("the heap went from %d to %d, goroutines from %d to %d", first.Heap, last.Heap, first.Goroutines, last.Goroutines)
	}
}

// Heartbeats are no part of the document: an hour of them changes nothing but the
// checkpoints, twelve of each worker.
func TestMonth_HeartbeatsDoNotEnterTheDocument(t *testing.T) {
	w := newRoom(t, 8000, 16000, 8000)
	before := w.peers[1].proc.replica.Changes()
	w.play(time.Hour)
	if n := w.peers[1].proc.replica.Changes() - before; n < 33 || n > 36 {
		t.Errorf("%d changes in an hour of %d heartbeats", n, 3*720)
	}
}
