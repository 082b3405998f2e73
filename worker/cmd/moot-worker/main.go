// Command moot-worker is the agent on a GPU machine. It takes its configuration
// from the environment only; moot-worker --env-help lists it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/moothall/moothall/worker/jobs"
)

func main() {
	jobs.Supervise()
	os.Exit(start())
}

func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the worker at once.
	context.AfterFunc(ctx, stop)
	p := &program{out: os.Stdout, err: os.Stderr}
	return p.run(ctx, os.Args[1:])
}
