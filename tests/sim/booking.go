package sim

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/jobs"
)

// Bookings of slots: the real jobs.Slots of a few workers, clients that keep to the
// protocol, and a network that loses, doubles, reorders and is cut. After every step of a
// worker I4 is checked, and I6 once everything is healed.

const (
	bookingWorkers, bookingClients = 3, 12
	// bookingSpan is the virtual time of one round, of which calmFor are without faults.
	bookingSpan, calmFor = 30 * time.Minute, 3 * time.Minute
	askAgain             = 2 * time.Second
	longestJob           = 40 * time.Second
)

// Bookings are what many rounds came to.
type Bookings struct {
	Rounds, Granted, Refused, Jobs, Crashes, Cuts, Freezes int
	Violations                                             []string // "I4: …"
}

func (b Bookings) String() string {
	return fmt.Sprintf("bookings: rounds=%d granted=%d refused=%d jobs=%d violations=%d faults{crash=%d,cut=%d,freeze=%d}",
		b.Rounds, b.Granted, b.Refused, b.Jobs, len(b.Violations), b.Crashes, b.Cuts, b.Freezes)
}

// OK reports whether nothing fell and everything happened.
func (b Bookings) OK() bool {
	return len(b.Violations) == 0 && min(b.Granted, b.Refused, b.Jobs, b.Crashes, b.Cuts, b.Freezes) > 0
}

// Book plays rounds from seed on until so many reservations were granted, or until the
// first violation.
func Book(seed uint64, granted int) Bookings {
	var all Bookings
	for all.Granted < granted && len(all.Violations) == 0 {
		h := newHouse(seed+uint64(all.Rounds), &all)
		h.play()
		all.Rounds++
	}
	return all
}

// house is one round.
type house struct {
	*Bookings
	rng     *rand.Rand
	start   time.Time
	now     time.Time
	queue   queue
	workers []*host
	clients []*guest
	cut     map[[2]int]bool // client, worker
}

func newHouse(seed uint64, b *Bookings) *house {
	h := &house{
		Bookings: b, rng: rand.New(rand.NewPCG(seed, 1)), start: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), cut: map[[2]int]bool{},
	}
	h.now = h.start
	for i := range bookingWorkers {
		w := &host{house: h, index: i, total: 1 + h.rng.IntN(3), runs: map[string]*task{}, byLease: map[booking]string{}}
		h.workers = append(h.workers, w)
		w.open()
	}
	for i := range bookingClients {
		g := &guest{house: h, index: i}
		h.clients = append(h.clients, g)
		h.after(h.between(0, time.Second), g.next)
	}
	h.after(time.Second, h.disturb)
	return h
}

func (h *house) after(d time.Duration, do func()) { h.queue.add(h.now.Add(d), do) }

func (h *house) between(low, high time.Duration) time.Duration {
	return low + time.Duration(h.rng.Int64N(int64(high-low)+1))
}

func (h *house) chance(percent int) bool { return h.rng.IntN(100) < percent }

func (h *house) violate(invariant, format string, args ...any) {
	h.Violations = append(h.Violations, invariant+": "+fmt.Sprintf(format, args...))
}

// calm: there are no faults any more, and nobody begins anything.
func (h *house) calm() bool { return h.now.Sub(h.start) > bookingSpan-calmFor }

func (h *house) play() {
	end := h.start.Add(bookingSpan)
	for len(h.Violations) == 0 {
		e, ok := h.queue.next(end)
		if !ok {
			break
		}
		h.now = e.at
		e.do()
	}
	for _, g := range h.clients {
		g.rest()
	}
}

// disturb makes the next fault.
func (h *house) disturb() {
	if h.calm() {
		return
	}
	w := h.workers[h.rng.IntN(len(h.workers))]
	switch h.rng.IntN(4) {
	case 0:
		w.crash()
	case 1:
		w.freeze(h.between(time.Second, 2*events.ReserveTTL))
	default:
		h.sever(w.index)
	}
	h.after(h.between(time.Second, 20*time.Second), h.disturb)
}

// sever cuts a worker off from a share of the clients for a while.
func (h *house) sever(worker int) {
	h.Cuts++
	share := 10 + 90*h.rng.IntN(2)
	for c := range h.clients {
		if h.chance(share) {
			way := [2]int{c, worker}
			h.cut[way] = true
			h.after(h.between(time.Second, time.Minute), func() { delete(h.cut, way) })
		}
	}
}

// carry brings something to its place, late, or not at all, or twice.
func (h *house) carry(client, worker int, do func()) {
	copies := 1
	switch roll := h.rng.IntN(100); {
	case h.calm():
	case roll < eventsLost:
		copies = 0
	case roll < eventsLost+eventsDoubled:
		copies = 2
	}
	for range copies {
		h.after(h.between(pathDelayLow, 40*pathDelayHigh), func() {
			if !h.cut[[2]int{client, worker}] {
				do()
			}
		})
	}
}

