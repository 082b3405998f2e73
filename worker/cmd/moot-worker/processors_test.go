package main

import (
	"runtime"
	"testing"
)

func TestProcessors_OneUnlessAClientIsLinked(t *testing.T) {
	t.Setenv("GOMAXPROCS", "")
	before := runtime.GOMAXPROCS(0)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
	busy := min(busyProcessors, runtime.NumCPU())
	check := func(when string, want int) {
		t.Helper()
		if n := runtime.GOMAXPROCS(0); n != want {
			t.Errorf("%s: %d processors, want %d", when, n, want)
		}
	}
	p := newProcessors()
	check("idle", 1)
	first, second := p.linked(), p.linked()
	check("two clients", busy)
	first()
	check("one client", busy)
	second()
	check("idle again", 1)

	runtime.GOMAXPROCS(2)
	t.Setenv("GOMAXPROCS", "2")
	newProcessors().linked()
	check("the owner's word", 2)
}
