package client

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/moothall/moothall/events"
)

const (
	// listBound is how long one worker has to list its jobs.
	listBound = 2 * time.Second
	// maxPages bounds what it may say meanwhile, in answers of events.MaxMessage.
	maxPages = 256
)

// A JobList is what the workers of a room know of their jobs, newest first. Unreachable
// are those that did not answer.
type JobList struct {
	RoomID      string
	Jobs        []events.JobInfo
	Unreachable []string
	Names       map[string]string // of the workers by peer id, as people call them
}

// Jobs asks every worker of the room for its jobs, all at once; each has 2 s.
func (c *Client) Jobs(ctx context.Context) (JobList, error) {
	return c.jobs(ctx, "")
}

// jobs asks for all jobs, or for one.
func (c *Client) jobs(ctx context.Context, id string) (JobList, error) {
	list := JobList{RoomID: c.cfg.Room, Jobs: []events.JobInfo{}, Unreachable: []string{}, Names: map[string]string{}}
	room, err := c.Workers(ctx, events.Filters{})
	if err != nil {
		return list, err
	}
	for _, w := range room.Workers {
		list.Names[w.PeerID] = label(w)
	}
	var mu sync.Mutex // guards list
	var asking sync.WaitGroup
	for _, w := range room.Workers {
		asking.Go(func() {
			found, err := c.jobsOf(ctx, w.PeerID, id)
			mu.Lock()
			defer mu.Unlock()
			list.Jobs = append(list.Jobs, found...)
			if err != nil {
				list.Unreachable = append(list.Unreachable, w.PeerID)
			}
		})
	}
	asking.Wait()
	slices.Sort(list.Unreachable)
	slices.SortFunc(list.Jobs, func(a, b events.JobInfo) int {
		return cmp.Or(b.Created.Compare(a.Created.Time), cmp.Compare(b.JobID, a.JobID))
	})
	return list, ctx.Err()
}

// jobsOf reads a worker's list to its end.
func (c *Client) jobsOf(ctx context.Context, worker, id string) (all []events.JobInfo, err error) {
	ctx, cancel := context.WithTimeout(ctx, listBound)
	defer cancel()
	subject := events.WorkSubject(c.cfg.Room, worker, c.Peer())
	ask := events.ListJobs{V: events.ProtocolVersion, Type: events.TypeListJobs, JobID: id}
	for range maxPages {
		var page events.JobList
		if err := c.session.Request(ctx, subject, ask, &page); err != nil {
			return all, err
		}
		for _, j := range page.Jobs {
			j.Worker = worker // nobody speaks for another
			if jobID.MatchString(j.JobID) {
				all = append(all, j)
			}
		}
		if !page.More || len(page.Jobs) == 0 {
			return all, nil
		}
		last := page.Jobs[len(page.Jobs)-1]
		ask.Before, ask.BeforeID = last.Created, last.JobID
	}
	return all, nil
}

// find looks for a job, named by its id or as WORKER/ID, and the worker that has it. That
// several say so is not for us to settle: one of them lies.
func (c *Client) find(ctx context.Context, name string) (events.Worker, events.JobInfo, error) {
	of, id, narrowed := strings.Cut(name, "/")
	if !narrowed {
		of, id = "", name
	}
	if !jobID.MatchString(id) {
		return events.Worker{}, events.JobInfo{}, events.Errorf(events.CodeUsage, "%q is no job id", name).WithTry("moot jobs")
	}
	list, err := c.jobs(ctx, id)
	if err != nil {
		return events.Worker{}, events.JobInfo{}, err
	}
	list.Jobs = slices.DeleteFunc(list.Jobs, func(j events.JobInfo) bool { return j.JobID != id || narrowed && j.Worker != of })
	if len(list.Jobs) > 1 {
		e := events.Errorf(events.CodeConflict, "several workers in room %q say that they have job %s", c.cfg.Room, id).WithTry("WORKER/%s, with the worker that ran it", id)
		for _, j := range list.Jobs {
			e = e.WithFact("%s", j.Worker)
		}
		return events.Worker{}, events.JobInfo{}, e
	}
	if len(list.Jobs) == 0 {
		e := events.Errorf(events.CodeNoJob, "no worker in room %q has a job %s", c.cfg.Room, id).WithTry("moot jobs")
		for _, w := range list.Unreachable {
			e = e.WithFact("%s did not answer", w)
		}
		return events.Worker{}, events.JobInfo{}, e
	}
	job := list.Jobs[0]
	room, err := c.Workers(ctx, events.Filters{})
	if err != nil {
		return events.Worker{}, job, err
	}
	for _, w := range room.Workers {
		if w.PeerID == job.Worker {
			return w, job, nil
		}
	}
	return events.Worker{}, job, events.Errorf(events.CodeLost, "%s, which has job %s, has just left the room", job.Worker, id)
}
