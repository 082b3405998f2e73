package worker

import (
	"fmt"

	"github.com/moothall/moothall/worker/mesh"
	"github.com/moothall/moothall/worker/replica"
	"github.com/moothall/moothall/worker/roster"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics of a worker, in a registry of its own.
type metrics struct {
	registry     *prometheus.Registry
	queries      *prometheus.CounterVec
	jobs         *prometheus.CounterVec
	meshFailures *prometheus.CounterVec
	rejected     *prometheus.CounterVec
	conflicts    prometheus.Counter
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "moot", Name: name, Help: help}, labels)
	}
	m := &metrics{
		registry:     prometheus.NewRegistry(),
		queries:      counter("queries_total", "Queries of clients by result.", "result"),
		jobs:         counter("jobs_total", "Jobs that ended, by result.", "result"),
		meshFailures: counter("mesh_failures_total", "Links and frames that failed, by reason.", "reason"),
		rejected:     counter("rejected_total", "Frames, changes and terms of others that were refused.", "reason"),
	}
	m.conflicts = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "moot", Name: "merge_conflicts_total",
		Help: "Changes that would have conflicted with another of the same key: two rows that one seat signed for one place in its chain. They are refused, so the document never has a conflict.",
	})
	m.registry.MustRegister(m.queries, m.jobs, m.meshFailures, m.rejected, m.conflicts)
	return m
}

// observe adds what is read from the agent when somebody asks.
func (m *metrics) observe(a *Agent) {
	gauge := func(name, help string, labels prometheus.Labels, read func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "moot", Name: name, Help: help, ConstLabels: labels,
		}, read))
	}
	for _, state := range []mesh.State{mesh.StateOpen, mesh.StateConnecting, mesh.StateDown} {
		gauge("mesh_links", "Links to peers by state.", prometheus.Labels{"state": string(state)}, func() float64 {
			n := 0
			for _, l := range a.mesh.Links() {
				if l.State == state {
					n++
				}
			}
			return float64(n)
		})
	}
	gauge("generation", "Term of the document's present generation.", nil, func() float64 {
		if v := a.view.Load(); v != nil {
			return float64(v.Position.Generation.N)
		}
		return 0
	})
}

// count counts what the replica refused, by its reason if it has one.
func (m *metrics) count(n replica.Note) {
	if n.Level != replica.Warn {
		return
	}
	reason := n.Text
	for i := 0; i+1 < len(n.Fields); i += 2 {
		if n.Fields[i] == "reason" {
			reason = fmt.Sprint(n.Fields[i+1])
		}
	}
	m.rejected.WithLabelValues(reason).Inc()
	if reason == string(roster.Equivocation) {
		m.conflicts.Inc()
	}
}
