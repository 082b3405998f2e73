// Bench measures a room on this machine: a hub and ten workers as processes of
// their own, and prints a table. It judges by the targets beside the numbers and
// fails only if something did not work at all: a busy machine is no defect.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

type options struct {
	size, meshes, queries, changes, kills int
	idleSeconds                           int
}

func main() {
	var o options
	flag.IntVar(&o.size, "workers", 10, "in the room")
	flag.IntVar(&o.meshes, "meshes", 3, "times to start the whole room")
	flag.IntVar(&o.queries, "queries", 2000, "questions to the admin, and a quarter of them to HTTP")
	flag.IntVar(&o.changes, "changes", 100, "changes of a worker's status")
	flag.IntVar(&o.kills, "kills", 5, "times to kill the admin")
	flag.IntVar(&o.idleSeconds, "idle", 30, "seconds to watch workers that do nothing")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	bin, err := filepath.Abs("bin")
	if err != nil {
		return err
	}
	meshes := sample{what: "mesh complete", unit: seconds, target: 2}
	for range o.meshes - 1 {
		b, took, err := open(ctx, bin, o)
		if err != nil {
			return err
		}
		b.close()
		meshes.add(took)
	}
	b, took, err := open(ctx, bin, o)
	if err != nil {
		return err
	}
	defer b.close()
	meshes.add(took)
	table := []sample{meshes}
	for _, measure := range []func(context.Context) ([]sample, error){b.discovery, b.propagation, b.idle, b.failover} {
		samples, err := measure(ctx)
		if err != nil {
			return fmt.Errorf("%w\n%s", err, b.stage.Logs(5))
		}
		table = append(table, samples...)
	}
	fmt.Print(machine(ctx))
	fmt.Printf("%d workers, %d links, each worker a process\n\n", o.size, o.size*(o.size-1)/2)
	fmt.Print(render(table))
	return nil
}
