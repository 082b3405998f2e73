package sim

import (
	"fmt"
	"time"

	"github.com/moothall/moothall/events"
)

// guest is one client. It keeps to the protocol: one request id for one reservation, the
// same question until there is an answer, and then it stays with the job that began.
type guest struct {
	*house
	index   int
	asked   int // reservations
	attempt *attempt
}

// attempt is one reservation and what becomes of it.
type attempt struct {
	worker  *host
	request string
	lease   events.JobLease
	job     string
	outcome string // the first; I6: there is no second
}

func guestName(client int) string { return fmt.Sprintf("client-%d", client) }

// next asks for a slot, somewhere.
func (g *guest) next() {
	if g.calm() {
		return
	}
	g.asked++
	a := &attempt{worker: g.workers[g.rng.IntN(len(g.workers))], request: fmt.Sprintf("r-%d", g.asked)}
	g.attempt = a
	g.ask(a, func() (reply func()) {
		lease, err := a.worker.reserve(g.index, a.request)
		return func() { g.reserved(a, lease, err) }
	}, func() bool { return a.outcome == "" && a.lease == events.JobLease{} })
}

// ask puts a question to the attempt's worker again and again, until it is answered.
func (g *guest) ask(a *attempt, question func() (reply func()), open func() bool) {
	if !open() {
		return
	}
	g.carry(g.index, a.worker.index, func() {
		a.worker.step(func() {
			reply := question()
			g.carry(g.index, a.worker.index, reply)
		})
	})
	g.after(askAgain, func() { g.ask(a, question, open) })
}

func (g *guest) reserved(a *attempt, lease events.JobLease, err error) {
	switch {
	case a.outcome != "" || a.lease != events.JobLease{}: // told again
	case err != nil:
		g.settle(a, "refused")
	case g.chance(10):
		a.lease = lease
		g.carry(g.index, a.worker.index, func() {
			a.worker.step(func() { a.worker.release(g.index, lease) })
		})
		g.settle(a, "released")
	default:
		a.lease = lease
		wait := g.between(0, time.Second)
		if g.chance(20) {
			wait = g.between(0, 3*events.ReserveTTL/2)
		}
		g.after(wait, func() { g.start(a) })
	}
}

func (g *guest) start(a *attempt) {
	g.ask(a, func() (reply func()) {
		job, err := a.worker.start(g.index, a.lease)
		return func() { g.started(a, job, err) }
	}, func() bool { return a.outcome == "" && a.job == "" })
}

func (g *guest) started(a *attempt, job string, err error) {
	switch {
	case a.outcome != "" || a.job != "":
		if job != a.job {
			g.violate("I6", "%s was told of job %q and of job %q on one lease", guestName(g.index), a.job, job)
		}
	case err != nil:
		g.settle(a, "never ran")
	default:
		a.job = job
		g.ask(a, func() (reply func()) {
			ended := a.worker.runs[job].ended
			return func() {
				if ended && a.outcome == "" {
					g.settle(a, "done")
				}
			}
		}, func() bool { return a.outcome == "" })
	}
}

// settle ends an attempt, and begins the next.
func (g *guest) settle(a *attempt, outcome string) {
	a.outcome = outcome
	if ran := a.worker.begun(g.index, a.lease); ran != a.job {
		g.violate("I6", "%s says that job %q %s; %s ran %q on its lease %v", guestName(g.index), a.job, outcome, a.worker.name(), ran, a.lease)
	}
	g.after(g.between(0, 3*time.Second), g.next)
}

// rest checks that what was begun has an outcome.
func (g *guest) rest() {
	if a := g.attempt; len(g.Violations) == 0 && a.outcome == "" {
		g.violate("I6", "%s waits for an outcome of lease %v on %s, job %q", guestName(g.index), a.lease, a.worker.name(), a.job)
	}
}
