package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster"
)

// checks are the invariants of the design, section 11, and two that users count on:
// nobody departs who lives and is heard ("departure": departure.go), and who listens to the hub
// alone learns of every admin that stays ("announcement").
type checks struct {
	world     *world
	admins    map[events.Term]events.Seat // I1: everyone's
	certified map[events.Term]bool        // terms that the hub's record had
	announced events.Term                 // the newest that the room was told
	owed      debt                        // an announcement
	leased    map[events.Seat]time.Time   // the last lease that reached a hub
	terms     map[*process]events.Term    // I2
	shown     map[*process]map[string]mark
	looked    map[*process]looked
	signed    map[mark]events.SignedRow // I7: what owners wrote
}

// looked is which state of which document a process' rows were checked in last.
type looked struct {
	seat    events.Seat
	version uint64
}

// mark is how new a row is.
type mark struct {
	events.Seat
	seq uint64
}

func (m mark) String() string { return fmt.Sprintf("%s seq %d", m.Seat, m.seq) }

func newChecks(w *world) *checks {
	return &checks{
		world: w, admins: map[events.Term]events.Seat{}, certified: map[events.Term]bool{}, leased: map[events.Seat]time.Time{}, terms: map[*process]events.Term{},
		shown: map[*process]map[string]mark{}, looked: map[*process]looked{}, signed: map[mark]events.SignedRow{},
	}
}

// record checks the hub's record after a decision.
func (c *checks) record() {
	r := c.world.store.record
	if here := r.Here(); here > events.MaxWorkersPerRoom {
		c.world.violate("I5", "%d seats are taken", here)
	}
	c.certified[r.Tenure.Term] = true
	c.admin(r.Tenure.Term, r.Admin())
}

// debt is a term that hubs could announce and have not.
type debt struct {
	term   events.Term
	starts int // of all hubs: each begins anew
	since  time.Time
}

// announce notes that the room was told of a term.
func (c *checks) announce(t events.Term) {
	if t.Compare(c.announced) > 0 {
		c.announced = t
	}
}

// watch checks every second that the hubs announce an admin that stays.
func (c *checks) watch() {
	w := c.world
	now, up := debt{term: w.store.record.Tenure.Term}, false
	for _, h := range w.hubs {
		now.starts += h.epoch
		up = up || h.up
	}
	switch owed := up && !w.store.record.Admin().IsZero() && c.announced.Compare(now.term) < 0; {
	case !owed:
		c.owed = debt{}
	case c.owed.term != now.term || c.owed.starts != now.starts:
		now.since = w.now
		c.owed = now
	case w.now.Sub(c.owed.since) > 2*sweepInterval:
		w.violate("announcement", "term %s is %v old and unannounced, the last was %s", now.term, w.now.Sub(c.owed.since), c.announced)
	}
	w.after(sweepInterval, c.watch)
}

func (c *checks) heard(s events.Seat) { c.leased[s] = c.world.now }

func (c *checks) admin(t events.Term, s events.Seat) {
	if s.IsZero() {
		return // vacant
	}
	if other, ok := c.admins[t]; ok && other != s {
		c.world.violate("I1", "term %s has two admins, %s and %s", t, other, s)
	}
	c.admins[t] = s
}

// step checks one process after one of its steps.
func (c *checks) step(q *process) {
	v := q.view
	if v == nil {
		return
	}
	if !v.Certificate.IsZero() {
		c.admin(v.Certificate.Term, v.Certificate.Seat)
		if !c.certified[v.Certificate.Term] {
			c.world.violate("I1", "%s accepted term %s, which no hub certified", q.instance, v.Certificate.Term)
		}
		if v.Certificate.Term.Compare(c.terms[q]) < 0 {
			c.world.violate("I2", "%s fell from term %s to %s", q.instance, c.terms[q], v.Certificate.Term)
		}
		c.terms[q] = v.Certificate.Term
	}
	if now := (looked{v.Self, v.Version}); c.looked[q] != now {
		c.looked[q] = now
		c.rows(q)
	}
}

func (c *checks) rows(q *process) {
	shown := c.shown[q]
	if shown == nil {
		shown = map[string]mark{}
		c.shown[q] = shown
	}
	for _, row := range q.replica.Rows() {
		m := mark{row.Seat, row.Seq}
		if row.Seat == q.replica.Seat() {
			c.signed[m] = row.Signed
		}
		if old := shown[row.PeerID]; m.Incarnation < old.Incarnation || m.Incarnation == old.Incarnation && m.seq < old.seq {
			c.world.violate("I2", "%s showed %v of %s after %v", q.instance, m, row.PeerID, old)
		}
		if shown[row.PeerID] == m {
			continue
		}
		shown[row.PeerID] = m
		if own, ok := c.signed[m]; !ok || own != row.Signed {
			c.world.violate("I7", "%s shows a row of %s that its owner never wrote", q.instance, row.Seat)
		}
	}
}

// rest is what keeps a room without faults from being at rest: one admin that all
// know and that is here, equal heads, and every owner's newest row everywhere.
func (c *checks) rest() (missing []string) {
	w := c.world
	if len(w.result.Violations) > 0 {
		return nil
	}
	miss := func(invariant, format string, args ...any) {
		missing = append(missing, violation(invariant, format, args...))
	}
	admin := w.store.record.Admin()
	if admin.IsZero() {
		miss("progress", "no admin %s after all faults ended", Calm)
	}
	var first *process
	for _, p := range w.peers {
		q := p.proc
		switch {
		case q == nil || q.view == nil:
			miss("progress", "%s is not in the room", p.id)
			return missing
		case q.view.Admin() != admin:
			miss("progress", "%s takes %s for admin, the hub %s", p.id, q.view.Admin(), admin)
		case first == nil:
			first = q
		case !slices.Equal(q.view.Position.Heads, first.view.Position.Heads):
			miss("I8", "%s and %s hold different heads (generations %s, %s)", p.id, first.peer.id, q.view.Position.Generation, first.view.Position.Generation)
		}
		missing = append(missing, c.newest(q)...)
	}
	return missing
}

// newest: what an owner wrote last is shown by all (I3). It returns who does not.
func (c *checks) newest(q *process) (missing []string) {
	own := func(rows []roster.Row) (mark, bool) {
		for _, row := range rows {
			if row.PeerID == q.peer.id {
				return mark{row.Seat, row.Seq}, true
			}
		}
		return mark{}, false
	}
	want, _ := own(q.replica.Rows())
	for _, p := range c.world.peers {
		if p.proc == nil {
			continue
		}
		if got, ok := own(p.proc.replica.Rows()); !ok || got != want {
			missing = append(missing, violation("I3", "%s shows %v of %s, its owner wrote %v", p.id, got, q.peer.id, want))
		}
	}
	return missing
}
