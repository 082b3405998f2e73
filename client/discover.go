package client

import (
	"context"
	"time"

	"github.com/moothall/moothall/events"
)

const queryBound = 500 * time.Millisecond

// Workers lists the room's workers that match, and for the others why they do not.
//
// It asks the admin (500 ms). If the admin is another one by now, or silent, it asks
// the hub who is admin and tries once more; then it asks the hub over HTTP, tells
// Config.Warn, and the list's Source is "http". A list never comes from an admin of
// a lower term than one that was accepted before. QueryMS is the time of it all.
//
// While a Watch lasts it asks nobody: the answer is from the client's copy of the room,
// its Source is "cache", AgeMS is the time since the admin last said something (at most
// about 5 s), and heartbeats are as old as that. While the hub is away the copy grows
// old and the list says Stale. Do not change its workers: other answers have them too.
func (c *Client) Workers(ctx context.Context, f events.Filters) (events.WorkerList, error) {
	start := time.Now()
	if list, ok := c.remembered(f); ok {
		list.QueryMS = milliseconds(time.Since(start))
		return list, nil
	}
	list, err := c.discover(ctx, f)
	if err != nil {
		return events.WorkerList{}, err
	}
	if list.Workers == nil {
		list.Workers = []events.Worker{}
	}
	if list.Rejected == nil {
		list.Rejected = []events.Rejected{}
	}
	for _, w := range list.Workers {
		c.record.know(w.PeerID, w.NKey)
	}
	list.QueryMS = milliseconds(time.Since(start))
	return list, nil
}

func (c *Client) discover(ctx context.Context, f events.Filters) (events.WorkerList, error) {
	if !c.cfg.Registry {
		return c.askHTTP(ctx, f)
	}
	list, why := c.askAdmin(ctx, f)
	if why == nil || ctx.Err() != nil {
		return list, why
	}
	list, err := c.askHTTP(ctx, f)
	if err != nil {
		return list, events.AsError(err).WithFact("before that, %s", secondBest(c.cfg.Room, c.record.now().AdminPeerID, why))
	}
	if len(list.Workers)+len(list.Rejected) > 0 || events.CodeOf(why) != events.CodeNoAdmin {
		c.warn("%s; asked the hub over HTTP instead (roster may be up to 15 s old)", secondBest(c.cfg.Room, c.record.now().AdminPeerID, why))
	}
	return list, nil
}

// askAdmin asks the accepted admin, and after a failure the one that the hub names.
func (c *Client) askAdmin(ctx context.Context, f events.Filters) (events.WorkerList, error) {
	list, err := c.query(ctx, c.record.now(), f)
	if err == nil || ctx.Err() != nil {
		return list, err
	}
	c.log.Debug("the admin gave no answer, asking the hub who is admin", "room_id", c.cfg.Room, "error", err)
	if _, err := c.info(ctx); err != nil {
		return list, err
	}
	return c.query(ctx, c.record.now(), f)
}

// query is one question to one admin.
func (c *Client) query(ctx context.Context, s events.Standing, f events.Filters) (events.WorkerList, error) {
	var list events.WorkerList
	if s.AdminPeerID == "" {
		return list, events.Errorf(events.CodeNoAdmin, "room %q has no admin yet", c.cfg.Room)
	}
	ctx, cancel := context.WithTimeout(ctx, queryBound)
	defer cancel()
	question := events.Query{Type: events.TypeQuery, V: events.ProtocolVersion, FromPeerID: c.Peer(), Filters: f}
	if err := c.session.Request(ctx, events.QuerySubject(c.cfg.Room, s.AdminPeerID, c.Peer()), question, &list); err != nil {
		return list, err
	}
	if err := named(list.Workers, list.Rejected); err != nil {
		return events.WorkerList{}, err
	}
	list.Source, list.RoomID = events.SourceAdmin, c.cfg.Room
	return list, c.record.answer(list.Standing, list.Certificate)
}

// named refuses an answer with peers that cannot be: their ids become subjects.
func named(workers []events.Worker, rejected []events.Rejected) error {
	for _, w := range workers {
		if err := events.ValidID("peer id", w.PeerID); err != nil {
			return err
		}
	}
	for _, r := range rejected {
		if err := events.ValidID("peer id", r.PeerID); err != nil {
			return err
		}
	}
	return nil
}

// secondBest says why the admin's answer is missing, as the beginning of a sentence.
func secondBest(room, admin string, why error) string {
	switch e := events.AsError(why); e.Code {
	case events.CodeNoAdmin:
		return "room \"" + room + "\" has no admin yet"
	case events.CodeUnreachable, events.CodeTimeout:
		return "the admin " + admin + " did not answer in 500 ms"
	default:
		return "the admin " + admin + " could not be asked: " + e.Message
	}
}

// milliseconds with three decimals: a local answer takes less than one.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
