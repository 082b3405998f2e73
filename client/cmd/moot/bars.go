package main

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/events/cli"
)

const (
	// manyFiles is the number of files from which a finished bar makes room.
	manyFiles = 6
	// fine is how many parts a job's own unit has on its bar: it may count in tenths.
	fine      = 1000
	nameWidth = 24
	// narrow is the width of a terminal below which a bar is a name and a percentage.
	narrow = 60
	// wide is the width from which there is room for bytes and path beside a file's bar.
	wide       = 90
	shortWidth = 12
)

// bars is the gauge of a terminal.
type bars struct {
	progress *mpb.Progress
	files    map[string]*mpb.Bar
	jobBar   *mpb.Bar
	said     atomic.Value // string beside the job's bar; the drawing goroutine reads it
	begun    []byte       // of a line that has not ended
	narrow   bool
	wide     bool
}

// newBars draws on a terminal of that many columns.
func newBars(w io.Writer, width int) *bars {
	return &bars{progress: mpb.New(mpb.WithOutput(w), mpb.WithAutoRefresh(), mpb.WithWidth(max(1, width))), files: map[string]*mpb.Bar{}, narrow: width < narrow, wide: width >= wide}
}

// bar makes a bar of a name, how far it is, and what else there is room for.
func (b *bars) bar(total int64, name string, more []decor.Decorator, options ...mpb.BarOption) *mpb.Bar {
	after := append([]decor.Decorator{decor.Percentage()}, more...)
	width := nameWidth
	var filler mpb.BarFillerBuilder = mpb.BarStyle()
	if b.narrow {
		after, width, filler = after[:1], shortWidth, mpb.NopStyle()
	}
	options = append(options,
		mpb.PrependDecorators(decor.Name(short(name, width), decor.WC{W: width, C: decor.DindentRight})), mpb.AppendDecorators(after...))
	return b.progress.New(total, filler, options...)
}

// Write prints above the bars, whole lines only: a part of one would be drawn over.
func (b *bars) Write(p []byte) (int, error) {
	if b.begun = append(b.begun, p...); len(b.begun) > events.MaxMessage {
		b.begun = append(b.begun, '\n') // a line without end
	}
	whole := bytes.LastIndexByte(b.begun, '\n') + 1
	_, err := b.progress.Write(b.begun[:whole])
	b.begun = append([]byte(nil), b.begun[whole:]...)
	return len(p), err
}

func (b *bars) transfer(verb string, p client.Progress, path string) {
	thing := verb + " " + p.Name
	bar, ok := b.files[thing]
	if !ok {
		more := []decor.Decorator{decor.AverageSpeed(decor.SizeB1000(0), "  % .1f"), decor.Name("  "), decor.AverageETA(decor.ET_STYLE_GO)}
		if b.wide {
			more = append(append([]decor.Decorator{decor.Any(counted)}, more...), decor.Name(pathText(path)))
		}
		bar = b.bar(p.Total, thing, more, mpb.BarOptional(mpb.BarRemoveOnComplete(), p.Files >= manyFiles))
		b.files[thing] = bar
	}
	bar.SetCurrent(p.Done)
	if p.Done >= p.Total {
		bar.SetTotal(p.Total, true)
	}
}

func counted(s decor.Statistics) string {
	return "  " + bytesText(s.Current) + " of " + bytesText(s.Total)
}

func (b *bars) job(e events.JobEvent) {
	if e.Kind == events.JobEventMetric {
		b.said.Store(metricText(e))
		return
	}
	if e.Text != "" {
		b.said.Store(cli.Printable(e.Text))
	}
	if e.Total <= 0 {
		return
	}
	if b.jobBar == nil {
		b.jobBar = b.bar(int64(e.Total*fine), "job", []decor.Decorator{decor.Name("  "), decor.AverageETA(decor.ET_STYLE_GO), decor.Any(b.beside)})
	}
	b.jobBar.SetTotal(int64(e.Total*fine), false)
	b.jobBar.SetCurrent(int64(e.Done * fine))
}

func (b *bars) beside(decor.Statistics) string {
	said, _ := b.said.Load().(string)
	return "  " + said
}

// stop leaves the bars as they are and waits for the last drawing.
func (b *bars) stop() {
	if len(b.begun) > 0 {
		fmt.Fprintln(b)
	}
	for _, bar := range b.files {
		bar.Abort(false)
	}
	if b.jobBar != nil {
		b.jobBar.Abort(false)
	}
	b.progress.Wait()
}

func short(s string, width int) string {
	r := []rune(cli.Printable(s))
	if len(r) > width-2 {
		return string(r[:width-3]) + "… "
	}
	return string(r)
}
