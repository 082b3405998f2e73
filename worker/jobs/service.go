package jobs

import (
	"context"
	"log/slog"

	"github.com/moothall/moothall/events"
)

// A Config of a Service. All fields but Limits, Name and Log are required.
type Config struct {
	Dir         string // of the job store; made if need be
	Commands    Commands
	Slots       int
	Incarnation func() uint64 // of the worker's seat; 0 while it has none
	Worker      string        // the worker's peer id
	Name        string        // as people call the worker; Worker if empty
	Room        string
	Limits      Limits
	Log         *slog.Logger
}

// A Channel of a client's link: signaling/link.Channel is one. Frames is closed
// at the link's end.
type Channel interface {
	SendWait(ctx context.Context, frame []byte) error
	Frames() <-chan []byte
}

// A Link is what a client's link offers to the job protocol: control carries the
// frames of events/job.go, bulk the files.
type Link struct {
	Control, Bulk Channel
}

// A Load is what the worker's row says of its jobs. It follows from the slots
// alone.
type Load struct {
	Status events.Status
	Job    string // that runs longest
	Free   int    // slots
}

// A Service runs the jobs of one worker. All methods may be called from any
// goroutine.
type Service struct{}

// New opens the job store and settles what a former process left in it: a job
// that had not ended is lost. It starts no goroutine.
func New(c Config) (*Service, error) { return nil, nil }

// Run runs jobs until ctx ends, then ends those that still run and waits for
// them. No job starts before it.
func (s *Service) Run(ctx context.Context) error { return nil }

// Reserve keeps a slot for the client from.
func (s *Service) Reserve(from string, r events.Reserve) (events.Reserved, error) {
	return events.Reserved{}, nil
}

// Release gives a reservation back that was not started.
func (s *Service) Release(from string, r events.Release) error { return nil }

// Serve speaks the job protocol with client until its link or ctx ends. Jobs go
// on after it. The error says why the client was cut off, nil if it left.
func (s *Service) Serve(ctx context.Context, client string, l Link) error { return nil }

// Load is the present load.
func (s *Service) Load() Load { return Load{} }

// Changed receives when Load may have changed; one value stands for many changes.
func (s *Service) Changed() <-chan struct{} { return nil }

// Notices carries state changes of jobs for the room. It is bounded: when nobody
// reads, the oldest are dropped.
func (s *Service) Notices() <-chan events.JobNotice { return nil }

// Drain refuses new reservations from now on.
func (s *Service) Drain() {}
