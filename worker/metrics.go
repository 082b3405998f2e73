package worker

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/link"
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
	merge        prometheus.Histogram
	propagation  prometheus.Histogram
	discovery    *prometheus.HistogramVec
	transferred  *prometheus.CounterVec
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
	m.merge = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "moot", Name: "merge_seconds", Buckets: prometheus.ExponentialBuckets(50e-6, 4, 8),
		Help: "From a frame of state to the view with it: signatures checked, changes merged.",
	})
	m.propagation = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "moot", Name: "propagation_seconds", Buckets: prometheus.ExponentialBuckets(1e-3, 2, 12),
		Help: "From another worker's change to our view with it, as far as the clocks of both machines agree.",
	})
	m.discovery = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "moot", Name: "discovery_seconds", Buckets: prometheus.ExponentialBuckets(50e-6, 4, 8),
		Help: "An answer to a client that asks who is here, by who gives it.",
	}, []string{"source"})
	m.transferred = counter("transfer_bytes_total", "Bytes of files that clients sent to jobs (in) and had from them (out).", "direction")
	m.registry.MustRegister(m.queries, m.jobs, m.meshFailures, m.rejected, m.conflicts, m.merge, m.propagation, m.discovery, m.transferred)
	return m
}

// observe adds what is read from the agent when somebody asks.
func (m *metrics) observe(a *Agent) {
	gauge := func(name, help string, labels prometheus.Labels, read func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "moot", Name: name, Help: help, ConstLabels: labels,
		}, read))
	}
	m.registry.MustRegister(linkCollector{a.mesh.Links})
	gauge("document_bytes", "Size of the changes of the document's present generation.", nil, func() float64 {
		if v := a.view.Load(); v != nil {
			return float64(v.Bytes)
		}
		return 0
	})
	gauge("generation", "Term of the document's present generation.", nil, func() float64 {
		if v := a.view.Load(); v != nil {
			return float64(v.Position.Generation.N)
		}
		return 0
	})
}

// A linkCollector counts the links to peers by path and state. A link that is not open
// has no path.
type linkCollector struct{ links func() []mesh.Info }

var linksDesc = prometheus.NewDesc("moot_mesh_links", "Links to peers by path and state.", []string{"path", "state"}, nil)

// Describe is prometheus.Collector's.
func (linkCollector) Describe(all chan<- *prometheus.Desc) { all <- linksDesc }

// Collect is prometheus.Collector's.
func (c linkCollector) Collect(all chan<- prometheus.Metric) {
	type kind struct{ path, state string }
	counts := map[kind]int{{link.PathDirect, string(mesh.StateOpen)}: 0, {link.PathTURN, string(mesh.StateOpen)}: 0,
		{"", string(mesh.StateConnecting)}: 0, {"", string(mesh.StateDown)}: 0}
	for _, l := range c.links() {
		counts[kind{l.Path, string(l.State)}]++
	}
	for k, n := range counts {
		all <- prometheus.MustNewConstMetric(linksDesc, prometheus.GaugeValue, float64(n), k.path, k.state)
	}
}

// propagated takes note of how old an owner's change is when our view has it. A clock that
// is ahead of ours makes it no younger than new.
func (m *metrics) propagated(update []byte, now time.Time) {
	var sent struct {
		Timestamp float64 `json:"timestamp"`
	}
	if json.Unmarshal(update, &sent) == nil && sent.Timestamp > 0 {
		m.propagation.Observe(max(0, events.Unix(now)-sent.Timestamp))
	}
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
