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
	"slices"
	"strings"
	"syscall"
	"time"
)

type options struct {
	bin                                    string
	what                                   string
	size, meshes, queries, changes, rounds int
	kills, peerKills, leaves, freezes      int
	restarts, idleSeconds                  int
	still                                  time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.bin, "bin", "bin", "folder of the programs")
	flag.StringVar(&o.what, "measure", strings.Join(names(), ","), "what, in this order")
	flag.IntVar(&o.size, "workers", 10, "in the room")
	flag.IntVar(&o.meshes, "meshes", 3, "times to start the whole room")
	flag.IntVar(&o.queries, "queries", 2000, "questions to the admin, and a quarter of them to HTTP")
	flag.IntVar(&o.changes, "changes", 100, "changes of a worker's status")
	flag.IntVar(&o.idleSeconds, "idle", 30, "seconds to watch workers that do nothing")
	flag.IntVar(&o.kills, "kills", 10, "times to kill the admin")
	flag.IntVar(&o.peerKills, "peer-kills", 4, "times to kill the leader of each peer")
	flag.IntVar(&o.rounds, "rounds", 2, "rounds of kills, ours and the peers' in turn")
	flag.IntVar(&o.leaves, "leaves", 5, "times the admin leaves")
	flag.IntVar(&o.freezes, "freezes", 1, "times to freeze the admin, 20 s each")
	flag.DurationVar(&o.still, "calm", time.Minute, "to watch a room in which nothing happens, on busy processors")
	flag.IntVar(&o.restarts, "restarts", 1, "times to restart the hub of ten rooms, 30 s each")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// A measure is a part of the bench. They stand in the order in which they disturb the
// room: after much work Go's runtime gives memory back for a while.
type measure struct {
	name string
	run  func(*bench, context.Context) ([]sample, error)
}

func measures() []measure {
	return []measure{
		{"idle", (*bench).idle}, {"discovery", (*bench).discovery}, {"propagation", (*bench).propagation}, {"state", (*bench).state},
		{"jobs", (*bench).jobs},
		{"failover", (*bench).failover}, {"leave", (*bench).leave}, {"frozen", (*bench).frozen},
		{"calm", (*bench).calm}, {"restart", (*bench).restart},
		{"join", (*bench).joining}, {"flood", (*bench).flood},
	}
}

func names() (all []string) {
	for _, m := range measures() {
		all = append(all, m.name)
	}
	return all
}

// chosen are the measures of a list of names, in our order.
func chosen(list string) (all []measure, err error) {
	wanted := strings.Split(list, ",")
	for _, name := range wanted {
		if !slices.Contains(names(), name) {
			return nil, fmt.Errorf("-measure %s: there is %s", name, strings.Join(names(), ", "))
		}
	}
	for _, m := range measures() {
		if slices.Contains(wanted, m.name) {
			all = append(all, m)
		}
	}
	return all, nil
}

func run(ctx context.Context, o options) (err error) {
	todo, err := chosen(o.what)
	if err != nil {
		return err
	}
	if o.bin, err = filepath.Abs(o.bin); err != nil {
		return err
	}
	about := machine(ctx) // its load is that before the bench
	meshes := sample{what: "mesh complete", unit: seconds, target: 2}
	for range o.meshes - 1 {
		b, took, err := open(ctx, o)
		if err != nil {
			return err
		}
		b.close()
		meshes.add(took)
	}
	b, took, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer b.close()
	meshes.add(took)
	table := []sample{meshes}
	for _, m := range todo {
		var samples []sample
		if samples, err = m.run(b, ctx); err != nil {
			if err = fmt.Errorf("%s: %w", m.name, err); len(b.stage.PIDs()) > 0 {
				err = fmt.Errorf("%w\n%s", err, b.stage.Logs(5))
			}
			break
		}
		table = append(table, samples...)
	}
	// What was measured before something failed is worth showing.
	fmt.Print(about)
	fmt.Printf("%d workers, %d links, each worker a process\n\n", o.size, o.size*(o.size-1)/2)
	fmt.Print(render(table))
	fmt.Print(method)
	return err
}

const method = `
A loss counts from just before the signal until the last of the others accepted the
new admin's certificate: each worker takes the time itself, in its log, and its whole
millisecond counts. The peers' ten processes take theirs too, when they see the new
leader. All on one clock, rounds in turn.

A merge counts from when the worker that changes shows it itself until the last of the
others does. The peers' update has the size of a signed change and counts from just
before it is sent; each of them signs and checks nothing.
`
