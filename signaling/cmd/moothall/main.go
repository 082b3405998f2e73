// Command moothall is the hub: NATS server, signaling service and HTTP in one
// process.
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
	// A second signal ends the hub at once.
	context.AfterFunc(ctx, stop)
	p := &program{out: os.Stdout, err: os.Stderr}
	return p.run(ctx, os.Args[1:])
}
