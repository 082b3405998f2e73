// Fuzz gives every decoder of what strangers send inputs of its own invention, one
// target after the other, and closes with a line for each:
//
//	fuzz: target=NAME execs=N crashes=0
//
// A target has crashed if an input made it fail, if it did not end in time, or if one
// of its processes ever had more memory than limitMemory. The input that did it is
// written to the target's testdata, where go test plays it again.
//
//	go run ./scripts/fuzz                     all targets
//	go run ./scripts/fuzz -time 10000000x FuzzMember FuzzApply
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

const exitUsage = 64

func main() {
	var o options
	flag.StringVar(&o.time, "time", "", "for each target, or a number of executions as 1000x (60s for the room's state, 30s for others)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	all, err := targets(".")
	if err == nil {
		err = o.run(ctx, all, flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

type options struct{ time string }

// duration is how long a target runs. Nobody else stands between the room's state and
// a library that aborts.
func (o options) duration(t target) string {
	switch {
	case o.time != "":
		return o.time
	case strings.HasPrefix(t.folder, "worker/roster"):
		return "60s"
	}
	return "30s"
}

func (o options) run(ctx context.Context, all []target, wanted []string) error {
	for _, name := range wanted {
		if !slices.ContainsFunc(all, func(t target) bool { return t.name == name }) {
			fmt.Fprintf(os.Stderr, "error: %q is no target\n", name)
			os.Exit(exitUsage)
		}
	}
	crashes := 0
	var closing strings.Builder
	for _, t := range all {
		if len(wanted) > 0 && !slices.Contains(wanted, t.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s %s, %s\n", t.folder, t.name, o.duration(t))
		r, err := t.fuzz(ctx, o.duration(t))
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		crashes += r.crashes
		fmt.Fprintf(os.Stderr, "%s had at most %d MiB\n", t.name, r.memory>>20)
		fmt.Fprintf(&closing, "fuzz: target=%s execs=%d crashes=%d\n", t.name, r.execs, r.crashes)
	}
	fmt.Print(closing.String())
	if crashes > 0 {
		return fmt.Errorf("%d targets crashed", crashes)
	}
	return nil
}
