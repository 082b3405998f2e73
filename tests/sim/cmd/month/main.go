// Command month plays 30 ordinary days of a room of ten in virtual time, prints what
// its state came to, as a table, and exits 1 if it outgrew its bounds.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/tests/sim"
	"github.com/moothall/moothall/worker/roster"
)

func main() {
	days := flag.Int("days", 30, "number of days")
	seed := flag.Uint64("seed", 1, "seed")
	rhythm := flag.Duration("rhythm", 2*time.Minute, "time between two heartbeats and two leases; 0 is the true one, which takes hours")
	flag.Parse()
	all, err := sim.Month(sim.MonthOptions{Seed: *seed, Days: *days, Rhythm: *rhythm, Report: func(d sim.Day) {
		fmt.Fprintf(os.Stderr, "%+v\n", d)
	}})
	fmt.Print(sim.MonthTable(all))
	for _, d := range all {
		if d.PeakChanges > roster.MaxChanges+1 || d.PeakBytes > roster.MaxBytes+events.MaxChange {
			err = fmt.Errorf("a history of %d changes, %d bytes", d.PeakChanges, d.PeakBytes)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
