package sim

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling"
	"github.com/moothall/moothall/worker/replica"
)

// A room's ordinary day.
const (
	monthWorkers = 10
	jobsADay     = 40 // of each worker: reserved, busy, available
	leavesADay   = 2  // of the room; each place is taken by a new machine
	weighings    = 24 // a day, of each replica
)

// MonthOptions of a long quiet life without faults.
type MonthOptions struct {
	Seed uint64
	Days int
	// Rhythm is the time between two heartbeats on a link, and two leases; 0 is the
	// true one. A slower one saves time: neither enters the document.
	Rhythm time.Duration
	// Day is how long a day is, 0 for 24 hours: as much happens in a shorter one, but
	// for checkpoints.
	Day time.Duration
	// Report gets each day when it is over, if set.
	Report func(Day)
}

// A Day is what the room's state came to on one day.
type Day struct {
	Changes, Generations int           // written, begun
	PeakChanges          int           // of one generation's history
	PeakBytes            int           // of it, the genesis not counted
	Largest              int           // bytes of the largest change
	Saved                int           // bytes of the largest document saved
	Load, LoadMost       time.Duration // of a document saved: the median, the longest
	Heap, Resident       int64         // of all ten replicas, hub and network, after a collection
	Goroutines, Seated   int
}

// month plays an ordinary life and measures it.
type month struct {
	*world
	length     time.Duration // of a day
	day        Day
	loads      []time.Duration
	generation events.Generation
	genesis    int // bytes of its first change
	changes    int
	bytes      int
	err        error
}

// Month plays some days of a room of ten: per worker and day 40 jobs and one restart,
// per room and day two leaves and two joins, and all checkpoints.
func Month(o MonthOptions) ([]Day, error) {
	m := &month{world: newWorld(o.Seed, nil), length: cmp.Or(o.Day, 24*time.Hour)}
	m.watch = m.look
	m.openHubs(1)
	if o.Rhythm > 0 {
		h, ms := m.hubs[0], int(o.Rhythm.Milliseconds())
		l := &h.registry.Limits
		l.HeartbeatMS, l.StaleAfterMS, l.LeaseMS, l.LeaseTTLMS = ms, 3*ms, ms, 3*ms
		h.presence = signaling.NewPresence(3*o.Rhythm, m.now)
	}
	for range monthWorkers {
		p := m.addPeer(8000 * int64(1+m.rng.IntN(3)))
		m.after(m.between(0, joining), p.start)
	}
	m.play(joining)
	var days []Day
	for range o.Days {
		m.day, m.loads = Day{}, nil
		m.plan()
		m.play(m.length)
		m.close()
		if m.err == nil && len(m.result.Violations) > 0 {
			m.err = errors.New(m.result.Violations[0])
		}
		if m.err == nil && m.day.Seated != monthWorkers {
			m.err = fmt.Errorf("%d of %d workers are in the room", m.day.Seated, monthWorkers)
		}
		if m.err != nil {
			return days, fmt.Errorf("day %d: %w", len(days)+1, m.err)
		}
		days = append(days, m.day)
		if o.Report != nil {
			o.Report(m.day)
		}
	}
	return days, nil
}

// plan schedules a day. A place is a worker's, whoever has it.
func (m *month) plan() {
	for place := range monthWorkers {
		each := m.length / jobsADay
		for i := range jobsADay {
			m.after(time.Duration(i)*each+m.between(0, each/4), func() { m.job(place, each/2) })
		}
		m.after(m.between(0, m.length*9/10), func() { m.restart(place) })
	}
	for _, place := range m.rng.Perm(monthWorkers)[:leavesADay] {
		m.after(m.between(0, m.length*9/10), func() { m.replace(place) })
	}
	for i := range weighings {
		m.after(time.Duration(i)*m.length/weighings, m.weigh)
	}
}

// job plays one job of at most longest, as long as the process lives.
func (m *month) job(place int, longest time.Duration) {
	q := m.peers[place].proc
	load := func(after time.Duration, l replica.Load) {
		m.after(after, func() {
			if q != nil && q.peer.proc == q {
				q.give(l)
			}
		})
	}
	job := fmt.Sprintf("j-%016x", m.rng.Uint64())
	begin := m.between(time.Second, 10*time.Second)
	load(0, replica.Load{Status: events.StatusReserved})
	load(begin, replica.Load{Status: events.StatusBusy, Job: job})
	load(begin+m.between(time.Minute, longest), replica.Load{Status: events.StatusAvailable, Free: 1})
}

