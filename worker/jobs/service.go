package jobs

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/moothall/moothall/events"
)

// A Config of a Service. Limits, User, Name and Log may be left out.
type Config struct {
	Dir         string // of the job store; made if need be
	Commands    Commands
	Mounts      Mounts
	Slots       int
	Incarnation func() uint64 // of the worker's seat; 0 while it has none
	Worker      string        // the worker's peer id
	Name        string        // as people call the worker; Worker if empty
	Room        string
	Limits      Limits
	User        *User // that commands run as; nil: the worker's own
	Log         *slog.Logger
	// Moved is told, on any goroutine, of bytes of files that moved, in or out; nil for
	// nobody.
	Moved func(direction string, bytes int64)
}

// Directions of Moved.
const (
	DirectionIn  = "in"
	DirectionOut = "out"
)

// A Load is what the worker's row says of its jobs. It follows from the slots
// alone.
type Load struct {
	Status events.Status
	Job    string // that runs longest
	Free   int    // slots
}

// noticesAhead is how many notices wait for a reader.
const noticesAhead = 64

// A Service runs the jobs of one worker. All methods may be called from any
// goroutine.
type Service struct {
	config  Config
	store   *store
	changed chan struct{}
	notices chan events.JobNotice
	granted chan struct{} // wakes Run: a reservation may lapse earlier than it thinks
	started chan *job     // to Run
	stopped chan struct{} // closed when Run starts no more jobs
	pings   chan struct{} // asks Run for a sign of progress
	resumed []*job        // of a former process; Run goes on with them

	mu    sync.Mutex // guards what follows
	slots *Slots
	jobs  map[string]*job
	inUse map[string]int // links that read a job
	calls int            // links whose client follows a job, or did
	shelf shelf

	running map[string]*job // that are being carried out
	vigil   *vigil
}

// New opens the job store and takes up what a former process left in it: jobs that
// ended are served on, those that run take their slots again, and a job that had not
// come to run is lost. It starts no goroutine. The error has CodeFile.
func New(c Config) (*Service, error) {
	c.Name = cmp.Or(c.Name, c.Worker)
	c.Limits = c.Limits.orDefault()
	if c.Moved == nil {
		c.Moved = func(string, int64) {}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	st, err := openStore(c.Dir, c.User)
	if err != nil {
		return nil, events.Errorf(events.CodeFile, "the job store cannot be used: %v", err)
	}
	s := &Service{
		config:  c,
		store:   st,
		changed: make(chan struct{}, 1),
		notices: make(chan events.JobNotice, noticesAhead),
		granted: make(chan struct{}, 1),
		started: make(chan *job),
		stopped: make(chan struct{}),
		pings:   make(chan struct{}, 1),
		running: map[string]*job{},
		vigil:   newVigil(c.Limits),
		slots:   NewSlots(c.Name, c.Slots),
		jobs:    map[string]*job{},
		inUse:   map[string]int{},
		shelf:   shelf{keepFor: c.Limits.KeepFor, keep: c.Limits.KeepJobs, keepBytes: c.Limits.KeepBytes},
	}
	s.takeUp()
	return s, nil
}

// tidyEvery is how often jobs are removed that are old enough.
const tidyEvery = time.Hour

// Run runs jobs until ctx ends, then ends those that still run and waits for
// them. No job starts before it. A process that dies ends no job: the next one on the
// same folder takes them up.
func (s *Service) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer s.tidy() // the ages of jobs, for the next process
	defer running.Wait()
	defer close(s.stopped)
	hourly := time.NewTicker(tidyEvery)
	defer hourly.Stop()
	lapse := time.NewTimer(tidyEvery)
	defer lapse.Stop()
	running.Go(func() { s.watch(ctx, &running) })
	for _, j := range s.resumed {
		running.Go(func() { s.carry(ctx, j) })
	}
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-s.started:
			running.Go(func() { s.carry(ctx, j) })
		case <-s.granted:
		case <-s.pings:
			s.progressed(partLoop, nil)
		case <-lapse.C:
			s.lapse()
		case <-hourly.C:
			s.tidy()
		}
		lapse.Reset(s.untilLapse())
	}
}

