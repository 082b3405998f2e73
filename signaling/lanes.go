package signaling

import (
	"context"
	"hash/maphash"
	"sync"
)

const (
	laneCount = 16
	// laneDepth is how much work may wait in one lane; more is refused.
	laneDepth = 256
)

// lanes runs work on a bounded number of goroutines, that of one room in order and
// never two at once, so that within this hub no compare-and-set of a room is lost.
type lanes struct {
	seed   maphash.Seed
	queues [laneCount]chan func(context.Context)
}

func newLanes() *lanes {
	l := &lanes{seed: maphash.MakeSeed()}
	for i := range l.queues {
		l.queues[i] = make(chan func(context.Context), laneDepth)
	}
	return l
}

// do hands over work for a room. It never blocks: false means that the lane is full
// and the work was refused.
func (l *lanes) do(room string, work func(context.Context)) bool {
	select {
	case l.lane(room) <- work:
		return true
	default:
		return false
	}
}

// put hands over work for a room and waits while its lane is full, until ctx ends.
// Work itself must not call it.
func (l *lanes) put(ctx context.Context, room string, work func(context.Context)) error {
	select {
	case l.lane(room) <- work:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *lanes) lane(room string) chan func(context.Context) {
	return l.queues[maphash.String(l.seed, room)%laneCount]
}

// run works until ctx ends and returns when the last piece of work has.
func (l *lanes) run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, q := range l.queues {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case work := <-q:
					work(ctx)
				}
			}
		})
	}
	wg.Wait()
}