// restart ends a process, with or without a goodbye, and starts the next.
func (m *month) restart(place int) {
	p := m.peers[place]
	again := func() { m.after(m.between(time.Second, 10*time.Second), p.start) }
	switch {
	case p.proc == nil || p.proc.replica.Seat().IsZero(): // it is being replaced
		m.after(time.Minute, func() { m.restart(place) })
	case m.chance(50):
		m.quit(p, again)
	default:
		p.stop()
		again()
	}
}

// replace has a machine leave for good and a new one join.
func (m *month) replace(place int) {
	left := m.quit(m.peers[place], func() {
		fresh := m.addPeer(8000 * int64(1+m.rng.IntN(3)))
		fresh.id = events.DerivedID(events.RoleWorker, fresh.key.public) // of chosen ids the hub keeps 64 for 30 days
		m.peers = slices.Delete(m.peers, len(m.peers)-1, len(m.peers))
		m.peers[place] = fresh
		m.after(m.between(time.Second, 10*time.Second), fresh.start)
	})
	if !left { // it is being restarted
		m.after(time.Minute, func() { m.replace(place) })
	}
}

// look follows the newest generation at its founder, whose history is whole first.
func (m *month) look(q *process) {
	if q.view == nil || q.view.Admin() != q.replica.Seat() {
		return
	}
	changes, bytes := q.replica.Changes(), q.replica.Bytes()
	switch c := q.view.Position.Generation.Compare(m.generation); {
	case c < 0:
		return
	case c > 0:
		m.generation, m.genesis = q.view.Position.Generation, bytes
		m.day.Generations++
		m.changes = changes
	case changes > m.changes:
		m.day.Changes += changes - m.changes
		m.day.Largest = max(m.day.Largest, (bytes-m.bytes)/(changes-m.changes))
	}
	m.changes, m.bytes = changes, bytes
	m.day.PeakChanges = max(m.day.PeakChanges, changes)
	m.day.PeakBytes = max(m.day.PeakBytes, bytes-m.genesis)
}

// weigh saves and loads the document of each replica.
func (m *month) weigh() {
	for _, p := range m.peers {
		if p.proc == nil || p.proc.replica.Seat().IsZero() {
			continue
		}
		w := p.proc.replica.Weigh()
		m.day.Saved = max(m.day.Saved, len(w.Saved))
		begin := time.Now()
		if err := w.Load(); err != nil && m.err == nil {
			m.err = fmt.Errorf("the document of %s does not load: %w", p.id, err)
		}
		m.loads = append(m.loads, time.Since(begin))
	}
}

// close measures the process at the end of a day. What the simulation itself keeps of
// the day is dropped first.
func (m *month) close() {
	slices.Sort(m.loads)
	m.day.Load, m.day.LoadMost = m.loads[len(m.loads)/2], m.loads[len(m.loads)-1]
	clear(m.net.genesis)
	for _, k := range m.keys {
		clear(k.signed)
	}
	for s := range m.checks.leased {
		if m.processOf(s) == nil {
			delete(m.checks.leased, s)
		}
	}
	for range 3 { // automerge's memory goes with finalizers
		runtime.GC()
	}
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	m.day.Heap, m.day.Resident = int64(s.HeapAlloc), resident()
	m.day.Goroutines = runtime.NumGoroutine()
	for _, p := range m.peers {
		if p.proc != nil && !p.proc.replica.Seat().IsZero() {
			m.day.Seated++
		}
	}
}

// resident is the memory that the process has, automerge's own included; 0 where the
// system does not say it in Linux' way.
func resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	var size, pages int64
	if err != nil {
		return 0
	}
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

func inMS(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// MonthTable is a Markdown table of days: the first two, each fifth, and the last.
func MonthTable(days []Day) string {
	var b strings.Builder
	b.WriteString("| day | changes | generations begun | longest history: changes | bytes | saved, bytes | load, ms: median | longest | heap of ten, MiB | resident, MiB | goroutines |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|\n")
	for i, d := range days {
		if n := i + 1; n > 2 && n%5 != 0 && n != len(days) {
			continue
		}
		fmt.Fprintf(&b, "| %d | %d | %d | %d | %d | %d | %.1f | %.1f | %.1f | %.0f | %d |\n", i+1, d.Changes, d.Generations, d.PeakChanges, d.PeakBytes,
			d.Saved, inMS(d.Load), inMS(d.LoadMost), float64(d.Heap)/(1<<20), float64(d.Resident)/(1<<20), d.Goroutines)
	}
	return b.String()
}
