package main

import (
	"fmt"
	"time"
)

// A measure is a number beside the bound that it must keep.
type measure struct {
	value, bound float64
	format       string // of both, with the unit
	least        bool   // the bound is the least value, not the most
}

// within is a time, counted since start, and how long it may be.
func within(bound time.Duration, start time.Time) measure {
	return measure{value: time.Since(start).Seconds(), bound: bound.Seconds(), format: "%.2f s"}
}

func (m measure) missed() bool {
	if m.least {
		return m.value < m.bound
	}
	return m.value > m.bound
}

func (m measure) String() string { return fmt.Sprintf(m.format, m.value) }

func (m measure) limit() string {
	word := "at most"
	if m.least {
		word = "at least"
	}
	return word + " " + fmt.Sprintf(m.format, m.bound)
}
