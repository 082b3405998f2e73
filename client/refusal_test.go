package client

import (
	"strings"
	"testing"

	"github.com/moothall/moothall/events"
)

// shown is an error as a person reads it.
func shown(err error) string {
	e := events.AsError(err)
	text := "error: " + e.Message + "\n"
	for _, f := range e.Facts {
		text += "  " + f + "\n"
	}
	if e.Try != "" {
		text += "  try: " + e.Try + "\n"
	}
	return text
}

// No worker, none matches, all busy, not allowed: four conditions, four messages with
// counts.
func TestRefusals_SayWhichOfFourWithCounts(t *testing.T) {
	named := func(name string, w events.Worker) events.Worker { w.Name = name; return w }
	otter := named("brisk-otter", worker("worker-1", 24576, events.StatusAvailable, "track", "train"))
	wren := named("small-wren", worker("worker-2", 8192, events.StatusAvailable, "track"))
	tit := named("blue-tit", worker("worker-3", 8192, events.StatusAvailable))
	heron := named("calm-heron", worker("worker-4", 49152, events.StatusBusy, "track"))
	heron.CurrentJob = "j-4K2Q"
	busyOtter := otter
	busyOtter.Status = events.StatusReserved

	cases := []struct {
		name string
		list events.WorkerList
		job  Job
		code events.Code
		want string
	}{
		{"nobody", roster(), Job{Command: "track"}, events.CodeNoWorkers, `
error: room "lab" has no workers
  try: on a GPU machine run:  MOOT_HUB=http://hub:8480 MOOT_ROOM=lab MOOT_TOKEN=… ENABLE_ROOM_REGISTRY=true moot-worker
`},
		{"none matches", roster(otter, wren, tit, heron),
			Job{Command: "track", Filters: events.Filters{MinGPUMemoryMB: 32768, Status: events.StatusAvailable}}, events.CodeNoMatch, `
error: no worker in room "lab" matches: at least 32768 MB GPU memory, status available
  4 workers are here: 3 have too little GPU memory (largest: brisk-otter, 24576 MB), 1 is busy (calm-heron, job j-4K2Q).
  try: other filters, or wait for one with --wait 10m
`},
		{"all too small", roster(otter), Job{Command: "track", Filters: events.Filters{MinGPUMemoryMB: 32768}}, events.CodeNoMatch, `
error: no worker in room "lab" matches: at least 32768 MB GPU memory
  1 worker is here: 1 has too little GPU memory (brisk-otter, 24576 MB).
  try: --min-gpu-memory 24GiB, or wait for one with --wait 10m
`},
		{"other tags and models", roster(otter, wren),
			Job{Command: "track", Worker: "brisk-otter", Filters: events.Filters{Tags: map[string]string{"lab": "east"}}}, events.CodeNoMatch, `
error: no worker in room "lab" matches: worker brisk-otter, tag lab=east
  2 workers are here: 1 is another one (small-wren), 1 lacks the tag (brisk-otter).
  try: other filters, or wait for one with --wait 10m
`},
		{"one busy", roster(heron, tit), Job{Command: "track"}, events.CodeAllBusy, `
error: 1 worker matches but it is busy (calm-heron, job j-4K2Q)
  try: --wait 30m to take the first one that is free
`},
		{"both busy", roster(busyOtter, wren, heron), Job{Command: "track", Filters: events.Filters{MinGPUMemoryMB: 10000}}, events.CodeAllBusy, `
error: 2 workers match but both are busy (brisk-otter, reserved, calm-heron, job j-4K2Q)
  try: --wait 30m to take the first one that is free
`},
		{"not allowed", roster(otter), Job{Command: "bash"}, events.CodeNotAllowed, `
error: brisk-otter does not allow "bash" (allowed: track, train)
  the worker's owner can add it to MOOT_COMMANDS
`},
		{"none allows", roster(otter, tit), Job{Command: "bash"}, events.CodeNotAllowed, `
error: none of the 2 workers that match allows "bash"
  brisk-otter allows: track, train
  blue-tit allows: nothing
  the worker's owner can add it to MOOT_COMMANDS
`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := choose(c.list, c.job)
			if got := shown(err); got != strings.TrimPrefix(c.want, "\n") || events.CodeOf(err) != c.code {
				t.Errorf("%s:\n%swant %s:%s", events.CodeOf(err), got, c.code, c.want)
			}
		})
	}
}

func TestRefusals_TellEqualNamesApart(t *testing.T) {
	a, b := worker("worker-1", 8000, events.StatusBusy, "track"), worker("worker-2", 8000, events.StatusBusy, "track")
	a.Name, b.Name = "host", "host"
	_, err := choose(roster(a, b), Job{Command: "track"})
	if msg := err.Error(); !strings.Contains(msg, "worker-1") || !strings.Contains(msg, "worker-2") {
		t.Errorf("which is which? %s", msg)
	}
}

// A worker's name may not drive the terminal of whoever reads an error.
func TestRefusals_ShowNoControlCharacters(t *testing.T) {
	w := worker("worker-1", 8000, events.StatusBusy, "track")
	w.Name = "evil\x1b[2J"
	_, err := choose(roster(w), Job{Command: "track"})
	if strings.ContainsRune(err.Error(), '\x1b') {
		t.Errorf("escape sequence in %q", err)
	}
}

func TestRefused_ByEveryCandidate(t *testing.T) {
	a, b := worker("a", 8000, events.StatusAvailable), worker("b", 8000, events.StatusAvailable)
	fail := func(c events.Code) error { return events.Errorf(c, "it says %s", c) }
	cases := []struct {
		name string
		all  []refusal
		code events.Code
	}{
		{"all forbid", []refusal{{a, fail(events.CodeNotAllowed)}, {b, fail(events.CodeNotAllowed)}}, events.CodeNotAllowed},
		{"one is busy", []refusal{{a, fail(events.CodeNotAllowed)}, {b, fail(events.CodeBusy)}}, events.CodeAllBusy},
		{"all are silent", []refusal{{a, fail(events.CodeUnreachable)}, {b, fail(events.CodeUnreachable)}}, events.CodeUnreachable},
		{"the only one is silent", []refusal{{a, fail(events.CodeUnreachable)}}, events.CodeUnreachable},
		{"the only one is busy", []refusal{{a, fail(events.CodeBusy)}}, events.CodeAllBusy},
	}
	for _, c := range cases {
		if got := events.CodeOf(refused(c.all, nil, "track")); got != c.code {
			t.Errorf("%s: %s, want %s", c.name, got, c.code)
		}
	}
}

// The count is of all that match, also of those that nobody needed to ask.
func TestRefused_CountsTheBusyOnesToo(t *testing.T) {
	asked, known := worker("a", 8000, events.StatusAvailable), worker("b", 8000, events.StatusBusy)
	err := refused([]refusal{{asked, events.Errorf(events.CodeBusy, "no slot")}}, []events.Worker{known}, "track")
	if want := "2 workers match but both are busy (b, a, reserved)"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}
