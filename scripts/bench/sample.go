package main

import (
	"fmt"
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
)

func (u unit) text(v float64) string { return fmt.Sprintf("%.3g %s", v, u) }

// A sample is many measurements of one thing. The target is for the median.
type sample struct {
	what   string
	unit   unit
	target float64 // 0: none
	values []float64
}

func (s *sample) add(v float64) { s.values = append(s.values, v) }

func (s *sample) took(d time.Duration) {
	if s.unit == seconds {
		s.add(d.Seconds())
		return
	}
	s.add(float64(d.Nanoseconds()) / 1e6)
}

// at is the value that a share (0 to 1) of the measurements does not exceed.
func (s sample) at(share float64) float64 {
	sorted := slices.Sorted(slices.Values(s.values))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

func (s sample) verdict() string {
	switch {
	case s.target == 0:
		return ""
	case s.at(0.5) < s.target:
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
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %d | %s | %s |\n",
			s.what, s.unit.text(s.at(0.5)), s.unit.text(s.at(0.99)), s.unit.text(s.at(1)), len(s.values), target, s.verdict())
	}
	return b.String()
}
