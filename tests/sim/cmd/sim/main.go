// Command sim plays schedules of the room's simulation: sim -runs 200 -seed 1. With
// -reservations it plays clients that race for slots.
// It exits 1 when an invariant fell or a kind of fault never happened. Interrupted, it
// ends with the summary of the schedules so far.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/moothall/moothall/tests/sim"
)

func main() {
	runs := flag.Int("runs", 200, "number of schedules")
	seed := flag.Uint64("seed", 1, "seed of the first; each further one adds 1")
	first := flag.Bool("first", false, "stop at the first violation")
	every := flag.Int("every", 0, "print the summary so far after this many")
	reservations := flag.Int("reservations", 0, "play bookings of slots instead, until so many were granted")
	trace := flag.Bool("trace", false, "print the events of the one schedule -seed")
	flag.Parse()
	if *reservations > 0 {
		b := sim.Book(*seed, *reservations)
		for _, v := range b.Violations {
			fmt.Println(v)
		}
		fmt.Println(b)
		if !b.OK() {
			os.Exit(1)
		}
		return
	}
	if *trace {
		fmt.Println(sim.Run(sim.Options{Seed: *seed, Trace: os.Stdout}).Violations)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var s sim.Summary
	for s = range sim.Many(*seed, *runs, func(r sim.Result, seed uint64) {
		fmt.Printf("seed %d: %s\n", seed, r.Violations[0])
	}) {
		if ctx.Err() != nil || *first && s.Violations > 0 {
			break
		}
		if *every > 0 && s.Runs%*every == 0 && s.Runs < *runs {
			fmt.Println(s)
		}
	}
	fmt.Println(s)
	if !s.OK() {
		os.Exit(1)
	}
}
