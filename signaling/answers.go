package signaling

import (
	"context"
	"time"

	"github.com/moothall/moothall/events"
)

func (h *Hub) register(ctx context.Context, q request) (any, error) {
	var m events.Register
	if err := q.decode(&m); err != nil {
		return nil, err
	}
	d, err := h.store.change(ctx, q.room, func(r Record) (Decision, error) {
		store, err := h.newestStore(ctx, r, m.Certificate)
		if err != nil {
			return Decision{}, err
		}
		return h.registry.Register(r, store, q.from, m, time.Now())
	})
	if err != nil {
		h.metrics.registers.WithLabelValues(string(events.CodeOf(err))).Inc()
		return nil, err
	}
	h.metrics.registers.WithLabelValues("ok").Inc()
	if h.presence.Seated(q.room, d.Seat, m.Connection, time.Now()) && len(d.Notices) == 0 {
		d.notice(events.EventPeerJoined, d.Seat, "")
	}
	h.tell(d)
	return h.registry.Registered(d.Record, d.Seat, h.facts(q.room)), nil
}

// newestStore is the store's id, raised first if a member proves that terms above
// the record's were given.
func (h *Hub) newestStore(ctx context.Context, r Record, proof events.SeatCertificate) (string, error) {
	id, err := h.store.id(ctx)
	if err != nil || !h.registry.Overtaken(r, proof) || proof.Store < id {
		return id, err
	}
	h.log.Warn("a member knows a later term than this store: it was wiped or restored, its id rises",
		keyRoom, r.Room, keyTerm, r.Tenure.Term, "shown", proof.Term)
	return h.store.raise(ctx, proof.Store)
}

func (h *Hub) leave(ctx context.Context, q request) (any, error) {
	var m events.Leave
	if err := q.decode(&m); err != nil {
		return nil, err
	}
	return h.decided(ctx, q.room, func(r Record) (Decision, error) {
		now := time.Now()
		return h.registry.Leave(r, q.from, m, h.presence.Facts(q.room, now), now)
	})
}

func (h *Hub) claim(ctx context.Context, q request) (any, error) {
	var m events.Claim
	if err := q.decode(&m); err != nil {
		return nil, err
	}
	return h.decided(ctx, q.room, func(r Record) (Decision, error) {
		store, err := h.store.id(ctx)
		if err != nil {
			return Decision{}, err
		}
		now := time.Now()
		return h.registry.Claim(r, store, q.from, m, h.presence.Facts(q.room, now), now)
	})
}

func (h *Hub) gone(ctx context.Context, q request) (any, error) {
	var m events.Gone
	if err := q.decode(&m); err != nil {
		return nil, err
	}
	return h.decided(ctx, q.room, func(r Record) (Decision, error) {
		now := time.Now()
		return h.registry.Gone(r, q.from, m, h.presence.Facts(q.room, now), now)
	})
}

func (h *Hub) status(ctx context.Context, q request) (any, error) {
	var m events.StatusReport
	if err := q.decode(&m); err != nil {
		return nil, err
	}
	return h.decided(ctx, q.room, func(r Record) (Decision, error) {
		return h.registry.Report(r, q.from, m, time.Now())
	})
}

// lease only checks the seat: the renewal itself is heard by every hub.
func (h *Hub) lease(ctx context.Context, q request) (any, error) {
	var m events.Lease
	if err := q.decode(&m); err != nil {
		return nil, err
	}
	r, _, err := h.store.load(ctx, q.room)
	if err == nil {
		err = h.registry.Renew(r, q.from, m)
	}
	if err != nil {
		return nil, err
	}
	return h.registry.Ack(r), nil
}

func (h *Hub) info(ctx context.Context, q request) (any, error) {
	var m events.InfoRequest
	if err := q.decode(&m); err != nil {
		return nil, err
	}
	r, _, err := h.store.load(ctx, q.room)
	if err != nil {
		return nil, err
	}
	return h.registry.Info(r, h.facts(q.room)), nil
}

// decided stores a decision, tells the room and acknowledges.
func (h *Hub) decided(ctx context.Context, room string, decide func(Record) (Decision, error)) (any, error) {
	d, err := h.store.change(ctx, room, decide)
	if err != nil {
		return nil, err
	}
	h.tell(d)
	return h.registry.Ack(d.Record), nil
}

func (h *Hub) facts(room string) Facts { return h.presence.Facts(room, time.Now()) }
