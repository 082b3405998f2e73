// Peers measures systems of Moothall's kind: ten nodes, each a process of its own. It
// times how long they need to replace a leader, from kill -9 of the one that leads
// until the nine others know the same new one; or to spread an update, from just
// before it is sent until the last of nine others has it. It is a module of its own, so
// that who builds Moothall downloads none of them.
//
// It prints one JSON document. `make bench` runs it, a few kills or updates at a time.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// A peer is a system that is measured. A node says what it sees with say:
// "leader NAME", and if it can, "size N" and "gone NAME". Whoever others must be told
// the address of says "at ADDRESS".
type peer struct {
	name   string
	what   string
	server func(context.Context, config) error // nil if the nodes need none
	node   func(context.Context, config) error
}

// config is what a process of a peer is told.
type config struct {
	name string
	dir  string   // the server's, for its data
	join []string // addresses of those that live
}

var all = []peer{etcd, nats, memberlistLocal, memberlistTuned}

// result is the document.
type result struct {
	Peer    string    `json:"peer"`
	What    string    `json:"what"`
	Seconds []float64 `json:"seconds"`        // a number for each kill, or for each update that came to all
	Lost    int       `json:"lost"`           // updates that did not
	False   int       `json:"false_departed"` // times that a node called a living one gone
}

func main() {
	name := flag.String("peer", "", "which: etcd, nats, memberlist, memberlist-tuned; udp, nats-core, nats-kv")
	kills := flag.Int("kills", 3, "times to kill the leader")
	updates := flag.Int("updates", 100, "updates to spread")
	size := flag.Int("nodes", 10, "nodes")
	role := flag.String("role", "", "of a child of this program")
	var c config
	flag.StringVar(&c.name, "name", "", "of the child")
	flag.StringVar(&c.dir, "dir", "", "of the child")
	flag.Parse()
	c.join = flag.Args()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *name, *role, c, *size, *kills, *updates); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, name, role string, c config, size, kills, updates int) error {
	for _, p := range all {
		switch {
		case p.name != name:
		case role == "server":
			go endWithParent()
			return p.server(ctx, c)
		case role == "node":
			go endWithParent()
			return p.node(ctx, c)
		default:
			r, err := measure(ctx, p, size, kills)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return json.NewEncoder(os.Stdout).Encode(r)
		}
	}
	for _, s := range spreads {
		switch {
		case s.name != name:
		case role != "":
			go endWithParent()
			return s.role(role)(ctx, c)
		default:
			r, err := measureSpread(ctx, s, size, updates)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return json.NewEncoder(os.Stdout).Encode(r)
		}
	}
	return fmt.Errorf("no peer is called %q", name)
}