func (s *Service) untilLapse() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, ok := s.slots.NextLapse()
	if !ok {
		return tidyEvery
	}
	return time.Until(next)
}

func (s *Service) lapse() {
	s.mu.Lock()
	lapsed := s.slots.Lapse(time.Now())
	s.mu.Unlock()
	if lapsed {
		s.config.Log.Info("a reservation lapsed: its client did not start a job in time")
		s.change()
	}
}

// Reserve keeps a slot for the client from, for events.ReserveTTL. Refusals:
// not_allowed, busy, unavailable, invalid.
func (s *Service) Reserve(from string, r events.Reserve) (events.Reserved, error) {
	if err := checkVersion(r.V); err != nil {
		return events.Reserved{}, err
	}
	if r.RequestID == "" {
		return events.Reserved{}, events.Errorf(events.CodeInvalid, "the reservation has no request id")
	}
	if _, _, err := s.command(r.Command); err != nil {
		return events.Reserved{}, err
	}
	incarnation := s.config.Incarnation()
	s.mu.Lock()
	defer s.mu.Unlock()
	lease, left, err := s.slots.Reserve(time.Now(), incarnation, from, r.RequestID)
	if err != nil {
		return events.Reserved{}, err
	}
	poke(s.granted)
	s.change()
	return events.Reserved{
		V: events.ProtocolVersion, Lease: lease, TTLMS: left.Milliseconds(), Slots: s.slots.Count(),
	}, nil
}

// command is an allowed command and the path of its program.
func (s *Service) command(name string) (Command, string, error) {
	c, ok := s.config.Commands.Find(name)
	if !ok {
		allowed := cmp.Or(s.config.Commands.String(), "nothing")
		return c, "", events.Errorf(events.CodeNotAllowed, "%s does not allow %q (allowed: %s)", s.config.Name, name, allowed).
			WithTry("ask the worker's owner to add it to MOOT_COMMANDS")
	}
	program, err := c.program()
	if err != nil {
		return c, "", events.Errorf(events.CodeUnavailable, "%s cannot run %s: %v", s.config.Name, c.Name, err)
	}
	return c, program, nil
}

// Release gives a reservation back that was not started.
func (s *Service) Release(from string, r events.Release) error {
	s.mu.Lock()
	err := s.slots.Release(time.Now(), from, r.Lease)
	s.mu.Unlock()
	s.change()
	return err
}

// Load is the present load.
func (s *Service) Load() Load {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slots.Lapse(time.Now())
	return Load{Status: s.slots.Status(), Job: s.slots.Job(), Free: s.slots.Count().Free}
}

// Idle reports whether no slot is taken and no client is on a link on which it
// followed a job: nobody waits for a job's end, or for its outputs.
func (s *Service) Idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slots.Lapse(time.Now())
	return s.calls == 0 && s.slots.Idle()
}

// Changed receives when Load or Idle may have changed; one value stands for many
// changes.
func (s *Service) Changed() <-chan struct{} { return s.changed }

// Notices carries state changes of jobs for the room. It is bounded: when nobody
// reads, the oldest are dropped.
func (s *Service) Notices() <-chan events.JobNotice { return s.notices }

// Drain refuses new reservations from now on. Reservations that are held may
// still start their jobs.
func (s *Service) Drain() {
	s.mu.Lock()
	s.slots.Drain()
	s.mu.Unlock()
	s.change()
}

func (s *Service) change() { poke(s.changed) }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (s *Service) notify(e events.JobEvent) {
	n := events.JobNotice{
		Type: "job", V: events.ProtocolVersion, RoomID: s.config.Room, Time: e.Time,
		JobID: e.JobID, Worker: s.config.Worker, State: e.State,
	}
	for {
		select {
		case s.notices <- n:
			return
		default:
		}
		select {
		case <-s.notices:
		default:
		}
	}
}

func (s *Service) fileError(doing string, err error) error {
	s.config.Log.Error("the job store fails", "doing", doing, "error", err)
	return events.Errorf(events.CodeUnavailable, "%s cannot store a job: %s", s.config.Name, fmt.Sprint(err))
}
