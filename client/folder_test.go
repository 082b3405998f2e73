package client

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/transfer"
)

// What came back must be what the job's end named: files, sizes and hashes.
func TestFolder_OutputsAreThoseThatTheJobsEndNamed(t *testing.T) {
	a := events.FileHeader{Name: "a.csv", Size: 3, SHA256: "aa"}
	b := events.FileHeader{Name: "sub/b.csv", Size: 4, SHA256: "bb"}
	with := func(h events.FileHeader, edit func(*events.FileHeader)) events.FileHeader { edit(&h); return h }
	f := &folder{path: "out"}
	all := f.outputs([]events.FileHeader{a, b})
	if err := named([]events.FileHeader{a, b}, []events.FileHeader{a, b}); err != nil || len(all) != 2 || all[1].Path != filepath.Join("out", "sub", "b.csv") {
		t.Fatalf("%+v, error %v", all, err)
	}
	for name, came := range map[string][]events.FileHeader{
		"another hash":  {a, with(b, func(h *events.FileHeader) { h.SHA256 = "cc" })},
		"another size":  {a, with(b, func(h *events.FileHeader) { h.Size++ })},
		"another name":  {a, with(b, func(h *events.FileHeader) { h.Name = "c.csv" })},
		"a file less":   {a},
		"a file more":   {a, b, b},
		"another order": {b, a},
	} {
		if err := named([]events.FileHeader{a, b}, came); events.CodeOf(err) != events.CodeDamaged {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A worker that sends another file than the one it sealed is found out.
func TestFollow_AnOutputWithAnotherHashIsDamaged(t *testing.T) {
	dir := t.TempDir()
	sent := filepath.Join(dir, "a.csv")
	if err := os.WriteFile(sent, []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := stageJob(t, Job{Command: "track", To: filepath.Join(dir, "out")})
		if err := s.prepareFolder(); err != nil {
			t.Fatal(err)
		}
		err := s.play(func(p *peer) {
			p.exited(1, 0, events.FileHeader{Name: "a.csv", Size: 5, SHA256: "00"})
			p.next(events.FrameAttach, &events.JobAttach{})
			if _, err := transfer.Send(context.Background(), p.bulk, []transfer.Source{{Name: "a.csv", Path: sent}}, nil); err != nil {
				t.Error(err)
			}
		})
		if _, left := os.Stat(filepath.Join(dir, "out", "a.csv")); left == nil {
			t.Error("it is kept")
		}
		if events.CodeOf(err) != events.CodeDamaged || len(s.result.Outputs) != 0 {
			t.Errorf("outputs %+v, error %v", s.result.Outputs, err)
		}
	})
}
