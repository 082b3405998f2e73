// Command moot asks a room of workers who is there and what happens, and runs jobs on
// them.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(start()) }

func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second Ctrl-C ends the program at once, unless a command waits for it.
	context.AfterFunc(ctx, stop)
	p := &program{out: os.Stdout, err: os.Stderr, interrupts: interrupts}
	return p.run(ctx, os.Args[1:])
}

// interrupts are the presses of Ctrl-C until stop is called.
func interrupts() (<-chan os.Signal, func()) {
	const thatCount = 2
	presses := make(chan os.Signal, thatCount)
	signal.Notify(presses, os.Interrupt)
	return presses, func() { signal.Stop(presses) }
}
