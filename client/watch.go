package client

import (
	"context"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
)

const (
	maxWaiting   = 256
	refreshEvery = time.Second
)

// Watch gives what happens in the room from now on: it returns when the hub has the
// subscriptions. While it lasts the client also keeps a copy of the room, from which
// Workers answers. What happens while the connection is away is missed, but for the last
// change of admin. The channel is closed when ctx or the client ends. A reader that
// lags more than 256 events behind loses the newest, which is logged.
func (c *Client) Watch(ctx context.Context) (<-chan Event, error) {
	w := &watch{client: c, room: c.cfg.Room, in: make(chan *nats.Msg, maxWaiting), out: make(chan Event), shown: map[string]WorkerStatus{}}
	w.admins = c.record.read(false)
	err := w.subscribe()
	if err == nil && c.cfg.Registry {
		w.unfollow, err = c.follow(ctx)
	}
	if err == nil {
		// The hub answers on the same connection, so the subscriptions came before.
		_, err = c.info(ctx)
	}
	if err != nil {
		w.end()
		return nil, err
	}
	c.background.Go(func() { w.run(ctx) })
	return w.out, nil
}

// A watch is one call of Watch; its goroutine owns it.
type watch struct {
	client    *Client
	room      string
	subs      []*nats.Subscription
	unfollow  func() // nil if there is no live copy
	admins    *reader
	in        chan *nats.Msg
	out       chan Event
	shown     map[string]WorkerStatus // the newest of each worker
	refreshed time.Time               // when a notice of a higher term last made us ask
}

func (w *watch) subscribe() error {
	for _, subject := range []string{
		presence(w.room),
		events.RosterSubject(w.room, events.Any),
		events.JobSubject(w.room, events.Any),
	} {
		sub, err := w.client.session.Subscribe(subject, w.take)
		if err != nil {
			return err
		}
		w.subs = append(w.subs, sub)
	}
	return nil
}

func (w *watch) take(m *nats.Msg) {
	select {
	case w.in <- m:
	default:
		w.client.log.Warn("a reader of events lags, dropped the newest", "room_id", w.room, "subject", m.Subject)
	}
}

func (w *watch) end() {
	for _, s := range w.subs {
		w.client.unsubscribe(s)
	}
	w.client.record.drop(w.admins)
	if w.unfollow != nil {
		w.unfollow()
	}
}

func (c *Client) unsubscribe(s *nats.Subscription) {
	if err := s.Unsubscribe(); err != nil {
		c.log.Debug("unsubscribe", "room_id", c.cfg.Room, "subject", s.Subject, "error", err)
	}
}

func (w *watch) run(ctx context.Context) {
	defer close(w.out)
	defer w.end()
	for {
		var e Event
		select {
		case <-ctx.Done():
			return
		case <-w.client.ended:
			return
		case a, ok := <-w.admins.changes:
			if !ok {
				return
			}
			e = electedEvent(a)
		case m := <-w.in:
			if e = w.event(ctx, m); e == nil {
				continue
			}
		}
		select {
		case w.out <- e:
		case <-ctx.Done():
			return
		case <-w.client.ended:
			return
		}
	}
}

// event is what a message says, nil if it is nothing new or not to be believed.
func (w *watch) event(ctx context.Context, m *nats.Msg) Event {
	from, err := events.ParseSubject(m.Subject)
	if err != nil {
		return nil
	}
	switch from.Kind {
	case events.KindRoster:
		var n events.RosterNotice
		if err = events.Decode(m.Data, &n); err == nil && w.believed(ctx, from.From, n.Fence) {
			return w.statusEvent(n)
		}
	case events.KindJob:
		var n events.JobNotice
		if err = events.Decode(m.Data, &n); err == nil {
			return &JobChanged{Head: w.head(TypeJob, n.Time), JobID: n.JobID, Worker: from.From, State: n.State}
		}
	case events.KindEvent:
		var p events.PeerEvent
		if err = events.Decode(m.Data, &p); err == nil {
			return w.peerEvent(from.Verb, p)
		}
	}
	if err != nil {
		w.client.log.Warn("refused an event", "room_id", w.room, "subject", m.Subject, "error", err)
	}
	return nil
}

// believed reports whether a roster notice is the accepted admin's. One of a higher
// term makes us ask the hub, at most once a second: its announcement may be behind.
func (w *watch) believed(ctx context.Context, from string, fence events.Term) bool {
	s := w.client.record.now()
	if fence.Compare(s.Term) > 0 && time.Since(w.refreshed) >= refreshEvery {
		w.refreshed = time.Now()
		if _, err := w.client.info(ctx); err != nil {
			w.client.log.Debug("could not ask who is admin", "room_id", w.room, "error", err)
		}
		s = w.client.record.now()
	}
	return from == s.AdminPeerID && fence == s.Term
}

func (w *watch) statusEvent(n events.RosterNotice) Event {
	e := WorkerStatus{Head: w.head(TypeWorkerStatus, n.Time), PeerID: n.Worker.PeerID, Status: n.Worker.Status, CurrentJob: n.Worker.CurrentJob}
	before := w.shown[e.PeerID]
	w.shown[e.PeerID] = e
	if before.Status == e.Status && before.CurrentJob == e.CurrentJob {
		return nil
	}
	return &e
}

func (w *watch) peerEvent(verb string, p events.PeerEvent) Event {
	switch verb {
	case events.EventPeerJoined:
		delete(w.shown, p.PeerID)
		return &PeerJoined{Head: w.head(TypePeerJoined, p.Time), PeerID: p.PeerID, Incarnation: p.Incarnation}
	case events.EventPeerLeft:
		delete(w.shown, p.PeerID)
		return &PeerLeft{Head: w.head(TypePeerLeft, p.Time), PeerID: p.PeerID, Reason: p.Reason}
	}
	return nil
}

func (w *watch) head(kind string, t events.Time) Head {
	return Head{Type: kind, Time: t, RoomID: w.room}
}

func electedEvent(a events.Announcement) Event {
	return &AdminElected{
		Head:        Head{Type: TypeAdminElected, Time: a.Time, RoomID: a.RoomID},
		AdminPeerID: a.AdminPeerID, PreviousAdminPeerID: a.PreviousAdminPeerID, Term: a.Term.N,
		Reason: a.Reason, ElectionTimeMS: a.ElectionTimeMS, NumWorkers: a.NumWorkers,
	}
}
