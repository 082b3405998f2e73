package jobs

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/moothall/moothall/events"
)

// pullSize is how much of a log is read at once: a whole event fits. Bytes.
const pullSize = 4 * maxEvent

// pull shows readers the events that another process has written since, and returns
// those that change the job's state.
func (l *eventLog) pull() (states []events.JobEvent, err error) {
	if l.pulled == nil {
		l.pulled = make([]byte, pullSize)
	}
	buf := l.pulled
	for {
		n, err := l.f.ReadAt(buf, l.size)
		if err != nil && !errors.Is(err, io.EOF) {
			return states, err
		}
		end := bytes.LastIndexByte(buf[:n], '\n') + 1
		for line := range bytes.Lines(buf[:end]) {
			e, err := l.take(line)
			if err != nil {
				return states, err
			}
			if e.Kind == events.JobEventState {
				states = append(states, e)
			}
		}
		if end == 0 || n < len(buf) {
			return states, nil
		}
	}
}

// take shows one line of the file.
func (l *eventLog) take(line []byte) (e events.JobEvent, err error) {
	text := bytes.Clone(line[:len(line)-1])
	if err := json.Unmarshal(text, &e); err != nil || e.Seq != l.next {
		return e, events.Errorf(events.CodeDamaged, "%s: event %d came after %d (%v)", l.path, e.Seq, l.next-1, err)
	}
	l.size += int64(len(line))
	l.show(text, e)
	return e, nil
}
