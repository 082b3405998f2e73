package client

import (
	"cmp"
	"slices"

	"github.com/moothall/moothall/events"
)

// rank orders workers for a job, best first: the free ones, then by memory, then by
// id. Who has too little memory was filtered before; how far a worker is from here
// nobody knows before the first packet.
func rank(workers []events.Worker) []events.Worker {
	ranked := slices.Clone(workers)
	slices.SortFunc(ranked, func(a, b events.Worker) int {
		return cmp.Or(
			-cmp.Compare(order(a), order(b)),
			-cmp.Compare(a.Metadata.Properties.GPUMemoryMB, b.Metadata.Properties.GPUMemoryMB),
			cmp.Compare(a.PeerID, b.PeerID),
		)
	})
	return ranked
}

// last puts some at the end.
func last(ranked []events.Worker, avoid []string) []events.Worker {
	slices.SortStableFunc(ranked, func(a, b events.Worker) int {
		return cmp.Compare(avoided(a, avoid), avoided(b, avoid))
	})
	return ranked
}

func avoided(w events.Worker, avoid []string) int {
	if slices.Contains(avoid, w.PeerID) {
		return 1
	}
	return 0
}

func order(w events.Worker) int {
	if free(w) {
		return 1
	}
	return 0
}

// free reports whether a worker says that it takes a job now.
func free(w events.Worker) bool { return w.Status == events.StatusAvailable }

// meant lists the ids of the workers that a person means by an id or name; several
// may have one name.
func meant(workers []events.Worker, named string) []string {
	var ids []string
	for _, w := range workers {
		if named == "" || w.PeerID == named || w.Name == named {
			ids = append(ids, w.PeerID)
		}
	}
	return ids
}

// distinct gives workers whose name another one has, or that have none, their id as
// name, so that a message can name them.
func distinct(workers []events.Worker) []events.Worker {
	times := map[string]int{}
	for _, w := range workers {
		times[w.Name]++
	}
	named := slices.Clone(workers)
	for i, w := range named {
		if w.Name == "" || times[w.Name] > 1 {
			named[i].Name = w.PeerID
		}
	}
	return named
}

// allows reports whether a worker's owner allows the command, as far as the list
// tells: the hub's list, old workers and rows that have not arrived name no commands,
// there only the worker itself can say no.
func allows(w events.Worker, command string) bool {
	return w.Commands == nil || slices.Contains(w.Commands, command)
}

// holds says what a worker that is not free is taken by.
func holds(w events.Worker) string {
	if w.CurrentJob != "" {
		return string(w.Status) + " with job " + w.CurrentJob
	}
	return string(w.Status)
}

// choose makes the plan for a job from a list of everybody in the room. Filters come
// first, then whether the command is allowed, then who is free. The error says which
// of these left nobody.
func choose(list events.WorkerList, j Job) (Plan, error) {
	p := Plan{List: list, Candidates: []events.Worker{}, Rejected: []events.Rejected{}}
	reject := func(w events.Worker, why string) {
		p.Rejected = append(p.Rejected, events.Rejected{PeerID: w.PeerID, Reason: why})
	}
	all, ids := distinct(list.Workers), meant(list.Workers, j.Worker)
	var matching, allowing []events.Worker
	for _, w := range all {
		if !slices.Contains(ids, w.PeerID) {
			reject(w, "is not "+j.Worker)
		} else if why := j.Filters.Reject(w); why != "" {
			reject(w, why)
		} else if mount := j.lacks(w); mount != "" {
			reject(w, "has no mount "+mount)
		} else if matching = append(matching, w); !allows(w, j.Command) {
			reject(w, "does not allow "+j.Command)
		} else {
			allowing = append(allowing, w)
		}
	}
	for _, w := range last(rank(allowing), j.avoid) {
		if free(w) {
			p.Candidates = append(p.Candidates, w)
		} else {
			p.busy = append(p.busy, w)
			reject(w, "is "+holds(w))
		}
	}
	switch {
	case len(all) == 0:
		return p, noWorkers(list.RoomID)
	case len(matching) == 0:
		return p, noMatch(list.RoomID, all, ids, j)
	case len(allowing) == 0:
		return p, notAllowed(matching, j.Command)
	case len(p.Candidates) == 0:
		return p, allBusy(allowing)
	}
	return p, nil
}
