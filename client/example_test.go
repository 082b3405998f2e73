//go:build unix

package client_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/embedded"
	"github.com/moothall/moothall/events"
)

// A lab is a hub on free ports of this machine with three workers, for the examples.
type lab struct {
	*house
	url, token string
	shops      []*shop
	close      func()
}

// outOfTest is what examples have for a *testing.T.
type outOfTest struct{ testing.TB }

func (outOfTest) Helper()           {}
func (outOfTest) Fatal(args ...any) { log.Panic(args...) }

func openLab() *lab {
	dir, err := os.MkdirTemp("", "moothall-example-")
	if err != nil {
		log.Panic(err)
	}
	h := openHouse(outOfTest{}, dir, embedded.Config{Host: "127.0.0.1", Port: -1})
	web := httptest.NewServer(h.hub.Handler())
	l := &lab{house: h, url: web.URL, token: h.token(events.RoleClient)}
	for i := range 3 {
		l.shops = append(l.shops, h.openShop(fmt.Sprintf("worker-%d", i+1), int64(24000-1000*i)))
	}
	h.market(l.shops...)
	l.close = func() {
		for _, s := range l.shops {
			s.close()
		}
		web.Close()
		h.stop()
		os.RemoveAll(dir)
	}
	return l
}

// Who is in the room and has enough memory?
func ExampleClient_Workers() {
	lab := openLab() // a hub with three workers; yours is at http://hub:8480
	defer lab.close()
	ctx := context.Background()

	c, err := client.Join(ctx, client.Config{HubURL: lab.url, Room: "lab", Token: client.Secret(lab.token), Registry: true})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	list, err := c.Workers(ctx, events.Filters{MinGPUMemoryMB: 23000, Status: events.StatusAvailable})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("by the %s, in term %d:\n", list.Source, list.Term.N)
	for _, w := range list.Workers {
		fmt.Println(w.PeerID, w.Status, w.Metadata.Properties.GPUMemoryMB, "MB")
	}
	for _, r := range list.Rejected {
		fmt.Println(r.PeerID, r.Reason)
	}
	// Output:
	// by the admin, in term 1:
	// worker-1 available 24000 MB
	// worker-2 available 23000 MB
	// worker-3 has 22000 MB GPU memory, less than 23000
}

// Who is admin, now and whenever that changes?
func ExampleClient_WatchAdmin() {
	lab := openLab()
	defer lab.close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	c, err := client.Join(ctx, client.Config{HubURL: lab.url, Room: "lab", Token: client.Secret(lab.token), Registry: true})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	changes, err := c.WatchAdmin(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for a := range changes {
		fmt.Printf("term %d: %s (%s)\n", a.Term.N, a.AdminPeerID, a.Reason)
		if a.Term.N == 2 {
			break
		}
		lab.succeed() // the admin leaves, the next in rank follows
	}
	// Output:
	// term 1: worker-1 (first)
	// term 2: worker-2 (left)
}

// succeed lets the admin leave the room and the second worker follow it.
func (l *lab) succeed() {
	l.shops[0].goodbye()
	l.shops[1].claim()
}

// Run a command on the best worker: a file up, its result down.
func ExampleClient_Run() {
	lab := openLab()
	defer lab.close()
	ctx := context.Background()
	input := lab.file("a.txt", "hello")

	c, err := client.Join(ctx, client.Config{HubURL: lab.url, Room: "lab", Token: client.Secret(lab.token), Registry: true})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	result, err := c.Run(ctx, client.Job{
		Command: "shout",
		Inputs:  []string{input},
		To:      filepath.Join(filepath.Dir(input), "results"),
		Filters: events.Filters{MinGPUMemoryMB: 8000},
	}, func(u client.JobUpdate) {
		if u.Kind == client.UpdateState {
			fmt.Println(u.State)
		}
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Worker, "ended with code", *result.ExitCode)
	for _, o := range result.Outputs {
		fmt.Println(o.Name, o.Size, "bytes", o.SHA256[:8])
	}
	// Output:
	// matching
	// reserved
	// sending
	// running
	// returning
	// done
	// worker-1 ended with code 0
	// sub/a.txt 5 bytes 3733cd97
}
