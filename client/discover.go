package client

import (
	"context"

	"github.com/moothall/moothall/events"
)

// Workers lists the room's workers that match, and for the others why they do not.
//
// It asks the admin (500 ms). If the admin is another one by now, or silent, it asks
// the hub who is admin and tries once more; then it asks the hub over HTTP, tells
// Config.Warn, and the list's Source is "http". A list never comes from an admin of
// a lower term than one that was accepted before. QueryMS is the time of it all.
func (c *Client) Workers(ctx context.Context, f events.Filters) (events.WorkerList, error) {
	return events.WorkerList{}, events.Errorf(events.CodeInternal, "not built")
}
