package main

import (
	"os"
	"runtime"
	"sync"
)

// busyProcessors bounds how many of Go's processors clients may use: about what one
// transfer can.
const busyProcessors = 4

// processors keeps Go's scheduler on one processor while no client is linked
// (docs/adr/0017). GOMAXPROCS in the environment is the owner's word and is kept.
type processors struct {
	mu      sync.Mutex // guards clients
	clients int
}

func newProcessors() *processors {
	p := &processors{}
	p.set()
	return p
}

// linked counts a client's link until ended is called.
func (p *processors) linked() (ended func()) {
	p.add(1)
	return func() { p.add(-1) }
}

func (p *processors) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clients += n
	p.set()
}

func (p *processors) set() {
	if os.Getenv("GOMAXPROCS") != "" {
		return
	}
	want := 1
	if p.clients > 0 {
		want = min(busyProcessors, runtime.NumCPU())
	}
	if runtime.GOMAXPROCS(0) != want {
		runtime.GOMAXPROCS(want)
	}
}
