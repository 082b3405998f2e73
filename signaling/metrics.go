package signaling

import (
	"strings"
	"sync"

	"github.com/moothall/moothall/events"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the hub's numbers, in a registry of their own. No label comes from
// what a user typed.
type metrics struct {
	registry  *prometheus.Registry
	census    *census
	elections *prometheus.CounterVec // reason
	election  prometheus.Histogram
	registers *prometheus.CounterVec // result: ok or an error code
	discovers *prometheus.CounterVec // client
	messages  *prometheus.CounterVec // kind
	rejected  *prometheus.CounterVec // reason
}

func newMetrics() *metrics {
	counter := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "moothall_" + name, Help: help}, []string{label})
	}
	m := &metrics{
		registry:  prometheus.NewRegistry(),
		census:    &census{rooms: map[string]headcount{}},
		elections: counter("elections_total", "Admins elected.", "reason"),
		election: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "moothall_election_seconds", Help: "From the hub's first evidence to the new admin's term.",
			Buckets: []float64{.01, .025, .05, .1, .15, .25, .5, 1, 2.5, 5, 10, 20},
		}),
		registers: counter("register_total", "Registrations answered.", "result"),
		discovers: counter("discover_http_total", "Uses of the deprecated /discover-workers.", "client"),
		messages:  counter("messages_total", "Requests received on service subjects.", "kind"),
		rejected:  counter("rejected_total", "Requests refused or dropped.", "reason"),
	}
	m.registry.MustRegister(m.census, m.elections, m.election, m.registers, m.discovers, m.messages, m.rejected)
	return m
}

// census counts rooms and workers as the records show them. Safe for concurrent use.
type census struct {
	mu    sync.Mutex // guards rooms
	rooms map[string]headcount
}

type headcount struct {
	registry, old int
	status        map[events.Status]int
}

func (c *census) take(r Record) {
	h := headcount{status: map[events.Status]int{}}
	for _, m := range r.Members {
		if !m.Here() {
			continue
		}
		if m.Registry {
			h.registry++
		} else {
			h.old++
		}
		h.status[statusOf(m)]++
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rooms[r.Room] = h
}

var (
	roomsDesc   = prometheus.NewDesc("moothall_rooms", "Rooms, by how they work now.", []string{"mode"}, nil)
	workersDesc = prometheus.NewDesc("moothall_workers", "Workers here, by what they last reported.", []string{"status"}, nil)
)

func (c *census) Describe(ch chan<- *prometheus.Desc) { ch <- roomsDesc; ch <- workersDesc }

func (c *census) Collect(ch chan<- prometheus.Metric) {
	modes := map[string]int{"registry": 0, "http": 0, "empty": 0}
	status := map[events.Status]int{}
	c.mu.Lock()
	for _, h := range c.rooms {
		switch {
		case h.registry > 0:
			modes["registry"]++
		case h.old > 0:
			modes["http"]++
		default:
			modes["empty"]++
		}
		for s, n := range h.status {
			status[s] += n
		}
	}
	c.mu.Unlock()
	for mode, n := range modes {
		ch <- prometheus.MustNewConstMetric(roomsDesc, prometheus.GaugeValue, float64(n), mode)
	}
	for s, n := range status {
		ch <- prometheus.MustNewConstMetric(workersDesc, prometheus.GaugeValue, float64(n), string(s))
	}
}

// agent sorts a User-Agent into the few kinds that a plan to retire the old way
// needs to tell apart.
func agent(userAgent string) string {
	for _, known := range []string{"moot", "curl", "python", "Mozilla"} {
		if strings.HasPrefix(userAgent, known) {
			return strings.ToLower(known)
		}
	}
	return "other"
}
