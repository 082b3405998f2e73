// Package e2e is the last ring of tests: the built programs as processes, on real
// sockets, killed with signal 9 where that is the point. Each test has a hub and
// workers of its own, or the shared ones where it harms nobody; all on free ports
// and in folders that go afterwards.
package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/moothall/moothall/tests/process"
)

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == stockName {
		if err := asNATS(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "nats: error:", err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	os.Exit(process.Run(m, 6, shop.close))
}

// What all tests with processes share, under the names that are short here.
const soon = process.Soon

var await = process.Await

type buffer = process.Buffer
