package jobs

import (
	"slices"
	"time"

	"github.com/moothall/moothall/events"
)

// Slots decides who may run a job here. Only a worker grants leases on its own
// slots, so no disagreement about who is admin can book one twice. It is pure:
// the time comes in, on one monotonic clock. Not safe for concurrent use.
type Slots struct {
	name     string // of the worker, for messages
	slots    []slot
	seq      uint64
	draining bool
	hangs    string // why nothing is granted, "" if it is
}

// A slot is free (zero lease), reserved until expires, or running job.
type slot struct {
	lease   events.JobLease
	from    string // the client that holds the lease
	request string
	expires time.Time
	job     string
	extra   bool // goes with its job
}

func (s slot) free() bool     { return s.lease == events.JobLease{} }
func (s slot) running() bool  { return s.job != "" }
func (s slot) reserved() bool { return !s.free() && !s.running() }

// NewSlots makes n free slots. It panics if n is below 1.
func NewSlots(worker string, n int) *Slots {
	if n < 1 {
		panic("jobs: a worker needs a slot")
	}
	return &Slots{name: worker, slots: make([]slot, n)}
}

// Reserve grants a lease on a free slot for events.ReserveTTL. The same client
// with the same request id gets the lease it holds already, so a lost reply is
// safe to retry. Refusals: busy, unavailable (draining, or no incarnation yet).
func (s *Slots) Reserve(now time.Time, incarnation uint64, from, request string) (events.JobLease, time.Duration, error) {
	s.Lapse(now)
	if held := s.byRequest(from, request); held != nil {
		return held.lease, max(0, held.expires.Sub(now)), nil
	}
	if err := s.open(incarnation); err != nil {
		return events.JobLease{}, 0, err
	}
	free := s.firstFree()
	if free == nil {
		return events.JobLease{}, 0, s.busy()
	}
	s.seq++
	*free = slot{
		lease:   events.JobLease{Incarnation: incarnation, Seq: s.seq},
		from:    from,
		request: request,
		expires: now.Add(events.ReserveTTL),
	}
	return free.lease, events.ReserveTTL, nil
}

// open refuses new reservations of a worker that leaves or has no seat yet.
func (s *Slots) open(incarnation uint64) error {
	switch {
	case s.draining:
		return events.Errorf(events.CodeUnavailable, "%s is draining: it takes no new jobs", s.name)
	case s.hangs != "":
		return events.Errorf(events.CodeUnavailable, "%s takes no new jobs: %s", s.name, s.hangs)
	case incarnation == 0:
		return events.Errorf(events.CodeUnavailable, "%s has not joined its room yet", s.name)
	}
	return nil
}

func (s *Slots) busy() error {
	running := 0
	for _, x := range s.slots {
		if x.running() {
			running++
		}
	}
	e := events.Errorf(events.CodeBusy, "%s is busy: %d of %d slots run a job, %d are reserved",
		s.name, running, len(s.slots), len(s.slots)-running)
	if job := s.Job(); job != "" {
		e = e.WithFact("it runs job %s", job)
	}
	return e
}

// Start turns the reservation into job. Only the client whose lease it is may
// start it, once, and before it lapses.
func (s *Slots) Start(now time.Time, from string, lease events.JobLease, job string) error {
	s.Lapse(now)
	held := s.byLease(lease)
	switch {
	case held == nil:
		return events.Errorf(events.CodeNoLease, "%s holds no such reservation for %s: it lapses after %s", s.name, from, events.ReserveTTL)
	case held.from != from:
		return events.Errorf(events.CodeForbidden, "the reservation on %s belongs to another client", s.name)
	case held.running():
		return events.Errorf(events.CodeNoLease, "the reservation on %s was used already, for job %s", s.name, held.job)
	}
	held.job = job
	return nil
}

