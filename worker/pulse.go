package worker

import "sync"

// A pulse wakes everyone who waits for its next beat. Its methods may be called
// from any goroutine.
type pulse struct {
	mu   sync.Mutex // guards next
	next chan struct{}
}

// beat wakes those who wait.
func (p *pulse) beat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next != nil {
		close(p.next)
		p.next = nil
	}
}

// wait is closed at the next beat.
func (p *pulse) wait() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == nil {
		p.next = make(chan struct{})
	}
	return p.next
}
