//go:build linux

// Package faults breaks real things: the built programs as processes, each on a host
// of its own in a network of this machine, whose packets are dropped, which are killed
// with signal 9, frozen and thawed. After each heal the room must be whole within 5 s.
//
// Random rounds are drawn from a seed, which is printed:
//
//	make faults ROUNDS=50 SEED=7
package faults

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/moothall/moothall/tests/process"
)

// parallel is how many halls stand at the same time: they wait more than they compute.
const parallel = 13

func TestMain(m *testing.M) {
	flag.Parse()
	if missing() == "" {
		if err := sweep(); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
	}
	os.Exit(process.Run(m, parallel, func() {}))
}
