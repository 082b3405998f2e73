package jobs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/moothall/moothall/events"
)

// Bounds of what a log keeps in memory, so that those who follow it need not read
// the disk.
const (
	tailEvents = 1024
	tailBytes  = 1 << 20
)

// An eventLog is the history of one job: one JSON object a line, numbered from 1
// without gaps, state changes on disk before they are seen. One process writes it at
// a time: the worker, or the supervisor while that lives; there the worker pulls. One
// goroutine appends and pulls; any may read. When the disk fails, the newest events
// live on in memory and err tells the writer.
type eventLog struct {
	job  string
	path string
	f    *os.File // of the writer, nil once the log is closed
	size int64    // of the whole lines in f, bytes
	err  error    // of the writer: the first that f gave

	pulled []byte // what pull reads into, nil before it

	mu    sync.Mutex      // guards what follows
	next  uint64          // sequence number of the next event
	tail  [][]byte        // the newest events, encoded; the last is next-1
	bytes int             // of tail
	state events.JobEvent // the newest that changed the job's state
	began events.Time     // when it came to run, zero before
	final *events.JobEvent
	more  chan struct{} // closed when an event comes, then replaced
}

func createLog(job, path string) (*eventLog, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return &eventLog{job: job, path: path, f: f, next: 1, more: make(chan struct{})}, nil
}

// maxEvent bounds an encoded event: it travels in one frame. Bytes.
const maxEvent = events.MaxMessage - events.FrameHeader

// reopenLog opens the log that another process left, to write on, and cuts off a line
// that it did not finish. last is the last event, zero if there is none.
func reopenLog(job, path string) (l *eventLog, last events.JobEvent, err error) {
	if l, last, err = adoptLog(job, path); err != nil {
		return nil, last, err
	}
	if err := l.trim(); err != nil {
		l.f.Close()
		return nil, last, err
	}
	return l, last, nil
}

// adoptLog opens a log that another process may still write.
func adoptLog(job, path string) (l *eventLog, last events.JobEvent, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, last, err
	}
	last, end, err := lastEvent(f)
	if err != nil {
		f.Close()
		return nil, last, err
	}
	l = &eventLog{job: job, path: path, f: f, size: end, next: last.Seq + 1, more: make(chan struct{})}
	l.changed(last)
	return l, last, nil
}

// changed takes a change of the job's state in.
func (l *eventLog) changed(e events.JobEvent) {
	l.state = e
	if e.State == events.JobRunning {
		l.began = e.Time
	}
	if e.State.Final() {
		l.final = &e
	}
}

// ranSince tells the log of a former process' job when that came to run; zero if it did not.
func (l *eventLog) ranSince(began events.Time) {
	if l.began = began; l.state.State == "" && !began.IsZero() {
		l.state.State = events.JobRunning
	}
}

// summary is the newest change of the job's state, when it came to run, and the number
// of its newest event.
func (l *eventLog) summary() (state events.JobEvent, began events.Time, seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state, l.began, l.next - 1
}

// now is the job's state, "" before the first.
func (l *eventLog) now() events.JobState {
	state, _, _ := l.summary()
	return state.State
}

// trim cuts off what is no whole line.
func (l *eventLog) trim() error { return l.f.Truncate(l.size) }

// lastEvent finds the last whole line and where it ends.
func lastEvent(f *os.File) (last events.JobEvent, end int64, err error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return last, 0, err
	}
	start := max(0, size-2*maxEvent)
	text := make([]byte, size-start)
	if _, err := f.ReadAt(text, start); err != nil && err != io.EOF {
		return last, 0, err
	}
	for len(text) > 0 {
		i := bytes.LastIndexByte(text, '\n')
		if i < 0 {
			break
		}
		line := text[bytes.LastIndexByte(text[:i], '\n')+1 : i]
		if json.Unmarshal(line, &last) == nil && last.Seq > 0 {
			return last, start + int64(i) + 1, nil
		}
		text = text[:i]
	}
	if start > 0 {
		return events.JobEvent{}, 0, events.Errorf(events.CodeDamaged, "%s ends in %d bytes without an event", f.Name(), size-start)
	}
	return events.JobEvent{}, 0, nil
}

// append numbers an event, writes it and shows it to readers.
func (l *eventLog) append(now time.Time, e events.JobEvent) events.JobEvent {
	e.Seq, e.Time, e.JobID = l.next, events.At(now), l.job
	line, err := json.Marshal(e)
	if err != nil || len(line) > maxEvent {
		panic(fmt.Sprintf("jobs: event of %d bytes: %v", len(line), err))
	}
	l.write(line, e.Kind == events.JobEventState)
	l.show(line, e)
	return e
}

func (l *eventLog) show(line []byte, e events.JobEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	l.remember(line)
	if e.Kind == events.JobEventState {
		l.changed(e)
	}
	close(l.more)
	l.more = make(chan struct{})
}

func (l *eventLog) write(line []byte, durable bool) {
	if l.err != nil || l.f == nil {
		return
	}
	n, err := l.f.Write(append(line[:len(line):len(line)], '\n'))
	if err != nil {
		l.err = err
		return
	}
	l.size += int64(n)
	if durable {
		l.err = l.f.Sync()
	}
}

func (l *eventLog) remember(line []byte) {
	l.tail = append(l.tail, line)
	l.bytes += len(line)
	for len(l.tail) > tailEvents || l.bytes > tailBytes {
		l.bytes -= len(l.tail[0])
		l.tail[0] = nil
		l.tail = l.tail[1:]
	}
}

// close ends writing. What is safe on disk leaves memory.
func (l *eventLog) close() error {
	if l.f == nil {
		return l.err
	}
	if err := l.f.Close(); l.err == nil {
		l.err = err
	}
	l.f, l.pulled = nil, nil
	if l.err == nil {
		l.mu.Lock()
		l.tail, l.bytes = nil, 0
		l.mu.Unlock()
	}
	return l.err
}

// ended is the final event, nil while the job goes on.
func (l *eventLog) ended() *events.JobEvent {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.final
}

// oldest is the number of the first event in memory.
func (l *eventLog) oldest() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next - uint64(len(l.tail))
}

// at is the encoded event of a number if memory has it; there says whether the
// event came about at all, and more is closed when another one does.
func (l *eventLog) at(seq uint64) (line []byte, there bool, more <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if back := l.next - seq; seq < l.next && back <= uint64(len(l.tail)) {
		line = l.tail[uint64(len(l.tail))-back]
	}
	return line, seq < l.next, l.more
}
