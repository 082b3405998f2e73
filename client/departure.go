package client

import (
	"cmp"
	"context"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
)

// departures tells what the hub says of a seat: why it is empty, "" when its holder is
// back. Only the newest word waits.
func (c *Client) departures(seat events.Seat) (<-chan string, func(), error) {
	news := make(chan string, 1)
	tell := func(m *nats.Msg) {
		var p events.PeerEvent
		at, err := events.ParseSubject(m.Subject)
		if err == nil {
			err = events.Decode(m.Data, &p)
		}
		if why, of := departure(seat, at.Verb, p); err == nil && of {
			select {
			case <-news:
			default:
			}
			news <- why
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

// absent asks the hub why a seat is empty, "" if it is held.
func (c *Client) absent(ctx context.Context, seat events.Seat) (string, error) {
	info, err := c.info(ctx)
	if err != nil {
		return "", err
	}
	return absence(seat, info), nil
}

// presence is the subject of all presence events: one subscription keeps their order.
func presence(room string) string { return events.EventSubject(room, "peer."+events.Any) }

// departure is what an event says of a seat, if it is about it.
func departure(seat events.Seat, event string, p events.PeerEvent) (why string, of bool) {
	if p.PeerID != seat.PeerID {
		return "", false
	}
	switch {
	case event == events.EventPeerLeft && p.Incarnation >= seat.Incarnation:
		return cmp.Or(p.Reason, events.ReasonLeft), true
	case event == events.EventPeerJoined && p.Incarnation > seat.Incarnation:
		return events.ReasonReplaced, true
	case event == events.EventPeerJoined && p.Incarnation == seat.Incarnation:
		return "", true
	}
	return "", false
}

// absence is what the hub's record says of a seat: why it is empty, "" if it is held.
func absence(seat events.Seat, info events.RoomInfo) string {
	for _, p := range info.Peers {
		switch {
		case p.PeerID != seat.PeerID:
			continue
		case p.Incarnation > seat.Incarnation:
			return events.ReasonReplaced
		case p.Away:
			return cmp.Or(p.AwayReason, events.ReasonLeft)
		}
		return ""
	}
	return events.ReasonLeft
}
