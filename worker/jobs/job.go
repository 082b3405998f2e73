package jobs

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/moothall/moothall/events"
)

// A job is one run of a command for one client. Its run goroutine owns it; others
// ask it to end and read its log. The command itself has a supervisor.
type job struct {
	id      string
	client  string // the peer that started it
	owner   string // public nkey, "" for none
	command string
	created events.Time
	fetched atomic.Bool     // its outputs have reached a client
	granted events.JobLease // that its client began it with
	lease   events.JobLease // of its slot; after a restart of the worker another
	program string
	argv    []string
	inputs  int
	mounted []placed
	offers  chan *offer
	kept    func(salt []byte, moved func()) *search
	folder  folder
	limits  Limits
	user    *User // that the command runs as; nil: the worker's own
	log     *eventLog
	asked   chan string // actions of JobSignal
	tell    func(events.JobEvent)

	former   bool // an earlier process of this worker began it
	troubled func(doing string, err error)

	moved      func(int64)   // counts bytes of inputs
	answers    bool          // whether it can be asked for a sign of progress
	pings      chan struct{} // asks for one
	progressed func(part string, err error)
}

// asksAhead is how many signals may wait; more say nothing new.
const asksAhead = 8

// ask passes an action of JobSignal on. It never blocks.
func (j *job) ask(action string) {
	select {
	case j.asked <- action:
	default:
	}
}

// An outcome is how a job ends.
type outcome struct {
	state   events.JobState
	reason  string
	code    *int
	outputs []events.FileHeader
}

func ended(c cause) outcome { return outcome{state: c.state, reason: c.reason} }

// run carries the job out. free is called when nothing of it runs any more and
// its outputs are sealed, before the final event is seen.
func (j *job) run(ctx context.Context, free func()) events.JobEvent {
	carryOut := j.carryOut
	if j.former {
		carryOut = j.takeUp
	}
	o := carryOut(ctx)
	free()
	return j.record(events.JobEvent{
		Kind: events.JobEventState, State: o.state, Reason: o.reason[:min(len(o.reason), maxReason)], ExitCode: o.code, Outputs: o.outputs,
	})
}

func (j *job) record(e events.JobEvent) events.JobEvent {
	e = j.log.append(time.Now(), e)
	if e.Kind == events.JobEventState {
		j.tell(e)
	}
	return e
}

// maxReason bounds a reason, so that an event with it always fits. Bytes.
const maxReason = 1000

func (j *job) enter(s events.JobState) {
	j.record(events.JobEvent{Kind: events.JobEventState, State: s})
}

func (j *job) carryOut(ctx context.Context) outcome {
	if j.inputs > 0 {
		j.enter(events.JobSending)
		if c := j.receive(ctx); !c.none() {
			return ended(c)
		}
	}
	w, err := engage(j.folder, order{
		JobID: j.id, Program: j.program, Argv: j.argv, Env: environment(j.id, j.folder.in, j.folder.out, j.user.home()), Limits: j.limits, Answers: true, User: (*runAs)(j.user),
	})
	if err != nil {
		return ended(failing("its supervisor cannot be started: %v", err))
	}
	return j.attend(ctx, w)
}

// takeUp goes on with a job that an earlier process of this worker left.
func (j *job) takeUp(ctx context.Context) outcome {
	w, err := rejoin(j.folder)
	if err != nil {
		clearAway(j.folder, j.id)
		return ended(cause{events.JobLost, "the worker was restarted before the job ran"})
	}
	return j.attend(ctx, w)
}

// attend follows the supervisor to its end and concludes the job.
func (j *job) attend(ctx context.Context, w *ward) outcome {
	defer w.close()
	broken := j.accompany(ctx, w)
	v := w.verdict(j.id)
	if err := j.log.trim(); err != nil && broken == nil {
		broken = err
	}
	c := cause{v.State, v.Reason}
	switch {
	case broken != nil:
		return ended(failing("its log cannot be read: %v", broken))
	case v.Code == nil || c.state == events.JobCanceled || c.state == events.JobLost:
		return ended(c)
	}
	j.enter(events.JobReturning)
	return j.conclude(ctx, c, *v.Code)
}

// accompany shows the job's events as its supervisor writes them, until that is gone.
func (j *job) accompany(ctx context.Context, w *ward) (broken error) {
	for done := ctx.Done(); ; {
		select {
		case <-w.rung:
		case <-w.gone:
			return errors.Join(broken, j.catchUp())
		case action := <-j.asked:
			j.pass(w, action)
			continue
		case <-j.pings:
			j.pass(w, actionPing)
			continue
		case <-w.answered:
			j.alive()
			continue
		case <-done:
			done = nil
			j.pass(w, actionLeave)
			continue
		}
		if broken == nil {
			broken = j.catchUp()
		}
	}
}

// alive is the job's sign of progress.
func (j *job) alive() { j.progressed(partJob(j.id), nil) }

func (j *job) pass(w *ward, action string) {
	if err := w.ask(action); err != nil {
		j.troubled("pass "+action+" on", err)
	}
}

// catchUp shows what the supervisor has written.
func (j *job) catchUp() error {
	states, err := j.log.pull()
	for _, e := range states {
		j.tell(e)
	}
	return err
}

// conclude seals the outputs of a command that ended.
func (j *job) conclude(ctx context.Context, c cause, code int) outcome {
	root, err := j.folder.openOutputs()
	if err != nil {
		return ended(failing("its outputs cannot be read: %v", err))
	}
	defer root.Close()
	s := seal(root, j.limits, j.user, func() error { return j.interrupted(ctx) })
	for _, n := range s.notes {
		j.record(events.JobEvent{Kind: events.JobEventOutput, Stream: events.StreamNote, Line: n})
	}
	var cut *interruption
	if errors.As(s.err, &cut) {
		return ended(cut.cause)
	}
	if s.err != nil && !c.hard() {
		c = failing("%v", s.err)
	}
	o := outcome{state: c.state, reason: c.reason, outputs: s.files}
	if code != 0 || !c.hard() {
		o.code = &code
	}
	if !c.hard() {
		o.state = byCode(code)
	}
	return o
}

func byCode(code int) events.JobState {
	if code == 0 {
		return events.JobDone
	}
	return events.JobFailed
}

// An interruption ends the sealing of outputs.
type interruption struct{ cause cause }

func (i *interruption) Error() string { return i.cause.reason }

// interrupted reports whether the job is to end without its outputs.
func (j *job) interrupted(ctx context.Context) error {
	select {
	case <-j.pings:
		j.alive()
	default:
	}
	select {
	case <-ctx.Done():
		return &interruption{shutDown}
	case action := <-j.asked:
		if action == events.ActionCancel {
			return &interruption{canceled}
		}
	default:
	}
	return nil
}