// Adopt takes a slot for a job that an earlier process of the worker started. Its
// lease has no incarnation, so no client can name it. Where there are fewer slots than
// such jobs another one is made, which goes with its job.
func (s *Slots) Adopt(from, job string) events.JobLease {
	free := s.firstFree()
	if free == nil {
		s.slots = append(s.slots, slot{extra: true})
		free = &s.slots[len(s.slots)-1]
	}
	s.seq++
	free.lease, free.from, free.job = events.JobLease{Seq: s.seq}, from, job
	return free.lease
}

// Release gives a reservation back. One that lapsed is given back already; one
// that runs a job is not given back this way.
func (s *Slots) Release(now time.Time, from string, lease events.JobLease) error {
	s.Lapse(now)
	held := s.byLease(lease)
	switch {
	case held == nil:
		return nil
	case held.from != from:
		return events.Errorf(events.CodeForbidden, "the reservation on %s belongs to another client", s.name)
	case held.running():
		return events.Errorf(events.CodeNoLease, "the reservation on %s was used already, for job %s", s.name, held.job)
	}
	*held = slot{}
	return nil
}

// Finish frees the slot of a job that ended. It panics if the lease runs none.
func (s *Slots) Finish(lease events.JobLease) {
	held := s.byLease(lease)
	if held == nil || !held.running() {
		panic("jobs: finish of a slot that runs no job")
	}
	if held.extra {
		s.slots = slices.DeleteFunc(s.slots, func(x slot) bool { return x.lease == lease })
		return
	}
	*held = slot{}
}

// Lapse frees the reservations that were not started in time and reports whether
// there were any.
func (s *Slots) Lapse(now time.Time) bool {
	any := false
	for i := range s.slots {
		if x := &s.slots[i]; x.reserved() && !now.Before(x.expires) {
			*x, any = slot{}, true
		}
	}
	return any
}

// NextLapse is when the next reservation lapses, false if none is held.
func (s *Slots) NextLapse() (time.Time, bool) {
	var next time.Time
	found := false
	for _, x := range s.slots {
		if x.reserved() && (!found || x.expires.Before(next)) {
			next, found = x.expires, true
		}
	}
	return next, found
}

// Drain refuses reservations from now on. Those held may still start.
func (s *Slots) Drain() { s.draining = true }

// Hang refuses reservations for as long as something is wrong; "" ends it.
func (s *Slots) Hang(why string) { s.hangs = why }

// Status is what the worker's row says: draining once it drains, or while it hangs;
// available while a slot is free; busy while a job runs; else reserved.
func (s *Slots) Status() events.Status {
	switch {
	case s.draining, s.hangs != "":
		return events.StatusDraining
	case s.firstFree() != nil:
		return events.StatusAvailable
	case s.Job() != "":
		return events.StatusBusy
	}
	return events.StatusReserved
}

// Job is the job that runs longest, "" if none runs.
func (s *Slots) Job() string {
	var first *slot
	for i := range s.slots {
		if x := &s.slots[i]; x.running() && (first == nil || x.lease.Seq < first.lease.Seq) {
			first = x
		}
	}
	if first == nil {
		return ""
	}
	return first.job
}

// Count is the total number of slots and the free ones among them.
func (s *Slots) Count() events.Slots {
	c := events.Slots{Total: len(s.slots)}
	for _, x := range s.slots {
		if x.free() {
			c.Free++
		}
	}
	return c
}

// Idle reports whether no slot is taken.
func (s *Slots) Idle() bool {
	return !slices.ContainsFunc(s.slots, func(x slot) bool { return !x.free() })
}

func (s *Slots) firstFree() *slot {
	return s.find(slot.free)
}

func (s *Slots) byRequest(from, request string) *slot {
	return s.find(func(x slot) bool { return !x.free() && x.from == from && x.request == request })
}

func (s *Slots) byLease(l events.JobLease) *slot {
	if (l == events.JobLease{}) {
		return nil
	}
	return s.find(func(x slot) bool { return x.lease == l })
}

func (s *Slots) find(is func(slot) bool) *slot {
	for i := range s.slots {
		if is(s.slots[i]) {
			return &s.slots[i]
		}
	}
	return nil
}
