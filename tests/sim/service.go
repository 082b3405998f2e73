package sim

import (
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling"
	"github.com/moothall/moothall/worker/replica"
)

// answer is a hub's part of one request of a peer. reply gets what comes back as
// input; requests that need no answer get none.
func (h *hub) answer(p *process, out replica.Output, reply func(replica.Input)) {
	from := p.peer.id
	switch o := out.(type) {
	case replica.Register:
		h.register(p, o, reply)
	case replica.Renew:
		reply(h.renew(p, o))
	case replica.Refresh:
		reply(replica.Refreshed{RoomInfo: h.registry.Info(h.world.store.record, h.facts())})
	case replica.Claim:
		h.change(func(r signaling.Record) (signaling.Decision, error) {
			return h.registry.Claim(r, h.world.store.id, from, o.Claim, h.facts(), h.world.now)
		}, func(d signaling.Decision, err error) {
			reply(replica.Claimed{Ack: h.ack(d, err), Err: refusal(err)})
		})
	case replica.Testify:
		h.change(func(r signaling.Record) (signaling.Decision, error) {
			return h.registry.Gone(r, from, o.Gone, h.facts(), h.world.now)
		}, nil)
	case replica.Leave:
		h.change(func(r signaling.Record) (signaling.Decision, error) {
			return h.registry.Leave(r, from, events.Leave{Goodbye: o.Goodbye}, h.facts(), h.world.now)
		}, nil)
	case replica.Report:
		h.change(func(r signaling.Record) (signaling.Decision, error) {
			return h.registry.Report(r, from, o.StatusReport, h.world.now)
		}, nil)
	}
}

func (h *hub) ack(d signaling.Decision, err error) events.Ack {
	if err != nil {
		return events.Ack{}
	}
	return h.registry.Ack(d.Record)
}

func refusal(err error) *events.Error {
	if err == nil {
		return nil
	}
	return events.AsError(err)
}

func (h *hub) register(p *process, o replica.Register, reply func(replica.Input)) {
	s := h.world.store
	h.change(func(r signaling.Record) (signaling.Decision, error) {
		if h.registry.Overtaken(r, o.Certificate) && o.Certificate.Store >= s.id {
			s.id = signaling.Above(o.Certificate.Store, h.world.now, h.world.rng.Uint32())
		}
		return h.registry.Register(r, s.id, p.peer.id, events.Register{
			NKey: p.peer.key.public, Instance: p.instance, LastIncarnation: o.LastIncarnation, Registry: true,
			Metadata: p.peer.metadata(), Connection: p.conn, Certificate: o.Certificate,
		}, h.world.now)
	}, func(d signaling.Decision, err error) {
		if err != nil {
			reply(replica.NotRegistered{Err: events.AsError(err)})
			return
		}
		h.world.checks.heard(d.Seat)
		for _, hub := range h.world.hubs {
			if !hub.up || hub != h && hub.blind {
				continue
			}
			if back := hub.presence.Seated(room, d.Seat, p.conn, h.world.now); back && (hub != h || len(d.Notices) == 0) {
				hub.presenceChanged(p.peer.id)
			}
		}
		reply(replica.Registered{RegisteredAuth: h.registry.Registered(d.Record, d.Seat, h.facts())})
	})
}

// renew: every hub hears the lease, one answers.
func (h *hub) renew(p *process, o replica.Renew) replica.Input {
	l := events.Lease{Seat: o.Seat, Instance: p.instance, Connection: p.conn}
	h.world.checks.heard(o.Seat)
	for _, hub := range h.world.hubs {
		if hub.up && !hub.blind && hub.presence.Leased(room, l, h.world.now) {
			hub.presenceChanged(p.peer.id)
		}
	}
	r := h.world.store.record
	if err := h.registry.Renew(r, p.peer.id, l); err != nil {
		return replica.Renewed{Err: events.AsError(err)}
	}
	return replica.Renewed{Ack: h.registry.Ack(r)}
}
