package sim

import (
	"fmt"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling"
)

const room = "sim"

const (
	// sweepInterval is how often a hub looks for lapsed leases and for tenures that
	// were not announced.
	sweepInterval = time.Second
	// storeLow and storeHigh bound the time between a decision and its write.
	storeLow, storeHigh = 100 * time.Microsecond, 2 * time.Millisecond
	// attempts bounds the writes of one change.
	attempts = 8
)

// hub is the shell around the real Registry and Presence: connections, events to
// whoever is connected, and the shared store.
type hub struct {
	world    *world
	index    int
	registry signaling.Registry
	presence *signaling.Presence
	up       bool
	blind    bool // it hears neither leases nor connections, from deaf on
	deaf     time.Time
	epoch    int // counts starts: what an old process scheduled is dropped
	serverID string
}

// openHubs makes n hubs of one house on one store.
func (w *world) openHubs(n int) {
	key := w.newKey()
	w.store = newStore(w)
	for i := range n {
		h := &hub{world: w, index: i, registry: signaling.Registry{
			Limits: events.DefaultLimits(), RolloutPercent: 100, Hub: key, HubKeys: []string{key.public},
		}}
		w.hubs = append(w.hubs, h)
		h.start()
	}
}

func (h *hub) start() {
	if h.up {
		return
	}
	h.up = true
	h.epoch++
	h.serverID = fmt.Sprintf("hub-%d-%d", h.index, h.epoch)
	h.world.store.opened(h.world)
	h.presence = signaling.NewPresence(events.LeaseTTL, h.world.now)
	for _, m := range h.world.store.record.Members {
		if m.Here() {
			h.presence.Noted(room, m.Seat, h.world.now)
		}
	}
	h.later(sweepInterval, h.sweep)
}

// stop ends the process: connections are gone, memory is gone, the store stays.
func (h *hub) stop() {
	h.up, h.blind = false, false
	for _, p := range h.world.peers {
		if p.proc != nil && p.proc.conn.ServerID == h.serverID {
			p.hubLost(time.Millisecond)
		}
	}
}

// die stops the hub for a while.
func (h *hub) die() {
	h.stop()
	h.world.after(h.world.between(50*time.Millisecond, 20*time.Second), h.start)
}

// see ends a blindness.
func (h *hub) see() {
	h.blind = false
	h.presence.WasBlind(h.world.now)
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

// sweep does what a hub does by itself.
func (h *hub) sweep() {
	if len(h.presence.Lapsed(h.world.now)) > 0 {
		h.change(func(r signaling.Record) (signaling.Decision, error) {
			return h.registry.Lapse(r, h.facts(), h.world.now), nil
		}, nil)
	}
	if h.world.store.record.Unannounced() {
		h.announce(h.world.store.record)
	}
	h.later(sweepInterval, h.sweep)
}

// change decides on the record, writes by compare-and-set and tells the room; done
// gets the decision, or why there is none. A hub that dies between tells nobody.
func (h *hub) change(decide func(signaling.Record) (signaling.Decision, error), done func(signaling.Decision, error)) {
	h.try(attempts, decide, func(d signaling.Decision, err error) {
		if err == nil {
			h.tell(d)
		}
		if done != nil {
			done(d, err)
		}
	})
}

func (h *hub) try(left int, decide func(signaling.Record) (signaling.Decision, error), done func(signaling.Decision, error)) {
	s := h.world.store
	d, err := decide(s.record)
	h.world.checks.lapsed(h, d.Notices)
	switch {
	case err != nil || !d.Changed:
		done(d, err)
		return
	case left == 0:
		done(d, events.Errorf(events.CodeConflict, "too many concurrent changes"))
		return
	}
	read := s.revision
	h.later(h.world.between(storeLow, storeHigh), func() {
		if !s.update(d.Record, read) {
			h.try(left-1, decide, done)
			return
		}
		h.world.checks.record()
		if d.Elected && h.world.doomed {
			h.world.doomed = false
			h.die()
			return
		}
		h.later(h.world.between(0, storeLow), func() { done(d, nil) })
	})
}

// tell tells the room what was decided.
func (h *hub) tell(d signaling.Decision) {
	if d.Elected {
		h.announce(d.Record)
	}
	for _, n := range d.Notices {
		h.world.checks.departed(n, d.Seat, h.facts()[n.Seat.PeerID].Lost)
		if n.Event == events.EventPeerLeft {
			for _, other := range h.world.hubs {
				other.presence.Unseated(room, n.Seat)
			}
		}
		h.publish(events.EventSubject(room, n.Event), h.registry.PeerEvent(d.Record, n, h.facts(), h.world.now))
	}
}

// announce tells the room who is admin, and marks the record if it still stands.
func (h *hub) announce(r signaling.Record) {
	a := h.registry.Announcement(r)
	h.world.checks.announce(a.Term)
	h.world.note("announce %s %s", a.Term, a.Reason)
	h.publish(events.EventSubject(room, events.EventAdmin), a)
	h.try(attempts, func(r signaling.Record) (signaling.Decision, error) {
		return h.registry.MarkAnnounced(r, a.Term), nil
	}, func(signaling.Decision, error) {})
}

func (h *hub) publish(subject string, body any) {
	for _, p := range h.world.peers {
		p.hear(subject, body)
	}
}

// presenceChanged tells the room that a peer lost its connection or has one again.
func (h *hub) presenceChanged(peer string) {
	h.tell(h.registry.Presence(h.world.store.record, peer, h.facts()))
}
