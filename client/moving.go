package client

import (
	"context"

	"github.com/moothall/moothall/events"
)

// A moving is a transfer on a goroutine of its own. Whoever has one reads progress
// and done, or calls stop.
type moving struct {
	progress chan Progress
	done     chan moved // one value
	cancel   context.CancelFunc
}

// A moved is a transfer that has ended.
type moved struct {
	files []events.FileHeader
	err   error
}

func move(ctx context.Context, transfer func(context.Context, func(Progress)) ([]events.FileHeader, error)) *moving {
	ctx, cancel := context.WithCancel(ctx)
	m := &moving{progress: make(chan Progress), done: make(chan moved, 1), cancel: cancel}
	go func() {
		files, err := transfer(ctx, func(p Progress) {
			select {
			case m.progress <- p:
			case <-ctx.Done():
			}
		})
		m.done <- moved{files, err}
	}()
	return m
}

// stop ends the transfer and waits for it.
func (m *moving) stop() {
	m.cancel()
	<-m.done
}
