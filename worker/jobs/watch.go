package jobs

import (
	"context"
	"sync"
	"time"
)

// Parts of the runner that are watched, beside its jobs.
const (
	partLoop  = "the job runner"
	partStore = "the job store"
)

func partJob(id string) string { return "the supervisor of job " + id }

// watch asks the parts of the runner for a sign of progress until ctx ends. While one
// gives none, the worker shows as draining and takes no job.
func (s *Service) watch(ctx context.Context, asking *sync.WaitGroup) {
	tick := time.NewTicker(s.config.Limits.WatchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.look(time.Now(), asking)
		case <-ctx.Done():
			return
		}
	}
}

// look asks, also who owes an answer: a supervisor that begins may not have heard the
// question. Of the store, one question at a time. Then it says what hangs.
func (s *Service) look(now time.Time, asking *sync.WaitGroup) {
	s.mu.Lock()
	s.vigil.tick(now)
	s.vigil.ask(now, partLoop)
	poke(s.pings)
	if s.vigil.ask(now, partStore) {
		asking.Go(func() { s.progressed(partStore, s.store.try()) })
	}
	for id, j := range s.running {
		if j.answers {
			s.vigil.ask(now, partJob(id))
			poke(j.pings)
		}
	}
	s.mu.Unlock()
	s.judge(now)
}

// progressed takes a part's sign of progress. err says that it fails.
func (s *Service) progressed(part string, err error) {
	s.mu.Lock()
	s.vigil.answered(part, err)
	s.mu.Unlock()
	s.judge(time.Now())
}

// judge makes of what hangs what the room sees.
func (s *Service) judge(now time.Time) {
	s.mu.Lock()
	why := s.vigil.hangs(now)
	before := s.slots.hangs
	s.slots.Hang(why)
	s.mu.Unlock()
	if why == before {
		return
	}
	if why == "" {
		s.config.Log.Info("the job runner progresses again", "before", before)
	} else {
		s.config.Log.Error("no new jobs are taken", "reason", why)
	}
	s.change()
}

// carries notes which jobs run.
func (s *Service) carries(j *job, yes bool) {
	s.mu.Lock()
	if yes {
		s.running[j.id] = j
	} else {
		delete(s.running, j.id)
		s.vigil.gone(partJob(j.id))
	}
	s.mu.Unlock()
	s.judge(time.Now())
}
