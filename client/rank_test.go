package client

import (
	"strings"
	"testing"

	"github.com/moothall/moothall/events"
)

func worker(id string, mb int64, s events.Status, commands ...string) events.Worker {
	w := events.Worker{PeerID: id, Name: id, Status: s, Registry: true, Commands: append([]string{}, commands...), Slots: events.Slots{Total: 1}}
	w.Metadata.Properties.GPUMemoryMB = mb
	if s == events.StatusAvailable {
		w.Slots.Free = 1
	}
	return w
}

func roster(workers ...events.Worker) events.WorkerList {
	return events.WorkerList{RoomID: "lab", Source: events.SourceAdmin, Workers: workers, Total: len(workers)}
}

func ids(workers []events.Worker) string {
	return strings.Join(each(workers, func(w events.Worker) string { return w.PeerID }), " ")
}

func TestRank_FreeThenMemoryThenID(t *testing.T) {
	got := ids(rank([]events.Worker{
		worker("c", 16000, events.StatusAvailable),
		worker("huge", 80000, events.StatusBusy),
		worker("b", 16000, events.StatusAvailable),
		worker("a", 8000, events.StatusAvailable),
		worker("big", 24000, events.StatusAvailable),
	}))
	if want := "big b c a huge"; got != want {
		t.Errorf("ranked %s, want %s", got, want)
	}
}

// Work list 7.5: the client selects a worker.
func TestChoose_CandidatesAreFreeAndAllowTheCommand(t *testing.T) {
	p, err := choose(roster(
		worker("busy", 24000, events.StatusBusy, "track"),
		worker("free", 16000, events.StatusAvailable, "track"),
		worker("other", 16000, events.StatusAvailable, "train"),
		worker("small", 4000, events.StatusAvailable, "track"),
		worker("suspect", 32000, events.StatusSuspect, "track"),
	), Job{Command: "track", Filters: events.Filters{MinGPUMemoryMB: 8000}})
	if err != nil || ids(p.Candidates) != "free" {
		t.Fatalf("candidates %s, error %v", ids(p.Candidates), err)
	}
	reasons := map[string]string{}
	for _, r := range p.Rejected {
		reasons[r.PeerID] = r.Reason
	}
	want := map[string]string{
		"busy": "is busy", "other": "does not allow track", "suspect": "is suspect",
		"small": "has 4000 MB GPU memory, less than 8000",
	}
	for id, why := range want {
		if reasons[id] != why {
			t.Errorf("%s was rejected with %q, want %q", id, reasons[id], why)
		}
	}
}

func TestChoose_WorkerByIDOrName(t *testing.T) {
	a, b := worker("worker-1", 8000, events.StatusAvailable, "track"), worker("worker-2", 8000, events.StatusAvailable, "track")
	a.Name, b.Name = "brisk-otter", "calm-heron"
	for _, named := range []string{"worker-2", "calm-heron"} {
		p, err := choose(roster(a, b), Job{Command: "track", Worker: named})
		if err != nil || ids(p.Candidates) != "worker-2" {
			t.Errorf("--worker %s gives %s, error %v", named, ids(p.Candidates), err)
		}
	}
}

// Nobody says which commands a worker allows over HTTP, or before its row has come:
// the worker itself will.
func TestChoose_AsksAWorkerWhoseCommandsAreUnknown(t *testing.T) {
	list := roster(worker("a", 8000, events.StatusAvailable))
	if _, err := choose(list, Job{Command: "track"}); events.CodeOf(err) != events.CodeNotAllowed {
		t.Errorf("by the admin's word it allows nothing, got %v", err)
	}
	list.Workers[0].Commands = nil
	if p, err := choose(list, Job{Command: "track"}); err != nil || len(p.Candidates) != 1 {
		t.Errorf("it must be asked, got %v", err)
	}
}
