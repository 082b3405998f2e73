package jobs

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
)

// A reader follows a log from one sequence number on: from memory where that has
// it, else from the file. It belongs to one goroutine.
type reader struct {
	log  *eventLog
	next uint64
	f    *os.File      // open once memory did not have an event
	buf  *bufio.Reader // on f
	line uint64        // number of the line that buf is at
}

// reader starts at event since; 0 and 1 are the beginning.
func (l *eventLog) reader(since uint64) *reader {
	return &reader{log: l, next: max(since, 1)}
}

func (r *reader) close() {
	if r.f != nil {
		r.f.Close()
	}
}

// read returns the next event, encoded. It waits for one until ctx ends; io.EOF
// says that the job has ended and all was read.
func (r *reader) read(ctx context.Context) ([]byte, error) {
	for {
		line, there, more := r.log.at(r.next)
		var err error
		switch {
		case line != nil:
		case there:
			line, err = r.fromDisk()
			if oldest := r.log.oldest(); errors.Is(err, io.EOF) && oldest > r.next {
				r.next = oldest // the disk failed: what it lacks is lost
				continue
			}
		case r.log.ended() != nil && !r.news():
			return nil, io.EOF
		default:
			select {
			case <-more:
				continue
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		if err == nil {
			r.next++
		}
		return line, err
	}
}

// news reports whether an event came since the last look: a job's final event is
// its last, so once it is known nothing can.
func (r *reader) news() bool {
	_, there, _ := r.log.at(r.next)
	return there
}

// fromDisk reads line number next: events are numbered as their lines are.
func (r *reader) fromDisk() ([]byte, error) {
	if r.f == nil {
		f, err := os.Open(r.log.path)
		if err != nil {
			return nil, err
		}
		r.f, r.buf, r.line = f, bufio.NewReaderSize(f, 64<<10), 1
	}
	for {
		line, err := r.buf.ReadBytes('\n')
		if err != nil {
			return nil, err
		}
		r.line++
		if r.line > r.next {
			return line[:len(line)-1], nil
		}
	}
}
