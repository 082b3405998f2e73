package link

import "sync/atomic"

// latest is a yes or no of which only the newest waits to be read. One goroutine at a
// time sets it.
type latest struct {
	values chan bool
	now    atomic.Bool
}

func newLatest() latest { return latest{values: make(chan bool, 1)} }

func (l *latest) set(v bool) {
	l.now.Store(v)
	select {
	case <-l.values:
	default:
	}
	l.values <- v
}

// clear sets no, if it was yes.
func (l *latest) clear() {
	if l.now.Load() {
		l.set(false)
	}
}
