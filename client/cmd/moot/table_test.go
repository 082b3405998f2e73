package main

import (
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/moothall/moothall/events"
)

var noon = time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)

// lab is a room of two.
func lab() events.WorkerList {
	otter := events.Worker{
		PeerID: "worker-1c22", Name: "brisk-otter", Status: events.StatusAvailable, IsAdmin: true, Registry: true, Incarnation: 3,
		NKey: "UABC", LastHeartbeat: events.At(noon.Add(-time.Second)), Slots: events.Slots{Total: 1, Free: 1}, Path: "self",
		Commands: []string{"track"},
		Metadata: events.Metadata{Name: "brisk-otter", Tags: map[string]string{"lab": "east"},
			Properties: events.Properties{GPUMemoryMB: 24576, GPUModel: "RTX 4090", Hostname: "gpu1"}},
	}
	heron := otter
	heron.PeerID, heron.Name, heron.Status, heron.IsAdmin, heron.Incarnation = "worker-3f9a", "calm-heron", events.StatusBusy, false, 4
	heron.CurrentJob, heron.Path, heron.Slots.Free = "j-4K2Q", "direct", 0
	heron.LastHeartbeat = events.At(noon.Add(-2 * time.Minute))
	heron.Metadata = events.Metadata{Properties: events.Properties{GPUMemoryMB: 16384, GPUModel: "RTX A5000"}}
	return events.WorkerList{
		Type: events.TypeWorkerList, V: 1, RoomID: "lab", Source: events.SourceAdmin,
		Standing: events.Standing{Term: events.Term{Store: "s", N: 3}, AdminPeerID: "worker-1c22", AdminIncarnation: 3},
		AsOf:     events.At(noon), AgeMS: 12, QueryMS: 0.734, Total: 3,
		Workers:  []events.Worker{otter, heron},
		Rejected: []events.Rejected{{PeerID: "worker-9d00", Reason: "has 4096 MB GPU memory, less than 8192"}},
	}
}

func TestTable_OfTwoWorkers(t *testing.T) {
	want := strings.TrimPrefix(`
  NAME         PEER         STATUS     GPU        MEMORY    JOB     LINK    SEEN
* brisk-otter  worker-1c22  available  RTX 4090   24576 MB  -       self    1s
  calm-heron   worker-3f9a  busy       RTX A5000  16384 MB  j-4K2Q  direct  2m
`, "\n")
	if got := table(lab(), 0); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A narrow terminal loses columns, never the names; nothing wraps, down to 20 columns.
func TestTable_FitsNarrowTerminals(t *testing.T) {
	list := lab()
	list.Workers[0].Name = "a-very-long-name-of-a-worker-at-the-end-of-the-hall"
	list.Workers[1].Name = "日本語のワーカー"
	for width := 20; width < 120; width++ {
		lines := strings.Split(strings.TrimSuffix(table(list, width), "\n"), "\n")
		if len(lines) != 3 || !strings.HasPrefix(lines[0], "  NAME") || !strings.HasPrefix(lines[1], "* a-very-long") || !strings.HasPrefix(lines[2], "  日本語") {
			t.Fatalf("width %d:\n%s", width, strings.Join(lines, "\n"))
		}
		for _, l := range lines {
			if w := runewidth.StringWidth(l); w > width {
				t.Errorf("width %d: %d columns: %s", width, w, l)
			}
		}
	}
}

func TestTable_ShowsNoControlCharacters(t *testing.T) {
	list := lab()
	list.Workers[0].Name, list.Workers[1].Metadata.Properties.GPUModel = "evil\x1b[2J", "card\nwith\tbreaks"
	if got := table(list, 0); strings.ContainsAny(got, "\x1b\t") || strings.Count(got, "\n") != 3 {
		t.Errorf("%q", got)
	}
}

func TestFooter_SaysWhereItComesFromAndWhoWasRejected(t *testing.T) {
	want := strings.TrimPrefix(`
  worker-9d00 has 4096 MB GPU memory, less than 8192
* = admin (term 3).  2 of 3 workers match.  Source: admin, 1 ms
`, "\n")
	if got := footer(lab(), events.Filters{MinGPUMemoryMB: 8192}); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	empty := footer(events.WorkerList{RoomID: "lab", Source: events.SourceHTTP}, events.Filters{})
	if want := "room \"lab\" has no workers\nSource: http, 0 ms\n"; empty != want {
		t.Errorf("got %q, want %q", empty, want)
	}
}
