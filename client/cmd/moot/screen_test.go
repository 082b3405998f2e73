package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
)

func output(stream, line string, more bool) client.JobUpdate {
	return client.JobUpdate{Kind: client.UpdateOutput, Event: events.JobEvent{Kind: events.JobEventOutput, Stream: stream, Line: line, More: more}}
}

// speak shows what a job wrote.
func speak(p *program) {
	s := p.screen(false)
	for _, u := range []client.JobUpdate{
		output(events.StreamStdout, "epoch 1", false),
		output(events.StreamStdout, "::progress 1 10", false),
		output(events.StreamStderr, "careful", false),
		output(events.StreamStdout, "half a ", true),
		output(events.StreamStdout, "line", false),
		output(events.StreamNote, "… 312 lines dropped", false),
	} {
		s.update(u)
	}
	s.close()
}

func TestRun_PassesOutputThroughLessItsDirectives(t *testing.T) {
	var out, err bytes.Buffer
	speak(&program{out: &out, err: &err, interrupts: unpressed})
	if out.String() != "epoch 1\nhalf a line\n" || err.String() != "careful\nmoot: … 312 lines dropped\n" {
		t.Errorf("stdout %q, stderr %q", out.String(), err.String())
	}
}

// With --json stdout is the result's alone.
func TestRun_WithJSONOutputGoesToStderr(t *testing.T) {
	var out, err bytes.Buffer
	speak(&program{out: &out, err: &err, interrupts: unpressed, json: true})
	if out.String() != "" || err.String() != "epoch 1\ncareful\nhalf a line\nmoot: … 312 lines dropped\n" {
		t.Errorf("stdout %q, stderr %q", out.String(), err.String())
	}
}

// Without a terminal a line comes every 5 s, and no escape sequence ever.
func TestRun_WithoutATerminalALineEvery5s(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out, err bytes.Buffer
		s := (&program{out: &out, err: &err, interrupts: unpressed}).screen(false)
		const total = 120
		for done := range int64(total + 1) {
			s.update(client.JobUpdate{Kind: client.UpdateSend, Transfer: client.Progress{Name: "video.mp4", Done: done, Total: total, File: 1, Files: 2}})
			if done < total {
				time.Sleep(100 * time.Millisecond)
			}
		}
		s.close()
		want := strings.Join([]string{
			"send video.mp4: 41 %, 50 B of 120 B, 10 B/s, 7s left, file 1 of 2",
			"send video.mp4: 83 %, 100 B of 120 B, 10 B/s, 2s left, file 1 of 2",
			"send video.mp4: 120 B, file 1 of 2",
		}, "\n") + "\n"
		if err.String() != want || out.Len() != 0 {
			t.Errorf("got\n%swant\n%s", err.String(), want)
		}
	})
}

func TestBars_DrawTransfersAndTheJob(t *testing.T) {
	var drawn bytes.Buffer
	b := newBars(&drawn, 80)
	fmt.Fprint(b, "half a ")
	fmt.Fprint(b, "line\nunended")
	b.transfer("send", client.Progress{Name: "video.mp4", Done: 50, Total: 100, File: 1, Files: 1}, "direct")
	b.transfer("send", client.Progress{Name: "video.mp4", Done: 100, Total: 100, File: 1, Files: 1}, "direct")
	b.job(events.JobEvent{Kind: events.JobEventMetric, Name: "loss", Value: 0.25})
	b.job(events.JobEvent{Kind: events.JobEventProgress, Done: 1.5, Total: 3})
	b.transfer("receive", client.Progress{Name: "empty.csv", File: 1, Files: 1}, "direct")
	b.stop()
	for _, part := range []string{"send video.mp4", "100 %", "job", "50 %", "loss 0.25", "receive empty.csv", "half a line\n", "unended\n"} {
		if !strings.Contains(drawn.String(), part) {
			t.Errorf("%q is missing in\n%s", part, drawn.String())
		}
	}
}

// Where the terminal is narrow the bars keep the name and how far it is, in one line.
func TestBars_FitTwentyColumns(t *testing.T) {
	var drawn bytes.Buffer
	b := newBars(&drawn, 20)
	b.transfer("send", client.Progress{Name: "a-long-name-of-a-video.mp4", Done: 50, Total: 100, File: 1, Files: 1}, "direct")
	b.job(events.JobEvent{Kind: events.JobEventProgress, Done: 1, Total: 4, Text: "a text that has no room here"})
	b.stop()
	for line := range strings.SplitSeq(escape.ReplaceAllString(drawn.String(), ""), "\n") {
		if w := runewidth.StringWidth(strings.TrimRight(line, " \r")); w > 20 {
			t.Errorf("%d columns: %q", w, line)
		}
	}
	for _, part := range []string{"50 %", "25 %", "send"} {
		if !strings.Contains(drawn.String(), part) {
			t.Errorf("%q is missing in\n%s", part, drawn.String())
		}
	}
}

