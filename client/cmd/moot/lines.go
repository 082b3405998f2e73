package main

import (
	"fmt"
	"io"
	"time"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/events/cli"
)

// lineEvery is how often a line tells how far a thing is where there is no terminal.
const lineEvery = 5 * time.Second

// lines is the gauge of log files and pipes.
type lines struct {
	w     io.Writer
	begun map[string]beginning
}

// A beginning is when a thing was first seen, and when it was last told of or first
// seen.
type beginning struct {
	seen, told time.Time
	done       int64 // bytes that were there when it was first seen
}

func newLines(w io.Writer) *lines { return &lines{w: w, begun: map[string]beginning{}} }

// due reports whether it is time for a line about a thing: 5 s after it began, and
// each 5 s from then on, so that what is short is silent.
func (l *lines) due(thing string, done int64) bool {
	now := time.Now()
	b, ok := l.begun[thing]
	if !ok {
		if len(l.begun) == mostSeries {
			return false
		}
		l.begun[thing] = beginning{seen: now, told: now, done: done}
		return false
	}
	if now.Sub(b.told) < lineEvery {
		return false
	}
	b.told = now
	l.begun[thing] = b
	return true
}

// pace is how fast a file goes, and how long it takes yet, since it was first seen.
func (l *lines) pace(thing string, p client.Progress) string {
	b := l.begun[thing]
	took := time.Since(b.seen).Seconds()
	rate := float64(p.Done-b.done) / took
	if took <= 0 || rate <= 0 {
		return "stalled"
	}
	left := time.Duration(float64(p.Total-p.Done) / rate * float64(time.Second))
	return fmt.Sprintf("%s/s, %s left", bytesText(int64(rate)), left.Round(time.Second))
}

func (l *lines) transfer(verb string, p client.Progress, path string) {
	whole := p.Done >= p.Total
	thing := verb + " " + p.Name
	if !l.due(thing, p.Done) && !whole {
		return
	}
	if whole {
		fmt.Fprintf(l.w, "%s %s: %s, file %d of %d%s\n", verb, cli.Printable(p.Name), bytesText(p.Total), p.File, p.Files, pathText(path))
		return
	}
	fmt.Fprintf(l.w, "%s %s: %d %%, %s of %s, %s, file %d of %d%s\n", verb, cli.Printable(p.Name), 100*p.Done/p.Total, bytesText(p.Done), bytesText(p.Total), l.pace(thing, p), p.File, p.Files, pathText(path))
}

func (l *lines) job(e events.JobEvent) {
	switch {
	case e.Kind == events.JobEventMetric && l.due("metric "+e.Name, 0):
		fmt.Fprintf(l.w, "job: %s\n", metricText(e))
	case e.Kind == events.JobEventProgress && l.due("progress", 0):
		fmt.Fprintf(l.w, "job: %.6g of %.6g %s\n", e.Done, e.Total, cli.Printable(e.Text))
	}
}

func (l *lines) stop() {}
