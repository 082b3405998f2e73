package jobs

import (
	"fmt"
	"syscall"
	"time"

	"github.com/moothall/moothall/events"
)

// A cause is why a job does not end by itself. State is empty where the command's
// exit code decides.
type cause struct {
	state  events.JobState
	reason string
}

func (c cause) none() bool { return c == cause{} }

// hard causes stand; a stop gives way to them.
func (c cause) hard() bool { return c.state != "" }

var (
	stopped  = cause{reason: "stopped"}
	canceled = cause{events.JobCanceled, "canceled"}
	shutDown = cause{events.JobLost, "the worker shut down"}
)

func failing(format string, args ...any) cause {
	return cause{events.JobFailed, fmt.Sprintf(format, args...)}
}

// An ending is the way from a cause to the process' end: stop asks with SIGINT,
// everything else with SIGTERM, and what does not listen is asked harder.
type ending struct {
	limits Limits
	cause  cause
	next   syscall.Signal // after timer
	timer  <-chan time.Time
}

// begin takes a cause up and returns the signal to send now, 0 for none.
func (e *ending) begin(c cause) syscall.Signal {
	if e.cause.hard() || e.cause == c {
		return 0
	}
	e.cause = c
	if !c.hard() {
		e.next, e.timer = syscall.SIGTERM, time.After(e.limits.StopGrace)
		return syscall.SIGINT
	}
	return e.terminate()
}

// escalate returns the signal whose time has come.
func (e *ending) escalate() syscall.Signal {
	if e.next == syscall.SIGTERM {
		return e.terminate()
	}
	e.timer = nil
	return syscall.SIGKILL
}

func (e *ending) terminate() syscall.Signal {
	e.next, e.timer = syscall.SIGKILL, time.After(e.limits.KillGrace)
	return syscall.SIGTERM
}
