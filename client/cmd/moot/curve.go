package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/events/cli"
)

// levels are the heights of a curve's columns.
var levels = []rune("▁▂▃▄▅▆▇█")

const (
	leastCurve = 8  // columns
	mostCurve  = 60 // columns
	mostNames  = 12 // metrics that are drawn

	// What is kept of what a job measures: so many metrics, whose names have so many bytes
	// in all, and so many values of them all.
	mostSeries = 1000
	mostBytes  = 1 << 20
	mostValues = 200_000
)

// A series is one metric in the order in which its values came.
type series struct {
	name   string
	values []float64
}

// gather adds a value to its metric; what is beyond the bounds is left out.
func gather(all []series, e events.JobEvent) []series {
	values, names := 0, len(e.Name)
	at := -1
	for i := range all {
		values, names = values+len(all[i].values), names+len(all[i].name)
		if all[i].name == e.Name {
			at = i
		}
	}
	switch {
	case values >= mostValues:
	case at >= 0:
		all[at].values = append(all[at].values, e.Value)
	case len(all) < mostSeries && names <= mostBytes:
		all = append(all, series{e.Name, []float64{e.Value}})
	}
	return all
}

// curves draws a line for each metric of more than one value, width columns wide at
// most: its name, the first value, the curve, the last one and the extremes.
func curves(all []series, width int) string {
	var b strings.Builder
	drawn := 0
	for _, s := range all {
		if len(s.values) < 2 {
			continue
		}
		if drawn++; drawn > mostNames {
			fmt.Fprintf(&b, "… %d metrics in all\n", len(all))
			break
		}
		b.WriteString(s.line(width))
	}
	return b.String()
}

func (s series) line(width int) string {
	low, high := extremes(s.values)
	before := fmt.Sprintf("%s %.4g ", cli.Printable(s.name), s.values[0])
	after := fmt.Sprintf(" %.4g", s.values[len(s.values)-1])
	if said := fmt.Sprintf("  (%.4g to %.4g)", low, high); runewidth.StringWidth(before+after+said)+leastCurve <= width {
		after += said
	}
	room := min(mostCurve, width-runewidth.StringWidth(before+after))
	if room < leastCurve {
		return runewidth.Truncate(strings.TrimSpace(before+after), max(1, width), "…") + "\n"
	}
	return before + curve(s.values, room) + after + "\n"
}

// curve is the values in at most width columns; each is the mean of those that fall
// into it.
func curve(values []float64, width int) string {
	width = min(width, len(values))
	low, high := extremes(values)
	columns := make([]rune, width)
	for i := range columns {
		part := values[i*len(values)/width : (i+1)*len(values)/width]
		columns[i] = levels[level(mean(part), low, high)]
	}
	return string(columns)
}

// level is where a value lies between low and high.
func level(v, low, high float64) int {
	if high <= low {
		return 0
	}
	at := (v/2 - low/2) / (high/2 - low/2) // halves: the difference of two extremes may be infinite
	return min(len(levels)-1, max(0, int(at*float64(len(levels)))))
}

func extremes(values []float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	return low, high
}

func mean(values []float64) float64 {
	m := 0.0
	for i, v := range values {
		m += (v - m) / float64(i+1)
	}
	return m
}
