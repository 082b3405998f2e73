package sim

import (
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling"
)

const room = "sim"

// sweepInterval is how often the hub looks for lapsed leases and for tenures that
// were not announced.
const sweepInterval = time.Second

// hub is the shell around the real Registry and Presence: a store with
// compare-and-set, connections, and events to whoever is connected.
type hub struct {
	world    *world
	registry signaling.Registry
	presence *signaling.Presence
	record   signaling.Record
	store    string
	up       bool
	epoch    int // counts starts: what an old process scheduled is dropped
	serverID string
}

func newHub(w *world) *hub {
	h := &hub{world: w, store: events.StoreID(w.now.UnixMilli(), w.rng.Uint32())}
	key := w.newKey()
	public, err := key.PublicKey()
	if err != nil {
		panic(err)
	}
	h.registry = signaling.Registry{Limits: events.DefaultLimits(), RolloutPercent: 100, Hub: key, HubKeys: []string{public}}
	h.record = signaling.NewRecord(room, h.store)
	h.start()
	return h
}

func (h *hub) start() {
	if h.up {
		return
	}
	h.up = true
	h.epoch++
	h.serverID = events.StoreID(h.world.now.UnixMilli(), uint32(h.epoch))
	h.presence = signaling.NewPresence(events.LeaseTTL, h.world.now)
	for _, m := range h.record.Members {
		if m.Here() {
			h.presence.Noted(room, m.Seat, h.world.now)
		}
	}
	h.later(sweepInterval, h.sweep)
}

// stop ends the process: connections are gone, memory is gone, the store stays.
func (h *hub) stop() {
	h.up = false
	for _, p := range h.world.peers {
		p.hubLost(time.Millisecond)
	}
}

// later schedules something for this hub process only.
func (h *hub) later(d time.Duration, do func()) {
	epoch := h.epoch
	h.world.after(d, func() {
		if h.up && h.epoch == epoch {
			do()
		}
	})
}

func (h *hub) facts() signaling.Facts { return h.presence.Facts(room, h.world.now) }

// sweep does what the hub does by itself.
func (h *hub) sweep() {
	if len(h.presence.Lapsed(h.world.now)) > 0 {
		h.commit(h.registry.Lapse(h.record, h.facts(), h.world.now))
	}
	if h.record.Unannounced() {
		h.announce()
	}
	h.later(sweepInterval, h.sweep)
}

// commit stores a decision and tells the room. The simulated hub is alone with its
// store, so the compare-and-set always succeeds.
func (h *hub) commit(d signaling.Decision) {
	h.record = d.Record
	h.world.checks.record()
	for _, n := range d.Notices {
		if n.Event == events.EventPeerLeft {
			h.presence.Unseated(room, n.Seat)
		}
		h.tell(events.EventSubject(room, n.Event), h.registry.PeerEvent(h.record, n, h.facts(), h.world.now))
	}
	if d.Elected {
		h.announce()
	}
}

func (h *hub) announce() {
	a := h.registry.Announcement(h.record)
	h.world.note("announce %s %s", a.Term, a.Reason)
	h.tell(events.EventSubject(room, events.EventAdmin), a)
	h.record = h.registry.MarkAnnounced(h.record, a.Term).Record
}

func (h *hub) tell(subject string, body any) {
	for _, p := range h.world.peers {
		p.hear(subject, body)
	}
}

// presenceChanged tells the room that a peer lost its connection or has one again.
func (h *hub) presenceChanged(peer string) {
	h.commit(h.registry.Presence(h.record, peer, h.facts()))
}

// wipe loses the store while the hub is down: another one is made in its place.
func (h *hub) wipe() {
	h.store = events.StoreID(h.world.now.UnixMilli(), h.world.rng.Uint32())
	h.record = signaling.NewRecord(room, h.store)
}
