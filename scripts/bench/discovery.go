package main

import (
	"context"
	"fmt"
	"time"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
)

// discovery asks the admin many times, and the hub over HTTP for comparison.
func (b *bench) discovery(ctx context.Context) ([]sample, error) {
	admin := sample{what: "discovery through the admin", unit: milliseconds, target: 1}
	if err := b.ask(ctx, b.client, events.SourceAdmin, b.queries, &admin); err != nil {
		return nil, err
	}
	old, err := b.join(ctx, false)
	if err != nil {
		return nil, err
	}
	http := sample{what: "discovery over HTTP", unit: milliseconds}
	err = b.ask(ctx, old, events.SourceHTTP, b.queries/4, &http)
	if closed := old.Close(); err == nil {
		err = closed
	}
	return []sample{admin, http}, err
}

func (b *bench) ask(ctx context.Context, c *client.Client, source string, times int, into *sample) error {
	for range times {
		start := time.Now()
		list, err := c.Workers(ctx, events.Filters{})
		if err != nil {
			return err
		}
		into.took(time.Since(start))
		if list.Source != source || len(list.Workers) != b.size {
			return fmt.Errorf("%d workers from %q, want %d from %q", len(list.Workers), list.Source, b.size, source)
		}
	}
	return nil
}
