package worker

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/moothall/moothall/worker/replica"
)

func TestCount_EachRefusalByItsReason(t *testing.T) {
	m := newMetrics()
	m.count(replica.Note{Level: replica.Warn, Text: "refused a change", Fields: []any{"peer_id", "w1", "reason", "row_signature", "error", "…"}})
	m.count(replica.Note{Level: replica.Warn, Text: "refused a change", Fields: []any{"reason", "row_signature"}})
	m.count(replica.Note{Level: replica.Warn, Text: "refused a frame", Fields: []any{"peer_id", "reason"}})
	m.count(replica.Note{Level: replica.Info, Text: "generation begun", Fields: []any{"reason", "none"}})
	got := map[string]float64{}
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, metric := range f.GetMetric() {
			if f.GetName() == prometheus.BuildFQName("moot", "", "rejected_total") {
				got[metric.GetLabel()[0].GetValue()] = metric.GetCounter().GetValue()
			}
		}
	}
	if len(got) != 2 || got["row_signature"] != 2 || got["refused a frame"] != 1 {
		t.Errorf("counted %v", got)
	}
}
