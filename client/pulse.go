package client

import (
	"fmt"
	"time"

	"github.com/moothall/moothall/events"
)

const (
	// silenceBound is the silence after which a worker counts as gone (work list 4.2).
	silenceBound = events.StaleAfter
	// comeBack is how long a worker that is gone has to be started again and offer the
	// job. One that left of its own accord has ended its jobs.
	comeBack = 30 * time.Second
	// lastWords is how long frames of a worker that has left may be on their way.
	lastWords = 2 * time.Second
)

// A pulse is what a client knows of the life of a job's worker: whether its link is
// silent or ended, and what the hub says of its seat.
type pulse struct {
	silent time.Time // since when the link is suspected, zero if it is not
	ended  time.Time // when the link ended, zero while it is open
	gone   string    // why the worker has departed, "" while it is a member
	since  time.Time // of gone
}

// suspected takes news from the link.
func (p *pulse) suspected(yes bool, now time.Time) {
	switch {
	case !yes:
		p.silent = time.Time{}
	case p.silent.IsZero():
		p.silent = now
	}
}

// cut says that the link ended.
func (p *pulse) cut(now time.Time) { p.ended = now }

// mended says that there is another link.
func (p *pulse) mended() { p.silent, p.ended = time.Time{}, time.Time{} }

// departed takes the hub's word: why the seat is empty, "" if it is held again. What
// counts is when it was first heard.
func (p *pulse) departed(why string, now time.Time) {
	switch {
	case why == "":
		p.gone, p.since = "", time.Time{}
	case p.gone == "":
		p.since = now
		fallthrough
	default:
		p.gone = why
	}
}

// due is when the worker will be lost as things stand, zero if never. A lapse (silent)
// is only the hub's trouble to hear it: while the link lives, so does the job.
func (p *pulse) due() time.Time {
	quiet := p.quietSince()
	switch {
	case p.final() && !quiet.IsZero():
		return p.since
	case p.final():
		return p.since.Add(lastWords)
	case p.gone != "" && (p.gone != events.ReasonSilent || !quiet.IsZero()):
		return p.since.Add(comeBack)
	case !quiet.IsZero():
		return quiet.Add(silenceBound + comeBack)
	}
	return time.Time{}
}

// final reports whether the worker left for good.
func (p *pulse) final() bool { return p.gone == events.ReasonLeft || p.gone == events.ReasonRevoked }

// quietSince is when the worker was last heard, or somewhat earlier; zero while it is.
func (p *pulse) quietSince() time.Time {
	if !p.silent.IsZero() {
		return p.silent.Add(-suspectAfter - checkEvery)
	}
	return p.ended
}

// why says what a lost worker is lost for.
func (p *pulse) why() string {
	switch {
	case p.gone == events.ReasonLeft:
		return "it left the room"
	case p.gone != "":
		return fmt.Sprintf("it left the room: %s, and did not come back within %d s", p.gone, int(comeBack.Seconds()))
	default:
		return fmt.Sprintf("nothing heard of it for %d s", int((silenceBound + comeBack).Seconds()))
	}
}
