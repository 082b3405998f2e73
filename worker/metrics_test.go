package worker

import (
	"maps"
	"math"
	"testing"
	"time"

	"github.com/moothall/moothall/signaling/link"
	"github.com/moothall/moothall/worker/mesh"
	"github.com/moothall/moothall/worker/replica"
	"github.com/moothall/moothall/worker/roster"
)

// counters are the values of a counter by its only label, or by "".
func counters(t *testing.T, m *metrics, name string) map[string]float64 {
	t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, one := range f.GetMetric() {
			if f.GetName() != name {
				continue
			}
			label := ""
			for _, l := range one.GetLabel() {
				label = l.GetValue()
			}
			values[label] = one.GetCounter().GetValue()
		}
	}
	return values
}

func TestMetrics_RefusalsAreCountedByReason(t *testing.T) {
	m := newMetrics()
	refused := func(reason roster.Reason) {
		m.count(replica.Note{Level: replica.Warn, Text: "refused a change", Fields: []any{"peer_id", "worker-1", "reason", string(reason)}})
	}
	refused(roster.BadSignature)
	refused(roster.Equivocation)
	refused(roster.Equivocation)
	m.count(replica.Note{Level: replica.Warn, Text: "refused a frame"})
	m.count(replica.Note{Level: replica.Info, Text: "registered"})
	got := counters(t, m, "moot_rejected_total")
	if len(got) != 3 || got["row_signature"] != 1 || got["equivocation"] != 2 || got["refused a frame"] != 1 {
		t.Errorf("refused %v", got)
	}
	if got := counters(t, m, "moot_merge_conflicts_total"); got[""] != 2 {
		t.Errorf("conflicts %v", got)
	}
}

func TestMetrics_PropagationIsTheAgeOfAnOwnersChange(t *testing.T) {
	m := newMetrics()
	now := time.UnixMilli(1_000_000_250)
	for _, update := range []string{`{"timestamp":1000000.125}`, `{"timestamp":1000007}`, `{}`, `{`} {
		m.propagated([]byte(update), now)
	}
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "moot_propagation_seconds" {
			continue
		}
		if h := f.GetMetric()[0].GetHistogram(); h.GetSampleCount() != 2 || math.Abs(h.GetSampleSum()-0.125) > 1e-6 {
			t.Errorf("%d changes, %v s in sum", h.GetSampleCount(), h.GetSampleSum())
		}
		return
	}
	t.Error("there is no such metric")
}

func TestMetrics_LinksByPathAndState(t *testing.T) {
	m := newMetrics()
	m.registry.MustRegister(linkCollector{func() []mesh.Info {
		open := mesh.Info{State: mesh.StateOpen, Stats: link.Stats{Path: link.PathDirect}}
		turned := mesh.Info{State: mesh.StateOpen, Stats: link.Stats{Path: link.PathTURN}}
		return []mesh.Info{open, open, turned, {State: mesh.StateDown}}
	}})
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, one := range f.GetMetric() {
			if f.GetName() == "moot_mesh_links" {
				got[one.GetLabel()[0].GetValue()+" "+one.GetLabel()[1].GetValue()] = one.GetGauge().GetValue()
			}
		}
	}
	want := map[string]float64{"direct open": 2, "turn open": 1, " connecting": 0, " down": 1}
	if !maps.Equal(got, want) {
		t.Errorf("links %v, want %v", got, want)
	}
}
