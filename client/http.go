package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/session"
)

const httpBound = 3 * time.Second

// askHTTP asks the hub itself, the old way. It asks for everybody and filters here:
// the hub knows two filters only, and a rejection wants its reason.
func (c *Client) askHTTP(ctx context.Context, f events.Filters) (events.WorkerList, error) {
	ctx, cancel := context.WithTimeout(ctx, httpBound)
	defer cancel()
	var list events.WorkerList
	header, err := c.get(ctx, "discover-workers", url.Values{"room": {c.cfg.Room}}, &list)
	if err != nil {
		return list, err
	}
	if err := named(list.Workers, nil); err != nil {
		return events.WorkerList{}, err
	}
	c.record.learn(list.Standing, nil)
	list.Source, list.RoomID = events.SourceHTTP, c.cfg.Room
	list.Workers, list.Rejected = f.Filter(list.Workers)
	list.Total = len(list.Workers) + len(list.Rejected)
	if !c.cfg.Registry {
		c.sunset.Do(func() { c.warnSunset(header) })
	}
	return list, nil
}

// warnSunset passes on when the hub says that the old way goes away.
func (c *Client) warnSunset(h http.Header) {
	if day, err := http.ParseTime(h.Get("Sunset")); err == nil {
		c.warn("/discover-workers goes away on %s; set ENABLE_ROOM_REGISTRY=true to ask the room's admin", day.UTC().Format(time.DateOnly))
	}
}

// get fetches a document of the hub with the join token.
func (c *Client) get(ctx context.Context, path string, query url.Values, out any) (http.Header, error) {
	base, err := url.Parse(c.cfg.HubURL)
	if err != nil {
		return nil, events.Errorf(events.CodeConfig, "MOOT_HUB=%q is not a URL", c.cfg.HubURL)
	}
	base = base.JoinPath(path)
	base.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base.String(), nil)
	if err != nil {
		return nil, events.Errorf(events.CodeInternal, "ask the hub: %v", err)
	}
	token, _ := events.SplitToken(c.cfg.Token.Reveal())
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("User-Agent", "moot")
	res, err := c.cfg.HTTP.Do(req)
	if err != nil {
		return nil, c.noAnswer(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, events.MaxMessage+1))
	if err != nil {
		return nil, c.noAnswer(err)
	}
	err = events.Decode(body, out)
	if res.StatusCode != http.StatusOK && (err == nil || events.CodeOf(err) == events.CodeInvalid) {
		return nil, events.Errorf(events.CodeUnreachable, "the hub at %s answered %s", c.cfg.HubURL, res.Status)
	}
	return res.Header, err
}

// noAnswer is a hub that does not speak HTTP now.
func (c *Client) noAnswer(err error) error {
	if e := session.Untrusted(c.cfg.HubURL, c.cfg.Token, err); e != nil {
		return e
	}
	why := err.Error()
	var u *url.Error
	if errors.As(err, &u) {
		why = u.Err.Error()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		why = "no answer in " + httpBound.String()
	}
	return events.Errorf(events.CodeUnreachable, "no answer from the hub at %s (%s)", c.cfg.HubURL, why).
		WithTry("is moothall up running there? Check with: curl %s/healthz", c.cfg.HubURL)
}
