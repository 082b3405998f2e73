package client

import (
	"cmp"
	"context"
	"regexp"
	"runtime"
	"strings"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/transfer"
)

// A MountRef names a file or folder of a mount, which is on workers: data:/videos/a.mp4.
type MountRef struct{ Mount, Path string }

var mountRef = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9_.-]{0,62}):(/.*)$`)

// ParseMountRef reads NAME:/PATH. On Windows a NAME of one letter is a drive. A local
// file of such a name is ./NAME:/PATH.
func ParseMountRef(text string) (MountRef, bool) {
	m := mountRef.FindStringSubmatch(text)
	if m == nil || runtime.GOOS == "windows" && len(m[1]) == 1 {
		return MountRef{}, false
	}
	return MountRef{Mount: m[1], Path: m[2]}, true
}

func (m MountRef) String() string { return m.Mount + ":" + m.Path }

// check refuses a path that no worker would take; nil is no reference.
func (m *MountRef) check() error {
	if m == nil || strings.Trim(m.Path, "/") == "" {
		return nil
	}
	if err := transfer.CheckName(strings.Trim(m.Path, "/")); err != nil {
		return events.Errorf(events.CodeUsage, "%s: %v", m, err)
	}
	return nil
}

// base is the name under which a job sees what m names.
func (m MountRef) base() string {
	path := strings.TrimRight(m.Path, "/")
	return cmp.Or(path[strings.LastIndex(path, "/")+1:], m.Mount)
}

// Below is m and a slash-separated path below it.
func (m MountRef) Below(path string) MountRef {
	return MountRef{m.Mount, strings.TrimRight(m.Path, "/") + "/" + strings.TrimLeft(path, "/")}
}

// List asks a worker, by peer id or name, for a page of a mount's folder: the entries
// whose names follow after, which is "" for the first. It takes no slot of the worker.
func (c *Client) List(ctx context.Context, worker string, folder MountRef, after string) (events.MountListing, error) {
	seat, err := c.seatOf(ctx, worker)
	if err != nil {
		return events.MountListing{}, err
	}
	w, err := c.dial(ctx, seat)
	if err != nil {
		return events.MountListing{}, events.Errorf(events.CodeUnreachable, "no connection to %s: %v", worker, err)
	}
	defer w.close() //nolint:errcheck // nothing was written
	page, err := w.list(ctx, worker, events.MountList{V: events.ProtocolVersion, Mount: folder.Mount, Path: folder.Path, After: after})
	if err == nil {
		err = ordered(page, after)
	}
	if err != nil {
		return events.MountListing{}, err
	}
	return page, nil
}

// ordered refuses a page that brings nobody further in the folder.
func ordered(page events.MountListing, after string) error {
	for _, e := range page.Entries {
		if e.Name <= after {
			return events.Errorf(events.CodeInvalid, "the worker lists %.80q after %.80q", e.Name, after)
		}
		after = e.Name
	}
	if page.More && len(page.Entries) == 0 {
		return events.Errorf(events.CodeInvalid, "the worker lists nothing and says that there is more")
	}
	return nil
}

// seatOf finds one worker by peer id or name.
func (c *Client) seatOf(ctx context.Context, named string) (events.Seat, error) {
	list, err := c.Workers(ctx, events.Filters{})
	if err != nil {
		return events.Seat{}, err
	}
	ids := meant(list.Workers, named)
	switch {
	case len(ids) == 0:
		return events.Seat{}, events.Errorf(events.CodeNoMatch, "there is no worker %q in room %q", named, c.cfg.Room).WithTry("moot workers lists them")
	case len(ids) > 1:
		return events.Seat{}, events.Errorf(events.CodeUsage, "%d workers have the name %q", len(ids), named).WithTry("one of the peer ids %s", strings.Join(ids, ", "))
	}
	for _, w := range list.Workers {
		if w.PeerID == ids[0] {
			return events.Seat{PeerID: w.PeerID, Incarnation: w.Incarnation}, nil
		}
	}
	panic("client: a worker that is meant is in the list")
}

func (w wire) list(ctx context.Context, worker string, ask events.MountList) (listing events.MountListing, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerBound)
	defer cancel()
	if err := w.send(ctx, events.FrameList, ask); err != nil {
		return listing, events.Errorf(events.CodeUnreachable, "%s: %v", worker, err)
	}
	select {
	case frame, ok := <-w.control.Frames():
		if !ok {
			return listing, events.Errorf(events.CodeUnreachable, "%s did not answer: %s", worker, w.broken())
		}
		return listingIn(frame)
	case <-ctx.Done():
		return listing, events.Errorf(events.CodeUnreachable, "%s did not answer within %s", worker, answerBound)
	}
}

func listingIn(frame []byte) (listing events.MountListing, err error) {
	t, payload, err := events.ParseFrame(frame)
	switch {
	case err != nil:
		return listing, err
	case t == events.FrameError:
		return listing, refusalIn(payload)
	case t != events.FrameListing:
		return listing, events.Errorf(events.CodeInvalid, "a frame of type %d is no listing", t)
	}
	return listing, events.Unpack(payload, &listing)
}
