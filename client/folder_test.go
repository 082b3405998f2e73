package client

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/transfer"
)

// What a worker says of its outputs must be what can be compared with what comes.
func TestFolder_OutputsThatCannotBeAreRefused(t *testing.T) {
	a := events.FileHeader{Name: "a.csv", Size: 3, SHA256: strings.Repeat("aB", 32)}
	b := events.FileHeader{Name: "sub/b.csv", SHA256: strings.Repeat("00", 32)}
	with := func(h events.FileHeader, edit func(*events.FileHeader)) events.FileHeader { edit(&h); return h }
	f := &folder{path: "out"}
	all := f.outputs([]events.FileHeader{a, b})
	if err := credible([]events.FileHeader{a, b}); err != nil || len(all) != 2 || all[1].Path != filepath.Join("out", "sub", "b.csv") {
		t.Fatalf("%+v, error %v", all, err)
	}
	for name, said := range map[string][]events.FileHeader{
		"no hash":        {a, with(b, func(h *events.FileHeader) { h.SHA256 = "" })},
		"a short hash":   {a, with(b, func(h *events.FileHeader) { h.SHA256 = "cc" })},
		"no hexadecimal": {a, with(b, func(h *events.FileHeader) { h.SHA256 = strings.Repeat("\x1b[", 32) })},
		"a size below 0": {a, with(b, func(h *events.FileHeader) { h.Size = -1 })},
		"a name above":   {a, with(b, func(h *events.FileHeader) { h.Name = "../c.csv" })},
		"a name twice":   {a, b, a},
	} {
		if err := credible(said); events.CodeOf(err) != events.CodeDamaged {
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
			p.exited(1, 0, events.FileHeader{Name: "a.csv", Size: 5, SHA256: strings.Repeat("00", 32)})
			p.next(events.FrameAttach, &events.JobAttach{})
			if _, err := transfer.Send(context.Background(), p.bulk, []transfer.Source{{Name: "a.csv", Path: sent}}, nil); events.CodeOf(err) != events.CodeDamaged {
				t.Errorf("the worker is told %v", err)
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
