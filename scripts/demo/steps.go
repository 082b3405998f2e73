package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/scripts/stage"
)

// Bounds, from the work list where it has one.
const (
	meshBound      = 30 * time.Second // 3.5
	electionBound  = 5 * time.Second  // 2.3, 7.6
	discoveryBound = 10.0             // milliseconds: 5.4, 7.6
	jobBound       = 3 * time.Minute  // ours: 15 s of training and room for a busy machine
	headsBound     = 5 * time.Second  // ours: equal heads, once nothing fails any more
	accuracyBound  = 96.0             // percent: ours
)

// workers are the cast: the second has most memory, the others are told apart by id.
var workers = []stage.Spec{
	{PeerID: "otter", Name: "brisk-otter", MemoryMB: 16000},
	{PeerID: "heron", Name: "calm-heron", MemoryMB: 24000},
	{PeerID: "lynx", Name: "quiet-lynx", MemoryMB: 16000},
}

// A play is the demo in progress: what one step finds, later ones use.
type play struct {
	stage  *stage.Stage
	digits string   // path of the trainer
	inputs []string // what the job is sent
	to     string   // where its results go
	say    *printer

	began   time.Time // when the first worker was started
	crowned measure   // from then until it was admin
	admin   string
	watch   *watcher
	job     jobReport
	elected election
}

// A step does one thing and says what it found and how long it took.
type step struct {
	name string
	do   func(*play, context.Context) (found string, m measure, err error)
}

var steps = []step{
	{"Roll call", (*play).rollCall},
	{"Mesh", (*play).mesh},
	{"Election", (*play).election},
	{"Discovery", (*play).discovery},
	{"Job", (*play).run},
	{"Failover", (*play).failover},
	{"Convergence", (*play).convergence},
	{"Results", (*play).results},
	{"Left", (*play).leave},
	{"Busy", (*play).wait},
	{"Restart", (*play).restart},
}

// rollCall starts the workers; the first one alone, since it is to be the admin.
func (p *play) rollCall(ctx context.Context) (string, measure, error) {
	p.began = time.Now()
	ctx, cancel := context.WithTimeout(ctx, meshBound)
	defer cancel()
	for i, spec := range workers {
		first, err := p.stage.Add(p.cast(spec))
		if err != nil {
			return "", measure{}, err
		}
		if i > 0 {
			continue
		}
		err = p.stage.Await(ctx, "the first worker is admin", func(ctx context.Context) bool {
			r, err := first.Room(ctx)
			return err == nil && r.AdminPeerID == spec.PeerID
		})
		if err != nil {
			return "", measure{}, err
		}
		p.crowned = within(electionBound, p.began)
	}
	var last workerList
	var lastErr error
	err := p.stage.Await(ctx, "the admin lists all workers", func(ctx context.Context) bool {
		last, lastErr = query(ctx, p.stage)
		return lastErr == nil && last.Source == events.SourceAdmin && len(last.Workers) == len(workers)
	})
	if err != nil {
		return "", measure{}, errors.Join(fmt.Errorf("%d of %d workers are listed", len(last.Workers), len(workers)), err, lastErr)
	}
	return fmt.Sprintf("%d workers in room %q", len(last.Workers), p.stage.Room), within(meshBound, p.began), nil
}

// cast is a worker with what it may be asked to run.
func (p *play) cast(w stage.Spec) stage.Spec {
	w.Commands = map[string]string{"digits": p.digits, "sh": "/bin/sh"}
	return w
}

func (p *play) mesh(ctx context.Context) (string, measure, error) {
	ctx, cancel := context.WithTimeout(ctx, meshBound)
	defer cancel()
	want, ends, allDirect := len(workers)*(len(workers)-1), 0, true
	err := p.stage.Await(ctx, "every worker has a link to every other", func(ctx context.Context) bool {
		ends, allDirect = 0, true
		for _, r := range p.rooms(ctx) {
			n, direct := r.Open()
			ends, allDirect = ends+n, allDirect && direct
		}
		return ends == want
	})
	if err != nil {
		return "", measure{}, fmt.Errorf("%d of %d ends of links are open: %w", ends, want, err)
	}
	path := "all direct"
	if !allDirect {
		path = "not all direct"
	}
	return fmt.Sprintf("%d of %d links open, %s", ends/2, want/2, path), within(meshBound, p.began), nil
}

// election was held when the first worker came; here the others agree. From now on
// a client watches the room.
func (p *play) election(ctx context.Context) (string, measure, error) {
	watched := ctx
	ctx, cancel := context.WithTimeout(ctx, electionBound)
	defer cancel()
	var first stage.Room
	err := p.stage.Await(ctx, "all workers name one admin", func(ctx context.Context) bool {
		rooms := p.rooms(ctx)
		if len(rooms) < len(workers) {
			return false
		}
		first = rooms[0]
		return first.AdminPeerID != "" && !slices.ContainsFunc(rooms, func(r stage.Room) bool {
			return r.AdminPeerID != first.AdminPeerID || r.Term != first.Term
		})
	})
	if err != nil {
		return "", measure{}, err
	}
	if p.watch, err = startWatch(watched, p.stage); err != nil {
		return "", measure{}, err
	}
	p.admin = first.AdminPeerID
	next := successor(p.admin)
	return fmt.Sprintf("%s is admin, term %d; next in rank: %s, %d MB", p.admin, first.Term, next.PeerID, next.MemoryMB), p.crowned, nil
}

