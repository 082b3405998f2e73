package process

import (
	"bytes"
	"sync"
	"testing"
	"time"
)

const (
	poll = 10 * time.Millisecond
	// Soon is when something that has no limit of its own must have come, on a
	// machine with many other things to do.
	Soon = 20 * time.Second
)

// Await polls until what holds, and returns how long that took; after limit the test
// fails.
func Await(t testing.TB, what string, limit time.Duration, holds func() bool) time.Duration {
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

// A Buffer takes what a process prints while a test reads it.
type Buffer struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
