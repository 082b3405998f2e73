package jobs

import (
	"context"
	"os"
	"syscall"
	"time"

	"github.com/moothall/moothall/events"
)

// An attendant stays with a job's process from its start until nothing is left of
// it: it logs what the process says and ends it when it must.
type attendant struct {
	job    *supervisor
	p      *process
	output *output
	ending ending
	gone   bool // the command itself has ended
}

func newAttendant(s *supervisor, p *process) *attendant {
	return &attendant{job: s, p: p, output: newOutput(s.Limits), ending: ending{limits: s.Limits}}
}

// follow returns why the process was ended; none if it ended by itself.
func (a *attendant) follow(ctx context.Context) cause {
	overrun := time.NewTimer(a.job.Limits.RunTime)
	defer overrun.Stop()
	size := time.NewTicker(a.job.Limits.OutputCheck)
	defer size.Stop()
	bomb := time.NewTicker(bombCheck)
	defer bomb.Stop()
	done, exited, chunks := ctx.Done(), a.p.exited, a.p.chunks
	for exited != nil || chunks != nil {
		select {
		case c, open := <-chunks:
			if !open {
				chunks = nil
				continue
			}
			a.log(a.output.feed(time.Now(), c.stream, c.data))
		case <-exited:
			exited = nil
			a.leave()
		case action := <-a.job.asked:
			if action == actionPing {
				a.job.ring(bellAnswer)
				continue
			}
			a.end(causeOf(action))
		case <-overrun.C:
			a.end(failing("it ran longer than %s", a.job.Limits.RunTime))
		case <-size.C:
			a.measure()
			a.census()
		case <-bomb.C:
			if allTasks() > a.job.Limits.Processes {
				a.census()
			}
		case <-a.ending.timer:
			a.signal(a.ending.escalate())
		case <-done:
			done = nil
			a.end(shutDown)
		}
	}
	a.log(a.output.close(time.Now()))
	return a.ending.cause
}

// bombCheck is how late a job that forks without end may be noticed, where its user's
// limit does not hold it.
const bombCheck = time.Second

// census takes note of orphans that have ended, and ends a job of too many processes.
func (a *attendant) census() {
	found := descendants(os.Getpid())
	bury(found, a.p.itself)
	tasks := 0
	for _, k := range found {
		tasks += max(1, k.tasks)
	}
	if tasks > a.job.Limits.Processes {
		a.end(failing("it had more than %d processes and threads", a.job.Limits.Processes))
		a.signal(syscall.SIGKILL)
		endKin(a.p.itself)
	}
}

// What a worker asks for beside the actions of JobSignal: when it shuts down, and again
// and again for a sign of progress.
const (
	actionLeave = "leave"
	actionPing  = "ping"
)

func causeOf(action string) cause {
	switch action {
	case events.ActionStop:
		return stopped
	case actionLeave:
		return shutDown
	}
	return canceled
}

func (a *attendant) end(c cause) {
	if s := a.ending.begin(c); s != 0 {
		a.signal(s)
	}
}

// signal reaches the process unless it is gone: then its number may belong to
// another one.
func (a *attendant) signal(s syscall.Signal) {
	if !a.gone {
		a.p.signal(s)
	}
}

// leave follows the command's own end.
func (a *attendant) leave() {
	a.gone = true
	a.p.finish(a.job.JobID)
}

func (a *attendant) log(all []events.JobEvent) {
	for _, e := range all {
		a.job.record(time.Now(), e)
	}
	if err := a.job.log.err; err != nil {
		a.end(failing("its log cannot be written: %v", err))
	}
}

func (a *attendant) measure() {
	root, err := a.job.folder.openOutputs()
	if err != nil {
		return
	}
	defer root.Close()
	switch e := survey(root, a.job.Limits.OutputItems); {
	case e.bytes > a.job.Limits.OutputBytes:
		a.end(failing("%v", tooMuch(a.job.Limits)))
	case e.items > a.job.Limits.OutputItems:
		a.end(failing("%v", tooMany(a.job.Limits)))
	case e.deep:
		a.end(failing("its outputs lie too deep: a path had more than %d bytes", maxPath))
	}
}
