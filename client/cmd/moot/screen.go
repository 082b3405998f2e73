package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/events/cli"
)

// A screen shows a job while it runs: its own output as it is, and how far it and its
// files are. One goroutine uses it.
type screen struct {
	stdout, stderr io.Writer // of the job's lines
	notices        io.Writer
	explain        bool
	gauge          gauge
	series         []series  // what the job measured
	end            io.Writer // of what is shown when all is over
	width          int       // of its terminal, 0 for none
}

// A gauge shows how far things are. Names are stable while a thing is under way.
type gauge interface {
	transfer(verb string, p client.Progress, path string)
	job(e events.JobEvent)
	stop()
}

// screen is bars on a terminal and lines elsewhere. With --json the job's output goes
// to stderr: stdout is the result's.
func (p *program) screen(explain bool) *screen {
	s := &screen{stdout: p.out, stderr: p.err, notices: p.err, explain: explain, end: p.err, width: terminalWidth(p.err)}
	if p.json {
		s.stdout = p.err
	}
	if !cli.IsTerminal(p.err) || os.Getenv("TERM") == "dumb" {
		s.gauge = newLines(p.err)
		return s
	}
	b := newBars(p.err, s.width)
	s.gauge, s.stderr, s.notices = b, b, b
	if cli.IsTerminal(s.stdout) {
		s.stdout = b
	}
	return s
}

func (s *screen) update(u client.JobUpdate) {
	switch u.Kind {
	case client.UpdateState:
		s.state(u)
	case client.UpdateOutput:
		s.output(u.Event)
	case client.UpdateProgress:
		s.gauge.job(u.Event)
	case client.UpdateMetric:
		s.gauge.job(u.Event)
		s.series = gather(s.series, u.Event)
	case client.UpdateSend:
		s.gauge.transfer("send", u.Transfer, u.Path)
	case client.UpdateReceive:
		s.gauge.transfer("receive", u.Transfer, u.Path)
	case client.UpdateWait:
		fmt.Fprintln(s.notices, "waiting:", cli.Printable(u.Note))
	case client.UpdateNote:
		if s.explain {
			fmt.Fprintln(s.notices, " ", cli.Printable(u.Note))
		}
	}
}

// state tells where the job goes; the rest is seen anyway.
func (s *screen) state(u client.JobUpdate) {
	switch u.State {
	case events.JobReserved:
		fmt.Fprintf(s.notices, "reserved %s\n", cli.Printable(nameOf(u.Worker)))
	case events.JobRunning:
		fmt.Fprintf(s.notices, "job %s runs on %s\n", u.JobID, cli.Printable(nameOf(u.Worker)))
	}
}

// output passes a line on as the job wrote it, less those that are meant for us.
func (s *screen) output(e events.JobEvent) {
	end := "\n"
	if e.More {
		end = ""
	}
	switch e.Stream {
	case events.StreamNote:
		fmt.Fprintln(s.notices, "moot:", cli.Printable(e.Line))
	case events.StreamStderr:
		fmt.Fprint(s.stderr, e.Line, end)
	default:
		if !strings.HasPrefix(e.Line, "::") {
			fmt.Fprint(s.stdout, e.Line, end)
		}
	}
}

// close ends the gauge; on a terminal the metrics are drawn as curves.
func (s *screen) close() {
	s.gauge.stop()
	if s.width > 0 {
		fmt.Fprint(s.end, curves(s.series, s.width))
	}
}

func nameOf(w events.Worker) string {
	if w.Name != "" {
		return w.Name
	}
	return w.PeerID
}

// pathText is how a link goes, for people; "" while that is not known.
func pathText(path string) string {
	switch path {
	case "":
		return ""
	case "turn":
		return ", by relay"
	}
	return ", " + cli.Printable(path)
}

func bytesText(n int64) string { return humanize.Bytes(uint64(max(0, n))) }

// metricText is a number that a job measured, as a person reads it.
func metricText(e events.JobEvent) string {
	return fmt.Sprintf("%s %.4g", cli.Printable(e.Name), e.Value)
}