// host is one worker: its jobs outlive its processes.
type host struct {
	*house
	index       int
	total       int
	incarnation uint64
	slots       *jobs.Slots // nil while no process runs
	frozen      time.Time   // until when
	leases      map[events.JobLease]*grant
	runs        map[string]*task
	byLease     map[booking]string
	running     int // jobs that have not ended
}

// booking is a client's lease.
type booking struct {
	client int
	lease  events.JobLease
}

// grant is what the checker knows of a lease.
type grant struct {
	client  int
	request string
	until   time.Time
	job     string
	over    bool
}

// task is a job of the worker's disk.
type task struct {
	lease  events.JobLease // of the slot that it has in this process
	client int
	ended  bool
}

func (w *host) name() string { return fmt.Sprintf("worker-%d", w.index) }

// open begins a process, which takes up what still runs.
func (w *host) open() {
	w.incarnation++
	w.slots, w.leases = jobs.NewSlots(w.name(), w.total), map[events.JobLease]*grant{}
	for _, id := range slices.Sorted(maps.Keys(w.runs)) {
		if t := w.runs[id]; !t.ended {
			t.lease = w.slots.Adopt(guestName(t.client), id)
			w.leases[t.lease] = &grant{client: t.client, job: id}
		}
	}
	w.check()
}

func (w *host) crash() {
	if w.slots == nil {
		return
	}
	w.Crashes++
	w.slots = nil
	w.after(w.between(10*time.Millisecond, 40*time.Second), w.open)
}

func (w *host) freeze(d time.Duration) {
	w.Freezes++
	w.frozen = w.now.Add(d)
}

// step does something in the worker's process, when it runs.
func (w *host) step(do func()) {
	switch {
	case w.slots == nil:
	case w.now.Before(w.frozen):
		w.after(w.frozen.Sub(w.now), func() { w.step(do) })
	default:
		do()
		w.check()
	}
}

// check is I4: what is reserved and what runs, whichever process began it, has a slot each.
func (w *host) check() {
	reserved := 0
	for _, g := range w.leases {
		if !g.over && g.job == "" && w.now.Before(g.until) {
			reserved++
		}
	}
	if free := w.slots.Count().Free; reserved+w.running+free > w.total {
		w.violate("I4", "%s has %d slots; %d are reserved, %d run a job, %d are free", w.name(), w.total, reserved, w.running, free)
	}
}

func (w *host) reserve(client int, request string) (events.JobLease, error) {
	lease, left, err := w.slots.Reserve(w.now, w.incarnation, guestName(client), request)
	if err != nil {
		w.Refused++
		return lease, err
	}
	g := w.leases[lease]
	switch {
	case g == nil:
		w.Granted++
		w.leases[lease] = &grant{client: client, request: request, until: w.now.Add(left)}
	case g.client != client || g.request != request || g.over:
		w.violate("I4", "%s granted lease %v to %s, who is not the first", w.name(), lease, guestName(client))
	}
	return lease, nil
}

func (w *host) release(client int, lease events.JobLease) {
	if w.slots.Release(w.now, guestName(client), lease) == nil {
		if g := w.leases[lease]; g != nil && g.client == client {
			g.over = true
		}
	}
}

// start begins a job, which ends by itself whatever becomes of the worker's process, and
// says which. Who asks again, because the answer was lost, is told of the job that began.
func (w *host) start(client int, lease events.JobLease) (string, error) {
	if began := w.begun(client, lease); began != "" {
		return began, nil
	}
	job := fmt.Sprintf("j-%d-%d", w.index, len(w.runs))
	if err := w.slots.Start(w.now, guestName(client), lease, job); err != nil {
		return "", err
	}
	g := w.leases[lease]
	if g == nil || g.client != client || g.over || g.job != "" || !w.now.Before(g.until) {
		w.violate("I4", "%s started job %s of %s on lease %v, which is %+v", w.name(), job, guestName(client), lease, g)
		return job, nil
	}
	g.job = job
	t := &task{lease: lease, client: client}
	w.runs[job], w.byLease[booking{client, lease}] = t, job
	w.Jobs++
	w.running++
	w.after(w.between(0, longestJob), func() { w.finish(job, t) })
	return job, nil
}

// begun is the job that was begun with a lease, as the worker's disk says.
func (w *host) begun(client int, lease events.JobLease) string {
	return w.byLease[booking{client, lease}]
}

func (w *host) finish(job string, t *task) {
	t.ended = true
	w.running--
	w.step(func() {
		if g := w.leases[t.lease]; g != nil && !g.over && g.job == job {
			w.slots.Finish(t.lease)
			g.over = true
		}
	})
}
