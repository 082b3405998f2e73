package jobs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/moothall/moothall/events"
)

func out(stream, line string) events.JobEvent {
	return events.JobEvent{Kind: events.JobEventOutput, Stream: stream, Line: line}
}

func TestOutput_DirectivesAreEventsAndNoOutput(t *testing.T) {
	o := newOutput(DefaultLimits())
	got := o.feed(t0, events.StreamStdout, []byte("start\n::progress 1 10 frames\n::metric loss 0.5 3\n::progress x\n"))
	got = append(got, o.feed(t0, events.StreamStderr, []byte("::progress 2 10\n"))...)
	want := []events.JobEvent{
		out("stdout", "start"),
		{Kind: events.JobEventProgress, Done: 1, Total: 10, Text: "frames"},
		{Kind: events.JobEventMetric, Name: "loss", Value: 0.5, Step: 3},
		out("stdout", "::progress x"),
		out("stderr", "::progress 2 10"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOutput_ProgressIsThinnedAndEndsWithTheLast(t *testing.T) {
	o := newOutput(DefaultLimits())
	var got []events.JobEvent
	for i := range 1001 {
		now := t0.Add(time.Duration(i) * time.Millisecond)
		got = append(got, o.feed(now, events.StreamStdout, fmt.Appendf(nil, "::progress %d 1000\n", i))...)
	}
	got = append(got, o.feed(t0.Add(1001*time.Millisecond), events.StreamStdout, []byte("::progress 1001 1001\n"))...)
	got = append(got, o.close(t0.Add(time.Hour))...)
	if len(got) != 12 || got[0].Done != 0 || got[11].Done != 1001 {
		t.Errorf("%d events: %+v", len(got), got)
	}
}

func TestOutput_RedrawsComeOnceASecondAndTheLastStays(t *testing.T) {
	o := newOutput(DefaultLimits())
	var got []events.JobEvent
	for i := range 60 {
		now := t0.Add(time.Duration(i) * 50 * time.Millisecond)
		got = append(got, o.feed(now, events.StreamStderr, fmt.Appendf(nil, "\r%d%%", i))...)
	}
	got = append(got, o.feed(t0.Add(3*time.Second), events.StreamStderr, []byte("\r100%\n"))...)
	got = append(got, o.close(t0.Add(4*time.Second))...)
	var lines []string
	for _, e := range got {
		lines = append(lines, e.Line)
	}
	if diff := cmp.Diff([]string{"0%", "20%", "40%", "100%"}, lines); diff != "" {
		t.Error(diff)
	}
}

func TestOutput_FloodIsBoundedAndCounted(t *testing.T) {
	l := DefaultLimits()
	l.LinesPerSecond = 10
	o := newOutput(l)
	got := o.feed(t0, events.StreamStdout, []byte(strings.Repeat("x\n", 5000)))
	if len(got) != 100 {
		t.Errorf("%d lines passed, want a burst of 100", len(got))
	}
	got = o.feed(t0.Add(time.Second), events.StreamStdout, []byte("later\n"))
	want := []events.JobEvent{out(events.StreamNote, "… 4900 lines dropped"), out("stdout", "later")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOutput_WhatWasDroppedAtTheEndIsCounted(t *testing.T) {
	l := DefaultLimits()
	l.LogBytes = 3 * (overhead + 4)
	o := newOutput(l)
	got := o.feed(t0, events.StreamStdout, []byte("line\nline\nline\nline\nline\n"))
	got = append(got, o.close(t0)...)
	want := []events.JobEvent{out("stdout", "line"), out("stdout", "line"), out("stdout", "line"), out(events.StreamNote, "… 2 lines dropped")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOutput_ALongLineIsNoDirective(t *testing.T) {
	o := newOutput(DefaultLimits())
	text := strings.Repeat("x", maxPiece) + "::progress 1 2"
	got := append(o.feed(t0, events.StreamStdout, []byte(text+"\n")), o.close(t0)...)
	if len(got) != 2 || !got[0].More || got[1].More || got[1].Line != "::progress 1 2" {
		t.Errorf("%d events, the last %+v", len(got), got[len(got)-1])
	}
}

func TestOutput_StreamsStayApart(t *testing.T) {
	o := newOutput(DefaultLimits())
	got := o.feed(t0, events.StreamStdout, []byte("out"))
	got = append(got, o.feed(t0, events.StreamStderr, []byte("err\n"))...)
	got = append(got, o.feed(t0, events.StreamStdout, []byte("put\n"))...)
	if diff := cmp.Diff([]events.JobEvent{out("stderr", "err"), out("stdout", "output")}, got); diff != "" {
		t.Error(diff)
	}
}

// Whatever a process prints, an event of it fits a frame.
func TestOutput_EveryEventFitsAFrame(t *testing.T) {
	o := newOutput(DefaultLimits())
	log := newTestLog(t)
	for _, nasty := range []string{"\x00", "<", "\xff", "\x1b", "\u2028"} {
		for _, e := range o.feed(t0, events.StreamStdout, []byte(strings.Repeat(nasty, 2*maxLine)+"\n")) {
			log.append(t0, e) // panics if not
		}
	}
}
