package client

import (
	"cmp"
	"context"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
)

// A holding is the hub's word of a worker's seat: the incarnation that holds it, or
// held it and is gone for a reason.
type holding struct {
	incarnation uint64
	gone        string // "" while it is held
}

// departures tells what the hub says of a seat. Only the newest word waits.
func (c *Client) departures(seat events.Seat) (<-chan holding, func(), error) {
	news := make(chan holding, 1)
	tell := func(m *nats.Msg) {
		var p events.PeerEvent
		at, err := events.ParseSubject(m.Subject)
		if err == nil {
			err = events.Decode(m.Data, &p)
		}
		if h, of := departure(seat, at.Verb, p); err == nil && of {
			select {
			case <-news:
			default:
			}
			news <- h
		}
	}
	sub, err := c.session.Subscribe(presence(c.cfg.Room), tell)
	if err != nil {
		return nil, nil, err
	}
	return news, func() {
		if err := sub.Unsubscribe(); err != nil {
			c.log.Debug("unsubscribe", "room_id", c.cfg.Room, "subject", sub.Subject, "error", err)
		}
	}, nil
}

// holder asks the hub who holds a seat.
func (c *Client) holder(ctx context.Context, seat events.Seat) (holding, error) {
	info, err := c.info(ctx)
	if err != nil {
		return holding{}, err
	}
	return holderOf(seat, info), nil
}

// presence is the subject of all presence events: one subscription keeps their order.
func presence(room string) string { return events.EventSubject(room, "peer."+events.Any) }

// departure is what an event says of a seat, if it is about it.
func departure(seat events.Seat, event string, p events.PeerEvent) (h holding, of bool) {
	if p.PeerID != seat.PeerID || p.Incarnation < seat.Incarnation {
		return h, false
	}
	switch event {
	case events.EventPeerLeft:
		return holding{p.Incarnation, cmp.Or(p.Reason, events.ReasonLeft)}, true
	case events.EventPeerJoined:
		return holding{p.Incarnation, ""}, true
	}
	return h, false
}

// holderOf is what the hub's record says of a seat.
func holderOf(seat events.Seat, info events.RoomInfo) holding {
	for _, p := range info.Peers {
		if p.PeerID != seat.PeerID {
			continue
		}
		if p.Away {
			return holding{p.Incarnation, cmp.Or(p.AwayReason, events.ReasonLeft)}
		}
		return holding{p.Incarnation, ""}
	}
	return holding{seat.Incarnation, events.ReasonLeft}
}
