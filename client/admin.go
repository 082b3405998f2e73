package client

import (
	"context"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
)

const infoBound = 2 * time.Second

// AdminInfo is the hub's record of who is admin. AdminPeerID is empty while the seat
// is vacant; Since and Reason are of the present tenure.
type AdminInfo struct {
	RoomID      string      `json:"room_id"`
	AdminPeerID string      `json:"admin_peer_id"`
	Incarnation uint64      `json:"incarnation"`
	Term        uint64      `json:"term"`
	Since       events.Time `json:"since"`
	Reason      string      `json:"reason"`
}

// Admin asks the hub who is admin.
func (c *Client) Admin(ctx context.Context) (AdminInfo, error) {
	info, err := c.info(ctx)
	if err != nil {
		return AdminInfo{}, err
	}
	return AdminInfo{
		RoomID: info.RoomID, AdminPeerID: info.AdminPeerID, Incarnation: info.AdminIncarnation,
		Term: info.Term.N, Since: info.Since, Reason: info.Reason,
	}, nil
}

// WatchAdmin gives the current admin first (nothing while the seat is vacant), then
// each change once and in the order of terms, each verified against the hub's keys.
// After a reconnect it gives the change that was missed; of several missed ones, the
// last. The channel is closed when ctx or the client ends. A reader that lags more
// than 64 changes behind loses the oldest, which is logged.
func (c *Client) WatchAdmin(ctx context.Context) (<-chan events.Announcement, error) {
	if err := c.catch(ctx); err != nil {
		return nil, err
	}
	w := c.record.read(true)
	context.AfterFunc(ctx, func() { c.record.drop(w) })
	return w.changes, nil
}

// info asks the hub for its record of the room and learns from it.
func (c *Client) info(ctx context.Context) (events.RoomInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, infoBound)
	defer cancel()
	var info events.RoomInfo
	subject := events.ServiceSubject(c.cfg.Room, events.VerbInfo, c.Peer())
	if err := c.session.Request(ctx, subject, events.InfoRequest{V: events.ProtocolVersion}, &info); err != nil {
		return info, err
	}
	c.record.learn(info.Standing, info.SeatKeys)
	for _, p := range info.Peers {
		c.record.know(p.PeerID, p.NKey)
	}
	return info, nil
}

// catch asks the hub who is admin and passes on a change that was missed.
func (c *Client) catch(ctx context.Context) error {
	info, err := c.info(ctx)
	if err != nil || info.AdminPeerID == "" {
		return err
	}
	return c.record.announce(announcementOf(info))
}

// catchUp catches what was missed after each connection, while somebody reads it.
func (c *Client) catchUp(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case up := <-c.session.Connected():
			if !up || !c.record.watched() {
				continue
			}
			if err := c.catch(ctx); err != nil && ctx.Err() == nil {
				c.log.Warn("could not ask who is admin after the connection came back", "room_id", c.cfg.Room, "error", err)
			}
		}
	}
}

// heard takes an announcement of the hub.
func (c *Client) heard(m *nats.Msg) {
	var a events.Announcement
	err := events.Decode(m.Data, &a)
	if err == nil {
		err = c.record.announce(a)
	}
	if err != nil {
		c.log.Warn("refused an admin announcement", "room_id", c.cfg.Room, "error", err)
	}
}

// announcementOf is the present tenure in the hub's record, as it was announced.
func announcementOf(info events.RoomInfo) events.Announcement {
	workers := 0
	for _, p := range info.Peers {
		if !p.Away {
			workers++
		}
	}
	return events.Announcement{
		Type: events.TypeAnnouncement, V: events.ProtocolVersion, RoomID: info.RoomID,
		AdminPeerID: info.AdminPeerID, Incarnation: info.AdminIncarnation, PreviousAdminPeerID: info.Previous,
		Term: info.Term, Reason: info.Reason, NumWorkers: workers, ElectionTimeMS: info.ElectionMS,
		Time: info.Since, MembersVersion: info.MembersVersion, Certificate: info.Certificate,
	}
}
