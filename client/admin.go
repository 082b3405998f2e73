package client

import (
	"context"

	"github.com/moothall/moothall/events"
)

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
	return AdminInfo{}, events.Errorf(events.CodeInternal, "not built")
}

// WatchAdmin gives the current admin first (nothing while the seat is vacant), then
// each change once and in the order of terms, each verified against the hub's keys.
// After a reconnect it gives the change that was missed; of several missed ones, the
// last. The channel is closed when ctx or the client ends. A reader that lags more
// than 64 changes behind loses the oldest, which is logged.
func (c *Client) WatchAdmin(ctx context.Context) (<-chan events.Announcement, error) {
	return nil, events.Errorf(events.CodeInternal, "not built")
}
