package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// A unit is how a number is shown.
type unit string

const (
	seconds      unit = "s"
	milliseconds unit = "ms"
	percent      unit = "%"
	megabytes    unit = "MB"
	times        unit = ""
)

func (u unit) text(v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	digits := "%.3g"
	if v >= 1000 {
		digits = "%.0f"
	}
	return strings.TrimSpace(fmt.Sprintf(digits+" %s", v, u))
}

// A sample is many measurements of one thing. The target is for the median.
type sample struct {
	what   string
	unit   unit
	target float64 // 0: none
	tail   float64 // the target for the p99; 0: none
	values []float64
	note   string // stands for the verdict if there is no target
}

func (s *sample) add(v float64) { s.values = append(s.values, v) }

func (s *sample) took(d time.Duration) {
	if s.unit == seconds {
		s.add(d.Seconds())
		return
	}
	s.add(float64(d.Nanoseconds()) / 1e6)
}

// at is the value that a share (0 to 1) of the measurements does not exceed; not a
// number without measurements.
func (s sample) at(share float64) float64 {
	if len(s.values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s.values))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

func (s sample) verdict() string {
	switch {
	case s.target == 0:
		return s.note
	case s.at(0.5) < s.target && (s.tail == 0 || s.at(0.99) < s.tail):
		return "met"
	}
	return "missed"
}

// render is a Markdown table.
func render(all []sample) string {
	var b strings.Builder
	b.WriteString("| what | median | p99 | worst | n | target | |\n|---|---|---|---|---|---|---|\n")
	for _, s := range all {
		target := ""
		if s.target > 0 {
			target = "< " + s.unit.text(s.target)
		}
		if s.tail > 0 && s.tail != s.target {
			target += ", p99 < " + s.unit.text(s.tail)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %d | %s | %s |\n",
			s.what, s.unit.text(s.at(0.5)), s.unit.text(s.at(0.99)), s.unit.text(s.at(1)), len(s.values), target, s.verdict())
	}
	return b.String()
}