// discovery asks several times: one question can meet a busy moment of the machine.
func (p *play) discovery(ctx context.Context) (string, measure, error) {
	var times []float64
	var last workerList
	for range 9 {
		list, err := query(ctx, p.stage, "--status", "available", "--min-gpu-memory", "16000")
		if err != nil {
			return "", measure{}, err
		}
		if list.Source != events.SourceAdmin {
			return "", measure{}, fmt.Errorf("the list came from %q, not from the admin", list.Source)
		}
		times, last = append(times, list.QueryMS), list
	}
	slices.Sort(times)
	return fmt.Sprintf("%d of %d workers match, by admin %s (median of %d)", len(last.Workers), last.Total, last.AdminPeerID, len(times)),
		measure{value: times[len(times)/2], bound: discoveryBound, format: "%.2f ms"}, nil
}

func (p *play) run(ctx context.Context) (string, measure, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*jobBound)
	defer cancel()
	args := []string{"run", "--json", "--to", p.to}
	for _, path := range p.inputs {
		args = append(args, "-i", path)
	}
	p.say.note("digits", "four files up, eight epochs, four files back; each line is the job's own")
	start := time.Now()
	out, err := moot(ctx, p.stage, os.Stderr, append(args, "--", "digits")...)
	took := within(jobBound, start)
	if err != nil {
		return "", measure{}, err
	}
	if err := json.Unmarshal(out, &p.job); err != nil {
		return "", measure{}, fmt.Errorf("moot run --json: %w", err)
	}
	if p.job.State != events.JobDone || p.job.ExitCode == nil || *p.job.ExitCode != 0 {
		return "", measure{}, fmt.Errorf("job %s on %s is %s: %s", p.job.JobID, p.job.Worker, p.job.State, out)
	}
	t := p.job.Timings
	return fmt.Sprintf("on %s: sent %.1f s, ran %.1f s, fetched %.1f s", p.job.Worker, t.SendMS/1000, t.RunMS/1000, t.ReceiveMS/1000), took, nil
}

// failover kills the admin and waits until another is announced.
func (p *play) failover(ctx context.Context) (string, measure, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*electionBound)
	defer cancel()
	select {
	case <-p.watch.listening:
	case <-ctx.Done():
		return "", measure{}, errors.New("moot watch never said that it watches")
	}
	killed := time.Now()
	p.worker(p.admin).Kill()
	var err error
	if p.elected, err = p.watch.after(ctx, p.admin); err != nil {
		return "", measure{}, err
	}
	if want := successor(p.admin).PeerID; p.elected.Admin != want {
		return "", measure{}, fmt.Errorf("%s is admin after %s, and %s comes first in rank", p.elected.Admin, p.admin, want)
	}
	return fmt.Sprintf("%s killed (-9); %s is admin in term %d", p.admin, p.elected.Admin, p.elected.Term),
		measure{value: p.elected.heard.Sub(killed).Seconds(), bound: electionBound.Seconds(), format: "%.3f s"}, nil
}

// convergence waits until the survivors hold the same document of the new admin.
func (p *play) convergence(ctx context.Context) (string, measure, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*headsBound)
	defer cancel()
	var rooms []stage.Room
	err := p.stage.Await(ctx, "the survivors hold the same state", func(ctx context.Context) bool {
		rooms = p.rooms(ctx)
		return len(rooms) == len(workers)-1 && !slices.ContainsFunc(rooms, func(r stage.Room) bool {
			return r.AdminPeerID != p.elected.Admin || r.Generation.N != p.elected.Term || r.Stale || !r.SameState(rooms[0])
		})
	})
	if err != nil {
		return "", measure{}, fmt.Errorf("%w\n%+v", err, rooms)
	}
	return fmt.Sprintf("%d of %d survivors hold equal heads, %.8s", len(rooms), len(workers)-1, rooms[0].Heads[0]),
		within(headsBound, p.elected.heard), nil
}

func (p *play) results(context.Context) (string, measure, error) {
	accuracy, err := p.job.check()
	if err != nil {
		return "", measure{}, err
	}
	names := make([]string, 0, len(p.job.Outputs))
	for _, o := range p.job.Outputs {
		names = append(names, filepath.Base(o.Name))
	}
	return fmt.Sprintf("%d files, sha256 ok; test images read right:", len(names)),
		measure{value: 100 * accuracy, bound: accuracyBound, format: "%.2f %%", least: true}, nil
}

// rooms asks all workers that run; one that does not answer shows nothing.
func (p *play) rooms(ctx context.Context) []stage.Room {
	var all []stage.Room
	for _, w := range p.stage.Workers {
		select {
		case <-w.Done():
			continue
		default:
		}
		r, err := w.Room(ctx)
		if err != nil {
			r = stage.Room{Self: w.PeerID}
		}
		all = append(all, r)
	}
	return all
}

func (p *play) worker(peer string) *stage.Worker {
	i := slices.IndexFunc(p.stage.Workers, func(w *stage.Worker) bool { return w.PeerID == peer })
	return p.stage.Workers[i]
}

// successor is the first in rank among the others: memory descending, id ascending.
func successor(admin string) stage.Spec {
	others := slices.DeleteFunc(slices.Clone(workers), func(w stage.Spec) bool { return w.PeerID == admin })
	return slices.MinFunc(others, func(a, b stage.Spec) int {
		return cmp.Or(cmp.Compare(b.MemoryMB, a.MemoryMB), cmp.Compare(a.PeerID, b.PeerID))
	})
}
