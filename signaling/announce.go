package signaling

import (
	"context"
	"encoding/json"
	"time"

	"github.com/moothall/moothall/events"
)

// tell publishes what a stored decision means for the room. A lost message heals:
// every answer of the hub carries the standing, and the announcement is repeated
// until the record is marked.
func (h *Hub) tell(d Decision) {
	r := d.Record
	now := time.Now()
	if d.Elected { // first: who hears that the admin is gone would ask for the successor
		h.elected(r)
	}
	for _, n := range d.Notices {
		if n.Event == events.EventPeerLeft {
			h.presence.Unseated(r.Room, n.Seat)
		}
		h.publish(events.EventSubject(r.Room, n.Event), h.registry.PeerEvent(r, n, h.presence.Facts(r.Room, now), now))
		h.log.Info(n.Event, keyRoom, r.Room, keyPeer, n.Seat.PeerID, "incarnation", n.Seat.Incarnation, "reason", n.Reason)
	}
	if d.Changed {
		h.metrics.census.take(r)
	}
	if here := r.Here(); d.Seated && here >= h.cfg.WarnWorkers {
		h.log.Warn("the room is nearly full", keyRoom, r.Room, keyWorkers, here, "max_workers", h.cfg.Limits.MaxWorkers)
	}
}

func (h *Hub) elected(r Record) {
	t := r.Tenure
	h.metrics.elections.WithLabelValues(t.Reason).Inc()
	if t.Reason != events.ReasonFirst {
		h.metrics.election.Observe(t.ElectionMS / 1000)
	}
	h.log.Info("Admin elected", keyRoom, r.Room, keyAdmin, t.PeerID, keyTerm, t.N, "store", t.Store,
		"reason", t.Reason, keyWorkers, r.Here(), keyElection, t.ElectionMS)
	h.announce(r)
}

// announce tells the room who is admin and has the record marked afterwards. If the
// hub dies in between, another announces again; receivers deduplicate by term.
func (h *Hub) announce(r Record) {
	a := h.registry.Announcement(r)
	h.publish(events.EventSubject(r.Room, events.EventAdmin), a)
	if !h.lanes.do(r.Room, func(ctx context.Context) { h.markAnnounced(ctx, r.Room, a.Term) }) {
		h.log.Warn("announcement not marked: the hub is busy", keyRoom, r.Room)
	}
}

func (h *Hub) markAnnounced(ctx context.Context, room string, t events.Term) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	err := h.rooms.FlushWithContext(ctx)
	if err == nil {
		_, err = h.store.change(ctx, room, func(r Record) (Decision, error) { return h.registry.MarkAnnounced(r, t), nil })
	}
	if err != nil {
		h.log.Warn("announcement not marked, it will be repeated", keyRoom, room, "error", err)
	}
}

func (h *Hub) publish(subject string, v any) {
	data, err := json.Marshal(v)
	if err == nil {
		err = h.rooms.Publish(subject, data)
	}
	if err != nil {
		h.log.Error("event not published", "subject", subject, "error", err)
	}
}
