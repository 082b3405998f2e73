// Package jobs kills what a job depends on, with signal 9 and at each state of the job:
// its client, its worker, its hub. Whatever dies, the job ends in exactly one outcome, no
// output is taken that does not match its hash, no slot leaks and no process is left.
//
// Each round is played KILLS times (1):
//
//	make test-jobs KILLS=50
package jobs

import (
	"flag"
	"os"
	"strconv"
	"testing"

	"github.com/moothall/moothall/tests/process"
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(process.Run(m, 3, func() {}))
}

// rounds is how often each round is played.
func rounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("KILLS")
	if text == "" {
		return 1
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("KILLS=%q", text)
	}
	return n
}
