package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/scripts/stage"
)

const patience = time.Minute // for anything that must happen once

// A bench is a room that is measured, and a client in it.
type bench struct {
	options
	stage   *stage.Stage
	client  *client.Client
	workers map[string]*stage.Worker // the newest process of each
}

// open starts a room and returns when every worker is linked to every other, with
// the seconds since the first was started.
func open(ctx context.Context, o options) (b *bench, took float64, err error) {
	dir, err := os.MkdirTemp("", "moothall-bench-*")
	if err != nil {
		return nil, 0, err
	}
	b = &bench{options: o, workers: map[string]*stage.Worker{}}
	if b.stage, err = stage.Open(ctx, stage.Config{Bin: o.bin, Dir: dir, Room: "bench", Tied: true}); err != nil {
		return nil, 0, errors.Join(err, os.RemoveAll(dir))
	}
	start := time.Now()
	for i := range o.size {
		if err = b.start(fmt.Sprintf("worker%02d", i), 8000+1000*i); err != nil {
			break
		}
	}
	if err == nil {
		err = b.meshed(ctx)
	}
	took = time.Since(start).Seconds()
	if err == nil {
		b.client, err = b.join(ctx, true)
	}
	if err != nil {
		logs := b.stage.Logs(5)
		b.close()
		return nil, 0, fmt.Errorf("%w\n%s", err, logs)
	}
	return b, took, nil
}

func (b *bench) close() {
	if b.client != nil {
		// What it could not tell the hub does not matter here.
		_ = b.client.Close()
	}
	b.stage.Close()
	_ = os.RemoveAll(b.stage.Dir)
}

func (b *bench) start(peer string, memory int) error {
	w, err := b.stage.Add(stage.Spec{PeerID: peer, Name: peer, MemoryMB: memory, Commands: map[string]string{"true": "/bin/true"}})
	if err == nil {
		b.workers[peer] = w
	}
	return err
}

// meshed waits until every worker has an open link to every other.
func (b *bench) meshed(ctx context.Context) error {
	_, err := b.settled(ctx)
	return err
}

// settled waits until every worker has an open link to every other and all have the
// same admin, and says who and in which term.
func (b *bench) settled(ctx context.Context) (line, error) {
	return linked(ctx, b.stage, slices.Collect(maps.Values(b.workers)))
}

// rested is settled, and all hold the same state: a worker that has just come has got it.
func (b *bench) rested(ctx context.Context) (line, error) {
	admin, err := b.settled(ctx)
	if err != nil {
		return admin, err
	}
	return admin, b.stage.Await(ctx, "all hold the same state", func(ctx context.Context) bool {
		var first []string
		for _, w := range b.workers {
			r, err := w.Room(ctx)
			if err != nil || len(r.Heads) == 0 || first != nil && !slices.Equal(r.Heads, first) {
				return false
			}
			first = r.Heads
		}
		return true
	})
}

func linked(ctx context.Context, s *stage.Stage, workers []*stage.Worker) (admin line, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = s.Await(ctx, "every worker is linked to every other and has the same admin", func(ctx context.Context) bool {
		for i, w := range workers {
			r, err := w.Room(ctx)
			if n, _ := r.Open(); err != nil || n != len(workers)-1 || r.AdminPeerID == "" {
				return false
			}
			now := line{Admin: r.AdminPeerID, Term: r.Term}
			if i == 0 {
				admin = now
			}
			if now != admin {
				return false
			}
		}
		return true
	})
	return admin, err
}

func (b *bench) join(ctx context.Context, registry bool) (*client.Client, error) {
	cfg, err := b.stage.ClientConfig()
	if err != nil {
		return nil, err
	}
	return client.Join(ctx, client.Config{HubURL: cfg.Hub, Room: cfg.Room, Token: client.Secret(cfg.Token), Registry: registry})
}
