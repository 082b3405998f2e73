package sim

import (
	"container/heap"
	"time"
)

// queue holds what is to happen, by time and then by the order of scheduling.
type queue struct {
	events eventHeap
	seq    uint64
}

type event struct {
	at  time.Time
	seq uint64
	do  func()
}

func (q *queue) add(at time.Time, do func()) {
	q.seq++
	heap.Push(&q.events, event{at, q.seq, do})
}

// next takes the first event that is due by end.
func (q *queue) next(end time.Time) (event, bool) {
	if len(q.events) == 0 || q.events[0].at.After(end) {
		return event{}, false
	}
	return heap.Pop(&q.events).(event), true
}

type eventHeap []event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].seq < h[j].seq
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(event)) }
func (h *eventHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
