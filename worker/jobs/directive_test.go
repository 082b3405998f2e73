package jobs

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/moothall/moothall/events"
)

func TestDirective(t *testing.T) {
	progress := func(done, total float64, text string) *events.JobEvent {
		return &events.JobEvent{Kind: events.JobEventProgress, Done: done, Total: total, Text: text}
	}
	metric := func(name string, value, step float64) *events.JobEvent {
		return &events.JobEvent{Kind: events.JobEventMetric, Name: name, Value: value, Step: step}
	}
	for line, want := range map[string]*events.JobEvent{
		"::progress 61 100":                progress(61, 100, ""),
		"::progress 61 100 frames":         progress(61, 100, "frames"),
		"::progress 0.5 1  epoch 1  of 2 ": progress(0.5, 1, "epoch 1  of 2"),
		"  ::progress 1 2":                 progress(1, 2, ""),
		"::progress 3 0 of many":           progress(3, 0, "of many"),
		"::metric loss 0.25":               metric("loss", 0.25, 0),
		"::metric val/acc -1e-3 12":        metric("val/acc", -0.001, 12),
		"::progress":                       nil,
		"::progress 1":                     nil,
		"::progress one two":               nil,
		"::progress -1 2":                  nil,
		"::progress 1 Inf":                 nil,
		"::metric loss":                    nil,
		"::metric loss NaN":                nil,
		"::metric loss 1 2 3":              nil,
		"::metric loss 1 x":                nil,
		"::progressive 1 2":                nil,
		":: progress 1 2":                  nil,
		"x ::progress 1 2":                 nil,
		"":                                 nil,
	} {
		got, ok := directive(line)
		if ok != (want != nil) || ok && cmp.Diff(*want, got) != "" {
			t.Errorf("%q: got %+v, %v, want %+v", line, got, ok, want)
		}
	}
}

func FuzzDirective(f *testing.F) {
	for _, s := range []string{"::progress 1 2 text", "::metric loss 0.5 3", "::metric x 1e309", "::progress 0x1p-2 1_0", "::progress\t1 2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		e, ok := directive(line)
		if !ok {
			if cmp.Diff(events.JobEvent{}, e) != "" {
				t.Fatalf("%q gave %+v and is none", line, e)
			}
			return
		}
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatalf("%q cannot travel: %v", line, err)
		}
		var back events.JobEvent
		if err := json.Unmarshal(text, &back); err != nil || back.Done != e.Done || back.Value != e.Value {
			t.Fatalf("%q: %+v became %+v, %v", line, e, back, err)
		}
	})
}
