package client

import (
	"context"
	"fmt"
	"testing"

	"github.com/moothall/moothall/events"
)

// BenchmarkWorkers_FromMemory is what a program that watches pays to ask who is free.
func BenchmarkWorkers_FromMemory(b *testing.B) {
	list := events.WorkerList{RoomID: "lab", Source: events.SourceAdmin}
	for i := range 10 {
		w := worker(fmt.Sprintf("worker-%d", i), int64(8000*(i%3+1)), events.StatusAvailable, "train")
		list.Workers = append(list.Workers, w)
	}
	c, l := &Client{}, &live{}
	c.live.Store(l)
	l.now.Store(snapshotOf(list, list.Workers, 0))
	for name, f := range map[string]events.Filters{"all": {}, "filtered": {MinGPUMemoryMB: 24000, Tags: map[string]string{"site": "b"}}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if list, err := c.Workers(context.Background(), f); err != nil || list.Source != events.SourceCache {
					b.Fatal(list, err)
				}
			}
		})
	}
}
