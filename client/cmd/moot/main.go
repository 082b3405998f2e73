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
	// A second Ctrl-C ends the program at once.
	context.AfterFunc(ctx, stop)
	p := &program{out: os.Stdout, err: os.Stderr}
	return p.run(ctx, os.Args[1:])
}
