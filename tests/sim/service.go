package sim

import (
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling"
	"github.com/moothall/moothall/worker/replica"
)

// answer is the hub's part of one request of a peer: what comes back as input, nil
// for requests that need no answer.
func (h *hub) answer(p *process, out replica.Output) replica.Input {
	switch o := out.(type) {
	case replica.Register:
		return h.register(p, o)
	case replica.Renew:
		return h.renew(p, o)
	case replica.Refresh:
		return replica.Refreshed{RoomInfo: h.registry.Info(h.record, h.facts())}
	case replica.Claim:
		d, err := h.registry.Claim(h.record, h.store, p.peer.id, o.Claim, h.facts(), h.world.now)
		if err != nil {
			return replica.Claimed{Err: events.AsError(err)}
		}
		h.commit(d)
		return replica.Claimed{Ack: h.registry.Ack(h.record)}
	case replica.Testify:
		if d, err := h.registry.Gone(h.record, p.peer.id, o.Gone, h.facts(), h.world.now); err == nil {
			h.commit(d)
		}
	case replica.Leave:
		if d, err := h.registry.Leave(h.record, p.peer.id, events.Leave{Goodbye: o.Goodbye}, h.facts(), h.world.now); err == nil {
			h.commit(d)
		}
	case replica.Report:
		if d, err := h.registry.Report(h.record, p.peer.id, o.StatusReport, h.world.now); err == nil {
			h.commit(d)
		}
	}
	return nil
}

func (h *hub) register(p *process, o replica.Register) replica.Input {
	if h.registry.Overtaken(h.record, o.Certificate) {
		h.store = signaling.Above(o.Certificate.Store, h.world.now, h.world.rng.Uint32())
	}
	d, err := h.registry.Register(h.record, h.store, p.peer.id, events.Register{
		NKey: p.peer.public, Instance: p.instance, LastIncarnation: o.LastIncarnation, Registry: true,
		Metadata: p.peer.metadata(), Connection: p.conn, Certificate: o.Certificate,
	}, h.world.now)
	if err != nil {
		return replica.NotRegistered{Err: events.AsError(err)}
	}
	h.presence.Seated(room, d.Seat, p.conn, h.world.now)
	h.commit(d)
	return replica.Registered{RegisteredAuth: h.registry.Registered(h.record, d.Seat, h.facts())}
}

func (h *hub) renew(p *process, o replica.Renew) replica.Input {
	l := events.Lease{Seat: o.Seat, Instance: p.instance, Connection: p.conn}
	if err := h.registry.Renew(h.record, p.peer.id, l); err != nil {
		return replica.Renewed{Err: events.AsError(err)}
	}
	if h.presence.Leased(room, l, h.world.now) {
		h.presenceChanged(p.peer.id)
	}
	return replica.Renewed{Ack: h.registry.Ack(h.record)}
}
