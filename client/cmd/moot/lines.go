package main

import (
	"fmt"
	"io"
	"time"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
)

// lineEvery is how often a line tells how far a thing is where there is no terminal.
const lineEvery = 5 * time.Second

// lines is the gauge of log files and pipes.
type lines struct {
	w     io.Writer
	begun map[string]time.Time // when a thing was first seen or last told of
}

func newLines(w io.Writer) *lines { return &lines{w: w, begun: map[string]time.Time{}} }

// due reports whether it is time for a line about a thing: 5 s after it began, and
// each 5 s from then on, so that what is short is silent.
func (l *lines) due(thing string) bool {
	now := time.Now()
	last, ok := l.begun[thing]
	if !ok || now.Sub(last) >= lineEvery {
		l.begun[thing] = now
	}
	return ok && now.Sub(last) >= lineEvery
}

func (l *lines) transfer(verb string, p client.Progress) {
	whole := p.Done >= p.Total
	if !l.due(verb+" "+p.Name) && !whole {
		return
	}
	if whole {
		fmt.Fprintf(l.w, "%s %s: %s, file %d of %d\n", verb, printable(p.Name), bytesText(p.Total), p.File, p.Files)
		return
	}
	fmt.Fprintf(l.w, "%s %s: %d %%, %s of %s, file %d of %d\n", verb, printable(p.Name), 100*p.Done/p.Total, bytesText(p.Done), bytesText(p.Total), p.File, p.Files)
}

func (l *lines) job(e events.JobEvent) {
	switch {
	case e.Kind == events.JobEventMetric && l.due("metric "+e.Name):
		fmt.Fprintf(l.w, "job: %s\n", metricText(e))
	case e.Kind == events.JobEventProgress && l.due("progress"):
		fmt.Fprintf(l.w, "job: %.6g of %.6g %s\n", e.Done, e.Total, printable(e.Text))
	}
}

func (l *lines) stop() {}
