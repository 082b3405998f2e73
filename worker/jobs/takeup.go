package jobs

import (
	"os"
	"time"

	"github.com/moothall/moothall/events"
)

// takeUp finds a place for every job that a former process left.
func (s *Service) takeUp() {
	formers, errs := s.store.formers()
	for _, err := range errs {
		s.config.Log.Warn("a former job cannot be read", "error", err)
	}
	ages, now := s.store.ages(), time.Now()
	for _, f := range formers {
		j := s.wire(&job{
			id: f.JobID, client: f.Client, owner: f.Owner, command: f.Command, created: f.Created, inputs: f.Inputs, granted: f.Lease,
			folder: f.folder, log: f.log, former: true,
		})
		s.jobs[j.id] = j
		j.fetched.Store(s.store.wasFetched(j.id))
		var b birth
		if readJSON(f.folder.process, &b) == nil {
			j.log.ranSince(b.Started)
		}
		s.place(j, f.last, ages.since(now, j.id))
	}
	s.tidy()
}

// place shelves a former job that has ended and keeps a slot for one that may run.
func (s *Service) place(j *job, last events.JobEvent, since time.Time) {
	if !last.State.Final() {
		if _, err := os.Stat(j.folder.order); err == nil {
			var o order
			j.answers = readJSON(j.folder.order, &o) == nil && o.Answers
			j.lease = s.slots.Adopt(j.client, j.id)
			s.resumed = append(s.resumed, j)
			return
		}
		last = j.giveUp()
	}
	if err := j.log.close(); err != nil {
		s.troubled("close the log of job "+j.id, err)
	}
	s.shelf.add(j.id, since, s.store.size(j.id), len(last.Outputs) == 0 || j.fetched.Load())
}

// giveUp ends a job that had not come to run.
func (j *job) giveUp() events.JobEvent {
	if err := j.log.trim(); err != nil {
		j.troubled("mend the log of job "+j.id, err)
	}
	return j.log.append(time.Now(), events.JobEvent{
		Kind: events.JobEventState, State: events.JobLost, Reason: "the worker was restarted before the job ran",
	})
}
