// Package sim runs the real deciders of a room (Registry, Presence, replica and
// what it joins) under a seeded scheduler in virtual time: processes crash,
// freeze and come back, paths are cut, the hub restarts. After every step the
// invariants of the design are checked. A seed replays its schedule exactly.
package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"time"
)

// Options of one schedule.
type Options struct {
	Seed uint64
	// Peers is the number of workers; 0 draws 3 to 10.
	Peers int
	// Turmoil is how long faults go on; 0 is two minutes. After it everything is
	// healed, and the room must come to rest within Calm.
	Turmoil time.Duration
	// Trace receives a line for each notable event, if set.
	Trace io.Writer
}

// Calm is the time from the end of all faults until the room must agree: two
// leases to find out who is gone, an election, and two heartbeats to converge.
const Calm = 60 * time.Second

// Settle is the time in which what happens in a calm room reaches all of it: the bound
// of I8.
const Settle = 5 * time.Second

// A Result is what became of a schedule.
type Result struct {
	Steps      int
	Faults     map[string]int
	Violations []string // "I1: …", in the order they were found; the first ends the schedule
	Digest     string   // of the trace: the same seed gives the same
}

// world is one schedule.
type world struct {
	rng    *rand.Rand
	now    time.Time
	queue  queue
	store  *store
	hubs   []*hub
	peers  []*peer
	net    *network
	checks *checks
	doomed bool           // the hub that elects next dies before it tells anybody
	watch  func(*process) // after each of its steps
	made   int            // machines, ever
	keys   []*key
	result Result
	trace  io.Writer
	digest hash.Hash
}

// Run plays one schedule.
func Run(o Options) Result {
	w := newWorld(o.Seed, o.Trace)
	w.openHubs(1 + w.rng.IntN(2))
	n := o.Peers
	if n == 0 {
		n = 3 + w.rng.IntN(8)
	}
	turmoil := o.Turmoil
	if turmoil == 0 {
		turmoil = 2 * time.Minute
	}
	for range n {
		p := w.addPeer(8000 * int64(1+w.rng.IntN(3)))
		w.after(w.between(0, joining), p.start)
	}
	w.after(joining, func() { w.disturb(w.now.Add(turmoil)) })
	w.play(joining + turmoil)
	w.heal()
	w.play(Calm)
	missing := w.checks.rest()
	if missing != nil { // something may have begun this very instant
		w.play(Settle)
		missing = w.checks.rest()
	}
	w.result.Violations = append(w.result.Violations, missing...)
	w.result.Digest = hex.EncodeToString(w.digest.Sum(nil))[:16]
	return w.result
}

// joining is the time in which the first processes start.
const joining = 5 * time.Second

func newWorld(seed uint64, trace io.Writer) *world {
	w := &world{
		rng:    rand.New(rand.NewPCG(seed, 0)),
		now:    time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
		digest: sha256.New(),
		result: Result{Faults: map[string]int{}},
	}
	w.trace = w.digest
	if trace != nil {
		w.trace = io.MultiWriter(w.digest, trace)
	}
	w.net = newNetwork(w)
	w.checks = newChecks(w)
	w.after(sweepInterval, w.checks.watch)
	w.watch = w.checks.step
	return w
}

// play runs events in order of time for d, or until the first violation.
func (w *world) play(d time.Duration) {
	end := w.now.Add(d)
	for len(w.result.Violations) == 0 {
		e, ok := w.queue.next(end)
		if !ok {
			break
		}
		w.now = e.at
		e.do()
	}
	w.now = end
}

// after schedules something. What is scheduled for the same moment happens in the
// order of scheduling.
func (w *world) after(d time.Duration, do func()) { w.queue.add(w.now.Add(d), do) }

// between draws a duration.
func (w *world) between(low, high time.Duration) time.Duration {
	return low + time.Duration(w.rng.Int64N(int64(high-low)+1))
}

func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

func (w *world) note(format string, args ...any) {
	fmt.Fprintf(w.trace, "%s "+format+"\n", append([]any{w.now.Format("04:05.000000")}, args...)...)
}

func (w *world) violate(invariant, format string, args ...any) {
	w.result.Violations = append(w.result.Violations, violation(invariant, format, args...))
}

func violation(invariant, format string, args ...any) string {
	return invariant + ": " + fmt.Sprintf(format, args...)
}

func (w *world) fault(kind string) {
	w.result.Faults[kind]++
	w.note("fault %s", kind)
}
