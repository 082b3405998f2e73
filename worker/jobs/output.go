package jobs

import (
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/moothall/moothall/events"
)

// How often one job may redraw a line and report its progress.
const (
	redrawEvery   = time.Second
	progressEvery = 100 * time.Millisecond
	burstSeconds  = 10 // of LinesPerSecond
)

// output turns what a process prints into events. It is pure: the time comes in.
// It bounds what is logged, counts what it leaves out and says so.
type output struct {
	streams  map[string]*stream
	lines    *rate.Limiter
	left     int64 // bytes that may still be logged
	dropped  int   // lines since the last note
	progress latest
	events   []events.JobEvent
}

// A stream is stdout or stderr.
type stream struct {
	splitter
	name   string
	whole  bool // the next piece begins a line
	redraw latest
}

// latest lets an event through once in a while and keeps the newest of the others.
type latest struct {
	next    time.Time
	pending *events.JobEvent
}

func newOutput(l Limits) *output {
	o := &output{
		streams: map[string]*stream{},
		lines:   rate.NewLimiter(rate.Limit(l.LinesPerSecond), burstSeconds*l.LinesPerSecond),
		left:    l.LogBytes,
	}
	for _, name := range []string{events.StreamStdout, events.StreamStderr} {
		o.streams[name] = &stream{name: name, whole: true}
	}
	return o
}

// feed takes what came on a stream and returns the events that follow.
func (o *output) feed(now time.Time, name string, data []byte) []events.JobEvent {
	s := o.streams[name]
	s.feed(data, func(p piece) { o.piece(now, s, p) })
	return o.take()
}

// close ends both streams and returns what was held back.
func (o *output) close(now time.Time) []events.JobEvent {
	for _, name := range []string{events.StreamStdout, events.StreamStderr} {
		s := o.streams[name]
		s.close(func(p piece) { o.piece(now, s, p) })
		if e := s.redraw.pending; e != nil {
			o.add(now, *e)
		}
	}
	if e := o.progress.pending; e != nil {
		o.add(now, *e)
	}
	o.note()
	return o.take()
}

func (o *output) take() []events.JobEvent {
	all := o.events
	o.events = nil
	return all
}

func (o *output) piece(now time.Time, s *stream, p piece) {
	whole := s.whole && !p.more
	s.whole = !p.more
	if e, ok := directive(p.text); ok && whole && s.name == events.StreamStdout {
		o.directive(now, e)
		return
	}
	e := events.JobEvent{Kind: events.JobEventOutput, Stream: s.name, Line: p.text, More: p.more}
	switch {
	case p.redraw && p.text == "":
		return
	case p.redraw && !s.redraw.offer(now, redrawEvery, e):
		return
	case !p.redraw:
		s.redraw.pending = nil
	}
	o.add(now, e)
	if p.dropped > 0 {
		o.say(fmt.Sprintf("… %d bytes of a line of %s dropped", p.dropped, s.name))
	}
}

func (o *output) directive(now time.Time, e events.JobEvent) {
	if e.Kind == events.JobEventProgress && !o.progress.offer(now, progressEvery, e) {
		return
	}
	o.add(now, e)
}

// offer reports whether e may pass now; if not, it is kept as the newest.
func (l *latest) offer(now time.Time, every time.Duration, e events.JobEvent) bool {
	if now.Before(l.next) {
		l.pending = &e
		return false
	}
	l.next, l.pending = now.Add(every), nil
	return true
}

// overhead is about what an event costs in the log besides its text. Bytes.
const overhead = 128

// add passes an event on if the bounds allow it, after a note on what they did
// not allow before.
func (o *output) add(now time.Time, e events.JobEvent) {
	size := int64(len(e.Line)+len(e.Text)+len(e.Name)) + overhead
	if size > o.left || !o.lines.AllowN(now, 1) {
		o.dropped++
		return
	}
	o.left -= size
	o.note()
	o.events = append(o.events, e)
}

func (o *output) note() {
	if o.dropped > 0 {
		o.say(fmt.Sprintf("… %d lines dropped", o.dropped))
		o.dropped = 0
	}
}

func (o *output) say(text string) {
	o.events = append(o.events, events.JobEvent{Kind: events.JobEventOutput, Stream: events.StreamNote, Line: text})
}
