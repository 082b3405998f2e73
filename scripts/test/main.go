// Test runs the suites that `make test` is made of, one after the other, and says
// how long each took. What fails is printed in full, what passes in one line; the
// closing lines are go test's own.
//
//	go run ./scripts/test            all suites
//	go run ./scripts/test core e2e   some of them
//
// With CI=true a skipped test is a failure.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"
)

const exitUsage = 64

// limit is what all suites together may take on two cores, from a clean clone.
const limit = 10 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	for _, name := range os.Args[1:] {
		if !slices.ContainsFunc(suites, func(s suite) bool { return s.name == name }) {
			fmt.Fprintf(os.Stderr, "error: %q is not a suite\n  try: %s\n", name, strings.Join(names(), ", "))
			os.Exit(exitUsage)
		}
	}
	if !run(ctx, os.Args[1:]) {
		os.Exit(1)
	}
}

// run goes through the wanted suites (all, if none is named) and reports whether
// they passed.
func run(ctx context.Context, wanted []string) bool {
	start, passed := time.Now(), true
	fmt.Printf("%s, %d cores\n", runtime.Version(), runtime.NumCPU())
	var closing, lastWords []string
	for _, s := range suites {
		if len(wanted) > 0 && !slices.Contains(wanted, s.name) {
			continue
		}
		if term.IsTerminal(int(os.Stdout.Fd())) {
			fmt.Printf("…    %s\r", s.name)
		}
		began := time.Now()
		r := s.run(ctx)
		fmt.Printf("%-4s %-8s %6.1f s  %s\n", verdict(r.ok()), s.name, time.Since(began).Seconds(), r.summary())
		for _, reason := range r.reasons {
			fmt.Println("     skipped:", reason)
		}
		fmt.Print(r.failures)
		closing = append(closing, r.closing...)
		lastWords = append(lastWords, r.lastWords...)
		if !r.ok() {
			passed = false
			if s.needed || ctx.Err() != nil {
				break
			}
		}
	}
	fmt.Printf("%-4s %-8s %6.1f s  of %.0f s\n\n%s%s", verdict(passed), "total", time.Since(start).Seconds(), limit.Seconds(), strings.Join(closing, ""), strings.Join(lastWords, ""))
	if !passed {
		fmt.Println("FAIL")
	}
	return passed
}

func verdict(ok bool) string {
	if ok {
		return "ok"
	}
	return "FAIL"
}

// command runs a program and returns all it printed.
func command(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	return string(out), err
}
