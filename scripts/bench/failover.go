package main

import (
	"context"
	"fmt"
	"time"
)

// failover kills the admin, times the announcement of another, and starts the
// killed one anew.
func (b *bench) failover(ctx context.Context) ([]sample, error) {
	told := sample{what: "admin killed (-9) to announcement", unit: seconds, target: 1}
	admins, err := b.client.WatchAdmin(ctx)
	if err != nil {
		return nil, err
	}
	admin := (<-admins).AdminPeerID
	for range b.kills {
		w := b.workers[admin]
		if w == nil {
			return nil, fmt.Errorf("admin %q is none of the workers", admin)
		}
		start := time.Now()
		w.Kill()
		select {
		case a := <-admins:
			told.took(time.Since(start))
			admin = a.AdminPeerID
		case <-time.After(patience):
			return nil, fmt.Errorf("nobody followed %s", admin)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if err := b.start(w.PeerID, w.MemoryMB); err != nil {
			return nil, err
		}
		if err := b.meshed(ctx); err != nil {
			return nil, err
		}
	}
	return []sample{told}, nil
}
