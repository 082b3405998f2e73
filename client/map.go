package client

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/moothall/moothall/events"
)

// Placeholder in the arguments of a Map stands for the input's path on the worker.
const Placeholder = "{}"

const (
	// mapWait is how long an input waits for a free worker unless the job says.
	mapWait = time.Hour
	// lookForSlots is how often a Map looks whether the room has more slots or fewer.
	lookForSlots = 2 * time.Second
)

// A Map is one command over many inputs, a job each.
type Map struct {
	// Job is what to run and where. Its Inputs go to every job. To is the folder in
	// which each input has one of its own, required. Wait is how long one input waits
	// for a free worker, an hour if 0.
	Job
	Each    []string // files, or NAME:/PATH of a mount, one for each job
	Retries int      // of a job whose worker was lost, elsewhere if there is another one
	State   string   // file of what is done; To/.moot-map.json if ""
}

// Kinds of MapUpdate beside those of JobUpdate.
const (
	UpdateSkipped  = "skipped"  // the state file says that the input is done
	UpdateFinished = "finished" // Outcome: the input's job has ended
	UpdateRetry    = "retry"    // Note: why the input is tried again
)

// A MapUpdate is news of one input.
type MapUpdate struct {
	JobUpdate
	Input   string
	Outcome Outcome
}

// An Outcome is how one input ended. State is that of its last job; empty if none came
// about.
type Outcome struct {
	Input    string          `json:"input"`
	State    events.JobState `json:"state"`
	JobID    string          `json:"job_id"`
	Worker   string          `json:"worker"`
	Name     string          `json:"-"` // of the worker, as people call it
	ExitCode *int            `json:"exit_code"`
	Folder   string          `json:"folder"` // of its outputs
	Attempts int             `json:"attempts"`
	Skipped  bool            `json:"skipped,omitempty"` // it was done before
	Error    *events.Error   `json:"error,omitempty"`
}

// Map runs a job for each input on all workers that match, as many at once as these
// have slots, and returns the outcomes in the order of the inputs. What the state file
// says is done, by name and content, is not done again; what failed is. report, which
// may be nil, is called on Map's goroutine.
//
// Of two at once with one state file the second is refused (unavailable).
//
// The error says what kept Map from running at all (usage, file, not_allowed, …), or
// that ctx ended: then the running jobs are canceled, and a later Map goes on.
func (c *Client) Map(ctx context.Context, m Map, report func(MapUpdate)) ([]Outcome, error) {
	if report == nil {
		report = func(MapUpdate) {}
	}
	alone, err := m.lock()
	if err != nil {
		return nil, err
	}
	defer alone.Close()
	tasks, st, err := m.prepare()
	if err != nil {
		return nil, err
	}
	if err := c.runnable(ctx, m.jobFor(tasks[0])); err != nil {
		return nil, err
	}
	unfollow, err := c.follow(ctx) // so that the many ask a copy of the room, not the admin
	if err != nil {
		return nil, err
	}
	defer unfollow()
	f := &fan{Map: m, tasks: tasks, state: st, report: report, news: make(chan MapUpdate), ended: make(chan attempt)}
	f.run = c.runWhole
	f.slots = func(ctx context.Context) int { return c.slotsFor(ctx, m.Job) }
	return f.all(ctx)
}

// runWhole is Run, but a job does not outlive ctx: a later Map runs its input again.
func (c *Client) runWhole(ctx context.Context, j Job, report func(JobUpdate)) (Result, error) {
	r, err := c.Run(ctx, j, report)
	if events.CodeOf(err) != events.CodeDetached {
		return r, err
	}
	canceled, failed := c.Cancel(context.WithoutCancel(ctx), r.JobID, nil)
	if failed != nil {
		return r, events.AsError(err).WithFact("it could not be canceled: %s", failed)
	}
	return canceled, events.Errorf(events.CodeCanceled, "canceled job %s", r.JobID)
}

// runnable reports what will not change by waiting.
func (c *Client) runnable(ctx context.Context, j Job) error {
	_, err := c.Plan(ctx, j)
	if err != nil && events.CodeOf(err) != events.CodeAllBusy {
		return err
	}
	return nil
}

// slotsFor counts the slots of the workers on which a job may run, free or not.
func (c *Client) slotsFor(ctx context.Context, j Job) int {
	list, err := c.Workers(ctx, events.Filters{})
	if err != nil {
		return 0
	}
	p, _ := choose(list, j) //nolint:errcheck // nobody: no slots
	n := 0
	for _, w := range slices.Concat(p.Candidates, p.busy) {
		n += max(1, w.Slots.Total)
	}
	return n
}

// A task is one input.
type task struct {
	Outcome
	key   string // in the state file
	again bool   // an earlier attempt may have left files in its folder
	avoid []string
}

// jobFor is the job of one input.
func (m Map) jobFor(t *task) Job {
	j := m.Job
	s := j.source(t.Input)
	j.Inputs = append(slices.Clone(j.Inputs), t.Input)
	j.Args = nil
	for _, a := range m.Args {
		j.Args = append(j.Args, strings.ReplaceAll(a, Placeholder, "in/"+s.name))
	}
	j.To, j.Force, j.avoid = t.Folder, m.Force || t.again, t.avoid
	if j.Wait == 0 {
		j.Wait = mapWait
	}
	return j
}

// prepare finds what can be wrong before anything runs, and what is done already.
func (m Map) prepare() ([]*task, *mapState, error) {
	switch {
	case m.To == "":
		return nil, nil, events.Errorf(events.CodeUsage, "a map needs a folder for its outputs")
	case len(m.Each) == 0:
		return nil, nil, events.Errorf(events.CodeUsage, "there are no inputs to map over")
	case m.Retries < 0:
		return nil, nil, events.Errorf(events.CodeUsage, "%d retries are fewer than none", m.Retries)
	}
	st, err := openMapState(m.statePath(), m.Command, m.Args)
	if err != nil {
		return nil, nil, err
	}
	var tasks []*task
	for _, input := range m.Each {
		t := &task{Outcome: Outcome{Input: input}}
		if t.key, err = m.keyOf(input); err != nil {
			return nil, nil, err
		}
		if slices.ContainsFunc(tasks, func(u *task) bool { return u.key == t.key }) {
			return nil, nil, events.Errorf(events.CodeUsage, "the input %s is there twice", input)
		}
		tasks = append(tasks, t)
	}
	m.settle(tasks, st)
	for _, t := range tasks {
		if err := m.jobFor(t).Validate(); err != nil {
			return nil, nil, err
		}
	}
	return tasks, st, nil
}

// settle gives each input its folder, and what is known of it.
func (m Map) settle(tasks []*task, st *mapState) {
	times := map[string]int{}
	for _, t := range tasks {
		times[m.source(t.Input).name]++
	}
	for _, t := range tasks {
		name := m.source(t.Input).name
		if times[name] > 1 {
			name += "-" + hashOf(t.key)[:8]
		}
		t.Folder = filepath.Join(m.To, name)
		if e, ok := st.Inputs[t.key]; ok {
			t.again = true
			if e.State == events.JobDone {
				e.Input, e.Skipped = t.Input, true
				t.Outcome = e
			}
		}
	}
}
