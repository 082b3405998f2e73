package signaling

import (
	"context"
	"time"

	"github.com/moothall/moothall/embedded"
	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
)

const (
	// sweepEvery is how late a lapse may be noticed.
	sweepEvery = 500 * time.Millisecond
	// lateSweep: a hub whose own clock stood still longer has heard nothing either.
	lateSweep = 2 * time.Second
	// scanEvery is how often records are looked through for what another hub left.
	scanEvery = 10 * time.Second
)

// connection notes what the server saw, at once, and has the room told.
func (h *Hub) connection(e embedded.ConnectionEvent) {
	now := time.Now()
	var changed bool
	if e.Ending == embedded.NotEnded {
		changed = h.presence.Connected(e.Room, e.Peer, e.Connection, now)
	} else {
		changed = h.presence.Ended(e.Room, e.Peer, e.Connection, e.Ending == embedded.EndedByPeer, now)
	}
	if changed {
		h.tellPresence(e.Room, e.Peer)
	}
}

// heard notes a lease. Every hub hears all of them; none answers here.
func (h *Hub) heard(m *nats.Msg) {
	s, err := events.ParseSubject(m.Subject)
	if err != nil || h.leases.Take(request{room: s.Room, from: s.From}.sender(), time.Now()) > 0 {
		return
	}
	var l events.Lease
	if (request{data: m.Data}).decode(&l) != nil || l.PeerID != s.From {
		return
	}
	if h.presence.Leased(s.Room, l, time.Now()) {
		h.tellPresence(s.Room, s.From)
	}
}

// tellPresence tells the room that a seat lost its connection or has one again.
func (h *Hub) tellPresence(room, peer string) {
	h.inLane(room, func(ctx context.Context) error {
		r, _, err := h.store.load(ctx, room)
		if err == nil {
			h.tell(h.registry.Presence(r, peer, h.facts(room)))
		}
		return err
	})
}

// sweep sets seats away whose lease ran out, until ctx ends.
func (h *Hub) sweep(ctx context.Context) {
	ticks := time.NewTicker(sweepEvery)
	defer ticks.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		now := time.Now()
		if now.Sub(last) > lateSweep {
			h.log.Warn("the hub stood still; leases get their full time again", "late", now.Sub(last))
			h.presence.WasBlind(now)
		}
		last = now
		for _, room := range h.presence.Lapsed(now) {
			h.inLane(room, func(ctx context.Context) error { return h.lapse(ctx, room) })
		}
	}
}

func (h *Hub) lapse(ctx context.Context, room string) error {
	var f Facts
	d, err := h.store.change(ctx, room, func(r Record) (Decision, error) {
		now := time.Now()
		f = h.presence.Facts(room, now)
		return h.registry.Lapse(r, f, now), nil
	})
	if err != nil {
		return err
	}
	h.tell(d)
	// What still counts as lapsed has no seat in the record.
	for peer, fact := range f {
		if s := (events.Seat{PeerID: peer, Incarnation: fact.Incarnation}); !fact.Lapsed.IsZero() && !d.Record.holds(s) {
			h.presence.Unseated(room, s)
		}
	}
	return nil
}

// scan looks through the records, now and every scanEvery, if any changed: it
// learns the seats that another hub filled, and repeats announcements that nobody
// marked.
func (h *Hub) scan(ctx context.Context) {
	ticks := time.NewTicker(scanEvery)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		if err := h.scanOnce(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("records not looked through", "error", err)
		}
	}
}

func (h *Hub) scanOnce(ctx context.Context) error {
	rooms, sequence, err := h.store.rooms(ctx)
	if err != nil || sequence == h.scanned {
		return err
	}
	for _, room := range rooms {
		work := h.careful(room, func(ctx context.Context) error { return h.look(ctx, room) })
		if err := h.lanes.put(ctx, room, work); err != nil {
			return err
		}
	}
	h.scanned = sequence
	return nil
}

func (h *Hub) look(ctx context.Context, room string) error {
	r, _, err := h.store.load(ctx, room)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, m := range r.Members {
		if m.Here() {
			h.presence.Noted(room, m.Seat, now)
		}
	}
	h.metrics.census.take(r)
	if r.Unannounced() {
		h.log.Info("announcement repeated", keyRoom, room, keyAdmin, r.Tenure.PeerID, keyTerm, r.Tenure.N)
		h.announce(r)
	}
	return nil
}

// inLane runs work of the hub's own in the room's lane. When the lane is full the
// work is dropped: the next sweep finds it again.
func (h *Hub) inLane(room string, work func(context.Context) error) {
	if !h.lanes.do(room, h.careful(room, work)) {
		h.metrics.rejected.WithLabelValues("busy").Inc()
	}
}

// careful bounds work of the hub's own and logs its failure.
func (h *Hub) careful(room string, work func(context.Context) error) func(context.Context) {
	return func(ctx context.Context) {
		late, cancel := context.WithTimeout(ctx, answerWithin)
		defer cancel()
		if err := work(late); err != nil && ctx.Err() == nil {
			h.log.Warn("room not looked after", keyRoom, room, "error", err)
		}
	}
}