// A bar is whole at 60 columns, with rate and time; where there is room, bytes and path
// stand there too.
func TestBars_ShowWhatThereIsRoomFor(t *testing.T) {
	for width, extra := range map[int]bool{60: false, 89: false, 90: true, 120: true} {
		var drawn bytes.Buffer
		b := newBars(&drawn, width)
		b.transfer("send", client.Progress{Name: "a-long-name-of-a-video.mp4", Done: 10e6, Total: 40e6, File: 1, Files: 1}, "direct")
		b.transfer("receive", client.Progress{Name: "three.txt", Done: 3, Total: 3, File: 1, Files: 1}, "direct")
		b.stop()
		said := escape.ReplaceAllString(drawn.String(), "")
		for line := range strings.SplitSeq(said, "\n") {
			line = strings.TrimRight(line, " \r")
			if w := runewidth.StringWidth(line); w > width || strings.HasSuffix(line, "…") {
				t.Errorf("%d columns at %d: %q", w, width, line)
			}
			if line != "" && !strings.Contains(line, "[") {
				t.Errorf("no bar at %d columns: %q", width, line)
			}
		}
		if got := strings.Contains(said, "10 MB of 40 MB") && strings.Contains(said, "3 B of 3 B") && strings.Contains(said, "direct"); got != extra {
			t.Errorf("at %d columns: %s", width, said)
		}
		if !strings.Contains(said, "B/s") && !strings.Contains(said, "b/s") {
			t.Errorf("no rate at %d columns: %s", width, said)
		}
	}
}

var escape = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)

// The job's own exit code is the program's; 128+n for a signal n.
func TestRun_EndsWithTheJobsOwnCode(t *testing.T) {
	code := func(n int) *int { return &n }
	for _, c := range []struct {
		result client.Result
		want   error
	}{
		{client.Result{State: events.JobDone, ExitCode: code(0)}, nil},
		{client.Result{State: events.JobFailed, ExitCode: code(3)}, exit(3)},
		{client.Result{State: events.JobFailed, ExitCode: code(137)}, exit(137)},
		{client.Result{State: events.JobFailed, ExitCode: code(0)}, exit(75)},
		{client.Result{State: events.JobFailed}, exit(75)},
	} {
		if got := ending(c.result); got != c.want { //nolint:errorlint // an exit has no wrapping
			t.Errorf("%s %v: %v, want %v", c.result.State, c.result.ExitCode, got, c.want)
		}
	}
}

// People call workers by their names; an id stands where there is none.
func TestNames_StandForWorkers(t *testing.T) {
	if got := epilogue(client.Result{JobID: "j-abc", Worker: "worker-1", Name: "calm-heron", State: events.JobDone}, false); got != "job j-abc on calm-heron: done" {
		t.Error(got)
	}
	jobs := jobTable(client.JobList{
		Names: map[string]string{"worker-1": "calm-heron"},
		Jobs:  []events.JobInfo{{JobID: "j-abc", Worker: "worker-1"}, {JobID: "j-def", Worker: "worker-2"}},
	})
	if !strings.Contains(jobs, "j-abc  calm-heron") || !strings.Contains(jobs, "j-def  worker-2") {
		t.Error(jobs)
	}
	mapped := (&mapView{Inputs: []client.Outcome{{Input: "a.mp4", Worker: "worker-1", Name: "calm-heron", State: events.JobDone}}}).table()
	if !strings.Contains(mapped, "calm-heron") {
		t.Error(mapped)
	}
	var plan strings.Builder
	explainPlan(&plan, client.Plan{
		List:     events.WorkerList{Workers: []events.Worker{{PeerID: "worker-1", Name: "calm-heron"}}},
		Rejected: []events.Rejected{{PeerID: "worker-1", Reason: "is busy"}, {PeerID: "worker-2", Reason: "is busy"}},
	})
	if !strings.Contains(plan.String(), "calm-heron rejected") || !strings.Contains(plan.String(), "worker-2 rejected") {
		t.Error(plan.String())
	}
}
