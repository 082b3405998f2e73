package sim

import (
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/replica"
)

// Faults come one after the other, this far apart.
const faultLow, faultHigh = time.Second, 12 * time.Second

// A faultKind does something to the world, or reports that it cannot now.
type faultKind struct {
	name string
	do   func(w *world, p *peer) bool
}

var faultKinds = []faultKind{
	{"crash", (*world).crash},
	{"leave", (*world).leave},
	{"freeze", (*world).freeze},
	{"cut", (*world).cutOneWay},
	{"partition", (*world).partition},
	{"hubcut", (*world).cutFromHub},
	{"hubrestart", (*world).restartHub},
	{"blindhub", (*world).blindHub},
	{"lostannouncement", (*world).loseAnnouncement},
	{"wipe", (*world).wipe},
	{"restore", (*world).restore},
	{"untold", (*world).untold},
	{"reset", (*world).reset},
	{"forgedterm", (*world).forgeTerm},
	{"forgedrow", (*world).forgeRow},
}

// disturb injects faults until end, and lets workers change their status all the
// time.
func (w *world) disturb(end time.Time) {
	w.net.lossy = true
	var fault, work func()
	fault = func() {
		if w.now.After(end) {
			return
		}
		kind := faultKinds[w.rng.IntN(len(faultKinds))]
		if kind.do(w, w.peers[w.rng.IntN(len(w.peers))]) {
			w.fault(kind.name)
		}
		w.after(w.between(faultLow, faultHigh), fault)
	}
	work = func() {
		if w.now.After(end) {
			return
		}
		w.changeStatus(w.peers[w.rng.IntN(len(w.peers))])
		w.after(w.between(10*time.Millisecond, 3*time.Second), work)
	}
	w.after(w.between(faultLow, faultHigh), fault)
	w.after(time.Second, work)
}

func (w *world) changeStatus(p *peer) {
	if p.proc == nil {
		return
	}
	states := []events.Status{events.StatusAvailable, events.StatusReserved, events.StatusBusy}
	p.proc.give(replica.Load{Status: states[w.rng.IntN(len(states))], Free: w.rng.IntN(2)})
}

// restartLater brings a peer back, mostly: a third of them long after.
func (w *world) restartLater(p *peer) {
	wait := w.between(10*time.Millisecond, 10*time.Second)
	if w.chance(33) {
		wait = w.between(20*time.Second, 90*time.Second)
	}
	w.after(wait, p.start)
}

func (w *world) crash(p *peer) bool {
	if p.proc == nil {
		return false
	}
	p.stop()
	w.restartLater(p)
	return true
}

func (w *world) leave(p *peer) bool { return w.quit(p, func() { w.restartLater(p) }) }

// quit ends a process that says goodbye.
func (w *world) quit(p *peer, then func()) bool {
	q := p.proc
	if q == nil || !q.frozen.IsZero() || q.replica.Seat().IsZero() {
		return false
	}
	q.give(replica.Depart{})
	w.after(20*time.Millisecond, func() {
		if p.proc == q {
			w.net.left(p)
			p.stop()
			then()
		}
	})
	return true
}

func (w *world) freeze(p *peer) bool {
	if p.proc == nil || !p.proc.frozen.IsZero() {
		return false
	}
	d := w.between(50*time.Millisecond, 40*time.Second)
	p.proc.freeze(d)
	if d > staleHigh { // the hub gives the connection up, silently
		q, conn := p.proc, p.proc.conn
		stale := w.between(staleLow, staleHigh)
		w.ended(p.id, conn, false, stale)
		w.after(stale, func() {
			if p.proc == q && q.conn == conn {
				p.hubLost(0)
			}
		})
	}
	return true
}

func (w *world) cutOneWay(p *peer) bool {
	other := w.peers[w.rng.IntN(len(w.peers))]
	if _, cut := w.net.cut[[2]string{p.id, other.id}]; cut || other == p {
		return false
	}
	w.net.sever(p.id, other.id)
	w.after(w.between(time.Second, 30*time.Second), func() { w.net.mend(p.id, other.id) })
	return true
}

// partition cuts all paths between two sides of the mesh; the hub sees both.
func (w *world) partition(*peer) bool {
	size := 1 + w.rng.IntN(max(1, len(w.peers)/2))
	order := w.rng.Perm(len(w.peers))
	heal := w.between(time.Second, 30*time.Second)
	for _, i := range order[:size] {
		for _, j := range order[size:] {
			a, b := w.peers[i].id, w.peers[j].id
			w.net.sever(a, b)
			w.net.sever(b, a)
			w.after(heal, func() {
				w.net.mend(a, b)
				w.net.mend(b, a)
			})
		}
	}
	return true
}

// cutFromHub takes a peer's path to the hub away; both ends notice the silence.
func (w *world) cutFromHub(p *peer) bool {
	if w.net.hubCut[p.id] || p.proc == nil {
		return false
	}
	w.net.hubCut[p.id] = true
	w.ended(p.id, p.proc.conn, false, w.between(staleLow, staleHigh))
	p.hubLost(w.between(staleLow, staleHigh))
	w.after(w.between(time.Second, 40*time.Second), func() { delete(w.net.hubCut, p.id) })
	return true
}

func (w *world) restartHub(*peer) bool {
	h := w.hubs[w.rng.IntN(len(w.hubs))]
	if !h.up {
		return false
	}
	h.die()
	return true
}

// untold lets the admin crash; the hub that writes down its successor dies before
// it tells anybody.
func (w *world) untold(*peer) bool {
	admin := w.admin()
	if w.doomed || admin == nil || !w.crash(admin) {
		return false
	}
	w.doomed = true
	return true
}

// blindHub lets one of two hubs hear nothing for a while: it must not take that for
// the others' silence.
func (w *world) blindHub(*peer) bool {
	h := w.hubs[w.rng.IntN(len(w.hubs))]
	if len(w.hubs) < 2 || !h.up || h.blind {
		return false
	}
	h.blind, h.deaf = true, w.now
	epoch := h.epoch
	w.after(w.between(time.Second, 14*time.Second), func() {
		if h.up && h.epoch == epoch {
			h.see()
		}
	})
	return true
}

func (w *world) loseAnnouncement(p *peer) bool {
	w.net.deaf[p.id] = true
	return true
}

// wipe restarts the hubs with an empty store.
func (w *world) wipe(*peer) bool {
	if w.chance(80) { // rare: it is the worst of all
		return false
	}
	w.stopHubs()
	w.store.wipe(w)
	return true
}

// restore copies the store, and puts it back to that a while later.
func (w *world) restore(*peer) bool {
	if w.chance(80) {
		return false
	}
	id, record := w.store.id, w.store.record
	w.after(w.between(5*time.Second, 40*time.Second), func() {
		if w.net.lossy { // faults have not ended
			w.stopHubs()
			w.store.putBack(id, record)
		}
	})
	return true
}

func (w *world) stopHubs() {
	for _, h := range w.hubs {
		h.stop()
		w.after(w.between(50*time.Millisecond, 5*time.Second), h.start)
	}
}

// heal ends all faults and brings everybody back.
func (w *world) heal() {
	w.note("heal")
	w.net.lossy, w.doomed = false, false
	for way := range w.net.cut {
		w.net.mend(way[0], way[1])
	}
	clear(w.net.hubCut)
	clear(w.net.deaf)
	for _, h := range w.hubs {
		h.start()
		if h.blind {
			h.see()
		}
	}
	for _, p := range w.peers {
		if p.proc == nil {
			p.start()
		} else if !p.proc.frozen.IsZero() {
			p.proc.thaw()
		}
	}
}
