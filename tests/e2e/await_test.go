package e2e

import (
	"bytes"
	"sync"
	"testing"
	"time"
)

const (
	poll = 10 * time.Millisecond
	// soon is when something that has no limit of its own must have come, on a
	// machine with many other things to do.
	soon = 20 * time.Second
)

// await polls until what holds, and returns how long that took; after limit the test
// fails.
func await(t *testing.T, what string, limit time.Duration, holds func() bool) time.Duration {
	t.Helper()
	begun := time.Now()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for !holds() {
		if time.Since(begun) > limit {
			t.Fatalf("not within %s: %s", limit, what)
		}
		<-tick.C
	}
	return time.Since(begun)
}

// A buffer takes what a process prints while a test reads it.
type buffer struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
