// Model has spin search the model of election and fencing for states that break an
// invariant, as designed and with one rule taken away at a time, and prints a line
// for each search. As designed none may be found; without a rule, one must be.
//
//	go run ./scripts/model                  all searches
//	go run ./scripts/model -fast            those that take a second
//	go run ./scripts/model -story hearsay   one, and the events that lead to the violation
//
// It exits 1 when a search ends otherwise than expected.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// file is the model, from the root of the repository.
const file = "docs/model/election.pml"

func main() {
	fast := flag.Bool("fast", false, "only the searches that take a second")
	story := flag.String("story", "", "the one search to run, and to tell how it got to the violation")
	flag.Parse()
	for program, pkg := range map[string]string{"spin": "spin", "cc": "gcc libc6-dev"} {
		if _, err := exec.LookPath(program); err != nil {
			fmt.Fprintf(os.Stderr, "error: %s is not installed\n  try: apt-get install %s\n", program, pkg)
			os.Exit(1)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var wanted []search
	for _, s := range searches {
		if (*story == "" || s.name == *story) && (!*fast || s.fast) {
			wanted = append(wanted, s)
		}
	}
	if !run(ctx, wanted, *story != "") {
		os.Exit(1)
	}
}

const row = "%-18s %9s %8s %7s %5s  %-10s %11s %6s %7s %6s  %s\n"

// run makes the searches, prints them and reports whether all ended as expected.
func run(ctx context.Context, wanted []search, story bool) bool {
	start, surprises := time.Now(), 0
	fmt.Printf(row, "search", "elections", "restarts", "freezes", "wipes", "kind", "states", "depth", "seconds", "MB", "verdict")
	for _, s := range wanted {
		o, err := s.run(ctx)
		if err != nil {
			fmt.Fprintf(os.Stderr, "error: %s: %v\n", s.name, err)
			return false
		}
		verdict, ok := s.judge(o)
		if !ok {
			surprises++
		}
		b := s.bounds
		fmt.Printf(row, s.name, fmt.Sprint(b.elections), fmt.Sprint(b.restarts), fmt.Sprint(b.freezes), fmt.Sprint(b.wipes), s.kind,
			fmt.Sprint(o.states), fmt.Sprint(o.depth), fmt.Sprintf("%.1f", o.seconds), fmt.Sprintf("%.0f", o.memory), verdict)
		if story || !ok {
			fmt.Print(o.story)
		}
	}
	fmt.Printf("model: searches=%d surprises=%d seconds=%.0f\n", len(wanted), surprises, time.Since(start).Seconds())
	return surprises == 0 && len(wanted) > 0
}
