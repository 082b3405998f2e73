package jobs

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/moothall/moothall/events"
)

// maxPage bounds the jobs of one JobList, encoded. A single job always fits. Bytes.
const maxPage = events.MaxMessage - 2<<10

// List answers a ListJobs. It is open to every client of the room.
func (s *Service) List(r events.ListJobs) (events.JobList, error) {
	if err := checkVersion(r.V); err != nil {
		return events.JobList{}, err
	}
	page := events.JobList{V: events.ProtocolVersion, Jobs: []events.JobInfo{}}
	size := 0
	for _, j := range s.newest(r) {
		info := s.info(j)
		text, err := json.Marshal(info)
		if err != nil {
			return page, err
		}
		if size += len(text) + 1; size > maxPage && len(page.Jobs) > 0 {
			page.More = true
			break
		}
		page.Jobs = append(page.Jobs, info)
	}
	return page, nil
}

// newest are the jobs that are asked for, newest first.
func (s *Service) newest(r events.ListJobs) []*job {
	s.mu.Lock()
	var all []*job
	for _, j := range s.jobs {
		if asksFor(r, j) {
			all = append(all, j)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b *job) int {
		return cmp.Or(b.created.Compare(a.created.Time), cmp.Compare(b.id, a.id))
	})
	return all
}

func asksFor(r events.ListJobs, j *job) bool {
	if r.JobID != "" {
		return j.id == r.JobID
	}
	if r.Before.IsZero() {
		return true
	}
	return cmp.Or(j.created.Compare(r.Before.Time), cmp.Compare(j.id, r.BeforeID)) < 0
}

func (s *Service) info(j *job) events.JobInfo {
	state, began, seq := j.log.summary()
	info := events.JobInfo{
		JobID: j.id, Worker: s.config.Worker, Command: j.command, State: state.State, ExitCode: state.ExitCode,
		Created: j.created, Started: began, Fetched: j.fetched.Load(), Outputs: state.Outputs, Seq: seq,
	}
	if info.Outputs == nil {
		info.Outputs = []events.FileHeader{}
	}
	if state.State.Final() {
		info.Ended = state.Time
	}
	return info
}

// created is the moment at which a job is made, as exact as it travels.
func created(now time.Time) events.Time { return events.At(now.Truncate(time.Millisecond)) }
