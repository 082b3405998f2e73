package client

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/moothall/moothall/events"
)

const (
	// MetricsFile is the file beside a job's outputs with what the job measured:
	// time,name,value,step.
	MetricsFile = "moot-metrics.csv"
	// maxMetrics bounds its rows, and maxMetricNames all that they have of names. Bytes.
	maxMetrics     = 200_000
	maxMetricNames = 16 << 20
)

// measured is what a job has measured so far.
type measured struct {
	points  []point
	names   int // bytes
	dropped int
}

type point struct {
	time        events.Time
	name        string
	value, step float64
}

func (m *measured) add(e events.JobEvent) {
	if len(m.points) == maxMetrics || m.names+len(e.Name) > maxMetricNames {
		m.dropped++
		return
	}
	m.names += len(e.Name)
	m.points = append(m.points, point{e.Time, e.Name, e.Value, e.Step})
}

// write writes the points as CSV.
func (m *measured) write(w io.Writer) error {
	c := csv.NewWriter(w)
	rows := [][]string{{"time", "name", "value", "step"}}
	for _, p := range m.points {
		rows = append(rows, []string{p.time.Format("2006-01-02T15:04:05.000Z"), p.name, number(p.value), number(p.step)})
	}
	if err := c.WriteAll(rows); err != nil {
		return err
	}
	return c.Error()
}

func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// saveMetrics puts what the job measured beside its outputs. What fails here fails no
// job: it is told.
func (r *run) saveMetrics() {
	if len(r.measured.points) == 0 || !r.result.State.Final() {
		return
	}
	if err := r.writeMetrics(); err != nil {
		r.note(fmt.Sprintf("the metrics were not saved: %s", plain(err)))
		return
	}
	if n := r.measured.dropped; n > 0 {
		r.note(fmt.Sprintf("%s has the first %d metrics; %d more were not saved", MetricsFile, len(r.measured.points), n))
	}
}

func (r *run) writeMetrics() error {
	if r.folder == nil {
		if err := r.ownFolder(); err != nil {
			return err
		}
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if r.job.Force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := r.folder.root.OpenFile(MetricsFile, flags, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(r.measured.write(f), f.Close())
}
