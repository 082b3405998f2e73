package jobs

import (
	"math"
	"strconv"
	"strings"

	"github.com/moothall/moothall/events"
)

// directive reads a line that a job prints for Moothall:
//
//	::progress DONE TOTAL [text]
//	::metric NAME VALUE [STEP]
//
// A line that looks like one and is none, such as a metric that is NaN, is plain
// output.
func directive(line string) (events.JobEvent, bool) {
	verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	switch verb {
	case "::progress":
		return progress(rest)
	case "::metric":
		return metric(rest)
	}
	return events.JobEvent{}, false
}

func progress(rest string) (events.JobEvent, bool) {
	first, rest := field(rest)
	second, text := field(rest)
	done, ok1 := number(first)
	total, ok2 := number(second)
	if !ok1 || !ok2 || done < 0 || total < 0 {
		return events.JobEvent{}, false
	}
	return events.JobEvent{Kind: events.JobEventProgress, Done: done, Total: total, Text: text}, true
}

func metric(rest string) (events.JobEvent, bool) {
	f := strings.Fields(rest)
	if len(f) < 2 || len(f) > 3 {
		return events.JobEvent{}, false
	}
	e := events.JobEvent{Kind: events.JobEventMetric, Name: f[0]}
	var ok bool
	if e.Value, ok = number(f[1]); !ok {
		return events.JobEvent{}, false
	}
	if len(f) == 3 {
		if e.Step, ok = number(f[2]); !ok {
			return events.JobEvent{}, false
		}
	}
	return e, true
}

// field is the first word of s and what follows it.
func field(s string) (first, rest string) {
	first, rest, _ = strings.Cut(strings.TrimSpace(s), " ")
	return first, strings.TrimSpace(rest)
}

// number reads a finite number: JSON has no other.
func number(s string) (float64, bool) {
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}
