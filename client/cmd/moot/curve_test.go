package main

import (
	"math"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
)

func TestCurve_RisesFallsAndFitsItsWidth(t *testing.T) {
	for want, c := range map[string]struct {
		values []float64
		width  int
	}{
		"▁▂▃▄▅▆▇█": {[]float64{0, 1, 2, 3, 4, 5, 6, 7}, 60},
		"█▁":       {[]float64{4, 4, 1, 1}, 2},
		"▁▁▁":      {[]float64{5, 5, 5}, 10},
		"▁█":       {[]float64{-math.MaxFloat64, math.MaxFloat64}, 10},
	} {
		if got := curve(c.values, c.width); got != want {
			t.Errorf("%v in %d columns: %s, want %s", c.values, c.width, got, want)
		}
	}
}

func TestCurves_OneLineForEachMetricWithinTheTerminal(t *testing.T) {
	var all []series
	for i := range 1000 {
		all = gather(all, events.JobEvent{Name: "loss", Value: 1000 - float64(i)})
		all = gather(all, events.JobEvent{Name: "evil\x1b[2J", Value: float64(i % 7)})
	}
	all = gather(all, events.JobEvent{Name: "once", Value: 1})
	for _, width := range []int{1, 5, 20, 40, 80, 300} {
		text := curves(all, width)
		if strings.Count(text, "\n") != 2 || strings.Contains(text, "once") || strings.Contains(text, "\x1b") {
			t.Errorf("%d columns:\n%s", width, text)
		}
		for line := range strings.SplitSeq(text, "\n") {
			if w := runewidth.StringWidth(line); w > width {
				t.Errorf("a line of %d columns in %d: %s", w, width, line)
			}
		}
	}
	if text := curves(all, 80); !strings.HasPrefix(text, "loss 1000 █") || !strings.Contains(text, "▁ 1  (1 to 1000)\n") {
		t.Errorf("%s", text)
	}
}

func TestEpilogue_ATimeIsTheJobsOrNone(t *testing.T) {
	r := client.Result{JobID: "j-abc", Worker: "otter", State: events.JobDone, Timings: client.Timings{TotalMS: 1500}}
	if got := epilogue(r, true); got != "job j-abc on otter: done, 1.5s" {
		t.Error(got)
	}
	if got := epilogue(r, false); got != "job j-abc on otter: done" {
		t.Error(got)
	}
}

func TestForetold_NamesTheWorkerAsOtherLinesDo(t *testing.T) {
	v := &planView{Command: "track", Worker: "worker-1", Candidates: []workerView{{PeerID: "worker-1", Name: "calm-heron"}}}
	if got := foretold(v); got != "would run track on calm-heron; nothing was reserved\n" {
		t.Error(got)
	}
}
