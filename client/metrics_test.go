package client

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

// What a job measured lies beside its outputs as CSV, and overwrites no file of others.
func TestMetrics_AreSavedBesideTheOutputs(t *testing.T) {
	dir := t.TempDir()
	at := events.At(time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC))
	var notes []string
	save := func(j Job) {
		r := newRun(nil, j, func(u JobUpdate) {
			if u.Kind == UpdateNote {
				notes = append(notes, u.Note)
			}
		})
		defer r.close()
		if err := r.openFolder(j.To); err != nil {
			t.Fatal(err)
		}
		r.result.JobID, r.result.State = "j-1", events.JobDone
		for i, name := range []string{"loss", `a "name", with commas`} {
			r.report(JobUpdate{Kind: UpdateMetric, Event: events.JobEvent{Time: at, Name: name, Value: 0.25, Step: float64(i)}})
		}
		r.saveMetrics()
	}
	path := filepath.Join(dir, MetricsFile)
	read := func() string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	const want = "time,name,value,step\n2026-01-02T03:04:05.006Z,loss,0.25,0\n2026-01-02T03:04:05.006Z,\"a \"\"name\"\", with commas\",0.25,1\n"
	if save(Job{To: dir}); read() != want || len(notes) != 0 {
		t.Errorf("%q, %v", read(), notes)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if save(Job{To: dir}); read() != "mine" || len(notes) != 1 {
		t.Errorf("%q, %v", read(), notes)
	}
	if save(Job{To: dir, Force: true}); read() != want {
		t.Errorf("%q", read())
	}
}
