package client

import (
	"context"

	"github.com/moothall/moothall/events"
)

// Watch gives what happens in the room from now on: it returns when the hub has the
// subscriptions. The channel is closed when ctx or the client ends. A reader that
// lags more than 256 events behind loses the newest, which is logged.
func (c *Client) Watch(ctx context.Context) (<-chan Event, error) {
	return nil, events.Errorf(events.CodeInternal, "not built")
}
