package jobs

import (
	"context"
	"time"

	"github.com/moothall/moothall/events"
)

// begin makes a job of a reservation of client and hands it to Run. Asked again it gives
// the job that it made: the answer may have been lost with its link.
func (s *Service) begin(ctx context.Context, client string, r events.JobStart) (*job, error) {
	if j := s.begun(client, r); j != nil {
		return j, nil
	}
	j, err := s.prepare(client, r)
	if err != nil {
		return nil, err
	}
	select {
	case s.started <- j:
		return j, nil
	case <-ctx.Done():
	case <-s.stopped:
	}
	s.discard(j)
	return nil, events.Errorf(events.CodeUnavailable, "%s is shutting down", s.config.Name)
}

// begun is the job that a client began with a lease, nil if there is none.
func (s *Service) begun(client string, r events.JobStart) *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		if j.client == client && j.owner == r.Owner && j.granted == r.Lease && j.granted.Incarnation != 0 {
			return j
		}
	}
	return nil
}

// prepare checks what a client asks for before anything is made, takes the slot,
// and makes the job's folder.
func (s *Service) prepare(client string, r events.JobStart) (*job, error) {
	c, program, err := s.command(r.Command)
	if err != nil {
		return nil, err
	}
	if _, err := c.argv("", "", r.Args); err != nil {
		return nil, err
	}
	if err := checkOwner(r.Owner); err != nil {
		return nil, err
	}
	if n := r.Inputs + len(r.Mounted); r.Inputs < 0 || n > s.config.Limits.InputFiles {
		return nil, events.Errorf(events.CodeTooLarge, "%d input files, at most %d allowed", n, s.config.Limits.InputFiles)
	}
	mounted, err := s.config.Mounts.place(r.Mounted)
	if err != nil {
		return nil, err
	}
	j := s.wire(&job{
		id: newID(), client: client, owner: r.Owner, command: r.Command, created: created(time.Now()), granted: r.Lease, lease: r.Lease, program: program,
		inputs: r.Inputs, mounted: mounted, offers: make(chan *offer, offersAhead), kept: s.search, answers: true,
		moved: func(n int64) { s.config.Moved(DirectionIn, n) },
	})
	if err := s.take(j); err != nil {
		return nil, err
	}
	if err := s.furnish(j, c, r); err != nil {
		s.discard(j)
		return nil, s.fileError("create", err)
	}
	s.show(j)
	return j, nil
}

// wire gives a job what every job has from its worker.
func (s *Service) wire(j *job) *job {
	j.limits, j.user = s.config.Limits, s.config.User
	j.asked, j.pings = make(chan string, asksAhead), make(chan struct{}, 1)
	j.tell, j.progressed, j.troubled = s.notify, s.progressed, s.troubled
	return j
}

// take turns the reservation into the job.
func (s *Service) take(j *job) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.slots.Start(time.Now(), j.client, j.lease, j.id); err != nil {
		return err
	}
	s.change()
	return nil
}

// show lets clients find a job, which is whole by now.
func (s *Service) show(j *job) {
	s.mu.Lock()
	s.jobs[j.id] = j
	s.mu.Unlock()
}

func (s *Service) troubled(doing string, err error) {
	s.config.Log.Warn("a job is in trouble", "doing", doing, "error", err)
}

// furnish makes what a job has on disk.
func (s *Service) furnish(j *job, c Command, r events.JobStart) error {
	f, err := s.store.create(record{
		JobID: j.id, Client: j.client, Owner: j.owner, Command: j.command, Args: r.Args, Inputs: r.Inputs, Lease: r.Lease, Created: j.created,
	})
	if err != nil {
		return err
	}
	j.folder = f
	if err := link(f.in, j.mounted); err != nil {
		return err
	}
	if j.argv, err = c.argv(f.in, f.out, r.Args); err != nil {
		return err
	}
	j.log, err = createLog(j.id, f.log)
	return err
}

// discard undoes a job that did not come to run.
func (s *Service) discard(j *job) {
	if j.log != nil {
		j.log.close()
	}
	if err := s.store.remove(j.id); err != nil {
		s.config.Log.Warn("a job's folder cannot be removed", "job_id", j.id, "error", err)
	}
	s.mu.Lock()
	delete(s.jobs, j.id)
	s.mu.Unlock()
	s.free(j)
}

func (s *Service) free(j *job) {
	s.mu.Lock()
	s.slots.Finish(j.lease)
	s.mu.Unlock()
	s.change()
}

// carry runs a job to its end and shelves it.
func (s *Service) carry(ctx context.Context, j *job) {
	s.config.Log.Info("job started", "job_id", j.id, "client", j.client, "again", j.former)
	s.carries(j, true)
	last := j.run(ctx, func() { s.free(j) })
	s.carries(j, false)
	if err := j.log.close(); err != nil {
		s.config.Log.Error("a job's log is not whole", "job_id", j.id, "error", err)
	}
	s.config.Log.Info("job ended", "job_id", j.id, "state", last.State, "reason", last.Reason, "outputs", len(last.Outputs))
	size := s.store.size(j.id)
	s.mu.Lock()
	s.shelf.add(j.id, time.Now(), size, len(last.Outputs) == 0)
	s.mu.Unlock()
	s.tidy()
}

// tidy removes the jobs that are not kept any longer, and notes for how long the others
// are kept. A job that a client reads stays.
func (s *Service) tidy() {
	now := time.Now()
	s.mu.Lock()
	old := s.shelf.expire(now, func(id string) bool { return s.inUse[id] > 0 })
	for _, id := range old {
		delete(s.jobs, id)
	}
	ages := s.shelf.ages(now)
	s.mu.Unlock()
	if err := s.store.writeAges(ages); err != nil {
		s.troubled("note the ages of jobs", err)
	}
	for _, id := range old {
		if err := s.store.remove(id); err != nil {
			s.config.Log.Warn("an old job cannot be removed", "job_id", id, "error", err)
		}
	}
}

// open finds the job of a claim, and keeps it from being removed until close.
func (s *Service) open(c claim) (*job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, ok := s.jobs[c.proof.JobID]
	switch {
	case !ok:
		return nil, events.Errorf(events.CodeNoJob, "%s has no job %q", s.config.Name, c.proof.JobID)
	case !j.allows(c):
		return nil, events.Errorf(events.CodeForbidden, "job %s belongs to another owner", j.id).
			WithTry("the MOOT_CLIENT_DIR with which it was started")
	}
	s.inUse[j.id]++
	return j, nil
}

func (s *Service) close(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inUse[j.id]--; s.inUse[j.id] == 0 {
		delete(s.inUse, j.id)
	}
}

// called counts a link more, or less, on which a client follows a job.
func (s *Service) called(n int) {
	s.mu.Lock()
	s.calls += n
	s.mu.Unlock()
	s.change()
}

// fetched notes that a client has the outputs of a job.
func (s *Service) fetched(j *job) {
	if err := s.store.markFetched(j.id); err != nil {
		s.config.Log.Warn("cannot note that a job was fetched", "job_id", j.id, "error", err)
	}
	j.fetched.Store(true)
	s.mu.Lock()
	s.shelf.fetched(j.id)
	s.mu.Unlock()
}
