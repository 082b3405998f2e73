package client

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/moothall/moothall/events"
)

// Four refusals that people mix up wherever one message stands for all of them: the
// room is empty, nobody matches, a match does not allow the command, all are busy.

func noWorkers(room string) error {
	return events.Errorf(events.CodeNoWorkers, "room %q has no workers", room).
		WithTry("on a GPU machine run:  MOOT_HUB=http://hub:8480 MOOT_ROOM=%s MOOT_TOKEN=… ENABLE_ROOM_REGISTRY=true moot-worker", room)
}

func noMatch(room string, all []events.Worker, ids []string, j Job) error {
	e := events.Errorf(events.CodeNoMatch, "no worker in room %q matches: %s", room, wanted(j)).
		WithFact("%s: %s.", count(len(all), "worker is here", "workers are here"), strings.Join(shortcomings(all, ids, j), ", "))
	if n := largest(all); j.Filters.MinGPUMemoryMB > memory(n) && memory(n) > 0 {
		return e.WithTry("--min-gpu-memory %s, or wait for one with --wait 10m", gibibytes(memory(n)))
	}
	return e.WithTry("other filters, or wait for one with --wait 10m")
}

func notAllowed(matching []events.Worker, command string) error {
	const addition = "the worker's owner can add it to MOOT_COMMANDS"
	if len(matching) == 1 {
		w := matching[0]
		return events.Errorf(events.CodeNotAllowed, "%s does not allow %q (allowed: %s)", label(w), command, allowed(w)).WithFact(addition)
	}
	e := events.Errorf(events.CodeNotAllowed, "none of the %d workers that match allows %q", len(matching), command)
	for _, w := range matching {
		e = e.WithFact("%s allows: %s", label(w), allowed(w))
	}
	return e.WithFact(addition)
}

func allBusy(matching []events.Worker) error {
	whole := map[int]string{1: "1 worker matches but it is busy", 2: "2 workers match but both are busy"}[len(matching)]
	if whole == "" {
		whole = fmt.Sprintf("%d workers match but all are busy", len(matching))
	}
	return events.Errorf(events.CodeAllBusy, "%s (%s)", whole, strings.Join(each(matching, occupation), ", ")).
		WithTry("--wait 30m to take the first one that is free")
}

// wanted describes what a job asks for.
func wanted(j Job) string {
	var all []string
	f := j.Filters
	if j.Worker != "" {
		all = append(all, "worker "+j.Worker)
	}
	if f.MinGPUMemoryMB > 0 {
		all = append(all, fmt.Sprintf("at least %d MB GPU memory", f.MinGPUMemoryMB))
	}
	if f.GPUModel != "" {
		all = append(all, "GPU model "+f.GPUModel)
	}
	for _, k := range sortedKeys(f.Tags) {
		all = append(all, "tag "+k+"="+f.Tags[k])
	}
	for _, mount := range j.needs() {
		all = append(all, "mount "+mount)
	}
	if f.Status != "" {
		all = append(all, "status "+string(f.Status))
	}
	if len(all) == 0 {
		return "any worker"
	}
	return strings.Join(all, ", ")
}

// shortcomings counts why workers do not match, each by the first thing that it
// lacks, in the order in which filters are tried.
func shortcomings(workers []events.Worker, ids []string, j Job) []string {
	kinds := []struct {
		lacks    func(events.Worker) bool
		one, all string
		show     func([]events.Worker) string
	}{
		{func(w events.Worker) bool { return !slices.Contains(ids, w.PeerID) }, "is another one", "are other ones", names},
		{func(w events.Worker) bool { return memory(w) < j.Filters.MinGPUMemoryMB }, "has too little GPU memory", "have too little GPU memory", theLargest},
		{func(w events.Worker) bool { return events.Filters{GPUModel: j.Filters.GPUModel}.Reject(w) != "" }, "has another GPU", "have other GPUs", models},
		{func(w events.Worker) bool { return events.Filters{Tags: j.Filters.Tags}.Reject(w) != "" }, "lacks the tag", "lack the tag", names},
		{func(w events.Worker) bool { return j.lacks(w) != "" }, "lacks the mount", "lack the mount", names},
		{free, "is free", "are free", names},
		{func(events.Worker) bool { return true }, "is busy", "are busy", occupations},
	}
	var found []string
	rest := slices.Clone(workers)
	for _, k := range kinds {
		var lacking []events.Worker
		rest = slices.DeleteFunc(rest, func(w events.Worker) bool {
			lacks := k.lacks(w)
			if lacks {
				lacking = append(lacking, w)
			}
			return lacks
		})
		if len(lacking) > 0 {
			found = append(found, count(len(lacking), k.one, k.all)+" ("+k.show(lacking)+")")
		}
	}
	return found
}

func count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

func memory(w events.Worker) int64 { return w.Metadata.Properties.GPUMemoryMB }

func largest(workers []events.Worker) events.Worker {
	return slices.MaxFunc(workers, func(a, b events.Worker) int { return int(memory(a) - memory(b)) })
}

func theLargest(workers []events.Worker) string {
	w := largest(workers)
	if len(workers) == 1 {
		return fmt.Sprintf("%s, %d MB", label(w), memory(w))
	}
	return fmt.Sprintf("largest: %s, %d MB", label(w), memory(w))
}

func names(workers []events.Worker) string { return strings.Join(each(workers, label), ", ") }

func models(workers []events.Worker) string {
	return strings.Join(each(workers, func(w events.Worker) string { return label(w) + ", " + w.Metadata.Properties.GPUModel }), "; ")
}

func occupations(workers []events.Worker) string {
	return strings.Join(each(workers, occupation), "; ")
}

// occupation says what a worker that is not free does.
func occupation(w events.Worker) string {
	switch {
	case w.CurrentJob != "":
		return label(w) + ", job " + w.CurrentJob
	case w.Status == events.StatusBusy:
		return label(w)
	default:
		return label(w) + ", " + string(w.Status)
	}
}

// label is what a person calls a worker, without what could drive a terminal.
func label(w events.Worker) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, cmp.Or(w.Name, w.PeerID))
}

func allowed(w events.Worker) string {
	if len(w.Commands) == 0 {
		return "nothing"
	}
	return strings.Join(w.Commands, ", ")
}

func each(workers []events.Worker, say func(events.Worker) string) []string {
	said := make([]string, len(workers))
	for i, w := range workers {
		said[i] = say(w)
	}
	return said
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// gibibytes writes a size as --min-gpu-memory takes it.
func gibibytes(mb int64) string {
	if mb%1024 == 0 {
		return fmt.Sprintf("%dGiB", mb/1024)
	}
	return fmt.Sprintf("%d", mb)
}
