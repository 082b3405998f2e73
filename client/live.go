package client

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
)

const (
	// confirmEvery is how often a copy is compared with the admin's list: what only
	// heartbeats change is not told.
	confirmEvery = events.HeartbeatInterval
	// askAgain is the wait after the admin did not answer.
	askAgain = time.Second
)

// A live copy follows the room while anybody watches it. Its goroutine alone writes it.
type live struct {
	client  *Client
	notices chan *nats.Msg
	sub     *nats.Subscription
	admins  *reader
	stop    context.CancelFunc
	now     atomic.Pointer[snapshot] // nil: not in step with the admin
	last    atomic.Pointer[snapshot] // the newest ever
}

// A snapshot is the admin's list as of notice seq of its term. It is immutable.
type snapshot struct {
	list   events.WorkerList // source cache, total and workers of those not departed
	all    []events.Worker   // the departed too
	seq    uint64
	since  time.Time // when the admin last said something
	behind int64     // milliseconds that the admin's list was old then

	filtered atomic.Pointer[selection] // the newest, beside what is immutable
}

// A selection is what a filter leaves of a snapshot. It is immutable.
type selection struct {
	filters  events.Filters
	workers  []events.Worker
	rejected []events.Rejected
}

// follow keeps the client's copy until the returned function is called. Of several
// followers the first begins it and the last ends it.
func (c *Client) follow(ctx context.Context) (unfollow func(), err error) {
	c.following.Lock()
	defer c.following.Unlock()
	if c.followers == 0 {
		if err := c.startLive(ctx); err != nil {
			return nil, err
		}
	}
	c.followers++
	return func() {
		c.following.Lock()
		defer c.following.Unlock()
		if c.followers--; c.followers == 0 {
			c.live.Swap(nil).end()
		}
	}, nil
}

func (c *Client) startLive(ctx context.Context) error {
	l := &live{client: c, notices: make(chan *nats.Msg, maxWaiting)}
	ctx, l.stop = context.WithCancel(context.WithoutCancel(ctx))
	sub, err := c.session.Subscribe(events.RosterSubject(c.cfg.Room, events.Any), l.take)
	if err != nil {
		return err
	}
	l.sub, l.admins = sub, c.record.read(false)
	c.live.Store(l)
	c.background.Go(func() { l.run(ctx) })
	return nil
}

// end stops the copy; what run still does, nobody sees.
func (l *live) end() {
	l.stop()
	l.client.unsubscribe(l.sub)
	l.client.record.drop(l.admins)
}

// take never blocks: a notice that is lost leaves a gap, which is noticed.
func (l *live) take(m *nats.Msg) {
	select {
	case l.notices <- m:
	default:
	}
}

// run is in step with the admin, or trying to be, until ctx or the client ends.
func (l *live) run(ctx context.Context) {
	confirm := time.NewTimer(0)
	defer confirm.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.client.ended:
			return
		case _, ok := <-l.admins.changes:
			if !ok {
				return
			}
			l.now.Store(nil)
		case m := <-l.notices:
			if l.heard(m) {
				continue
			}
		case <-confirm.C:
		}
		wait := confirmEvery
		if !l.ask(ctx) {
			wait = askAgain
		}
		confirm.Reset(wait)
	}
}

// ask takes the admin's list.
func (l *live) ask(ctx context.Context) bool {
	list, err := l.client.askAdmin(ctx, events.Filters{})
	if err != nil {
		l.now.Store(nil)
		return false
	}
	s := snapshotOf(list, list.Workers, list.Notices)
	s.behind = list.AgeMS
	for _, w := range list.Workers {
		l.client.record.know(w.PeerID, w.NKey)
	}
	l.last.Store(s)
	l.now.Store(s)
	return true
}

// heard puts a notice into the copy and reports whether it is still in step.
func (l *live) heard(m *nats.Msg) bool {
	s := l.now.Load()
	if s == nil {
		return true // it will be asked for
	}
	var n events.RosterNotice
	from, err := events.ParseSubject(m.Subject)
	if err == nil {
		err = events.Decode(m.Data, &n)
	}
	switch {
	case err != nil || n.Fence.Compare(s.list.Term) < 0 || events.ValidID("peer id", n.Worker.PeerID) != nil:
		return true
	case n.Fence != s.list.Term:
		return false
	case from.From != s.list.AdminPeerID || n.Seq <= s.seq:
		return true
	case n.Seq != s.seq+1:
		return false
	}
	l.client.record.know(n.Worker.PeerID, n.Worker.NKey)
	next := snapshotOf(s.list, with(s.all, n.Worker), n.Seq)
	l.last.Store(next)
	l.now.Store(next)
	return true
}

// with is a list by id with a worker in its place.
func with(workers []events.Worker, w events.Worker) []events.Worker {
	workers = slices.Clone(workers)
	i := slices.IndexFunc(workers, func(a events.Worker) bool { return a.PeerID >= w.PeerID })
	switch {
	case i < 0:
		return append(workers, w)
	case workers[i].PeerID == w.PeerID:
		workers[i] = w
		return workers
	}
	return slices.Insert(workers, i, w)
}

func snapshotOf(list events.WorkerList, all []events.Worker, seq uint64) *snapshot {
	list.Source = events.SourceCache
	list.Workers, list.Rejected = events.Filters{}.Filter(all)
	list.Total = len(list.Workers)
	return &snapshot{list: list, all: all, seq: seq, since: time.Now()}
}

// answer is the list from memory. Its workers are shared.
func (s *snapshot) answer(f events.Filters) events.WorkerList {
	list := s.list
	if !f.IsZero() {
		chosen := s.choose(f)
		list.Workers, list.Rejected = chosen.workers, chosen.rejected
	}
	list.AgeMS = s.behind + time.Since(s.since).Milliseconds()
	return list
}

// choose filters the workers, once for those who ask the same again and again.
func (s *snapshot) choose(f events.Filters) *selection {
	if chosen := s.filtered.Load(); chosen != nil && chosen.filters.Equal(f) {
		return chosen
	}
	chosen := &selection{filters: f}
	chosen.filters.Tags = maps.Clone(f.Tags) // the caller may change its own
	chosen.workers, chosen.rejected = f.Filter(s.list.Workers)
	s.filtered.Store(chosen)
	return chosen
}

// remembered is the answer from the live copy, if there is one that is in step, or one
// that is old while the hub is away: then the list says that it is stale.
func (c *Client) remembered(f events.Filters) (events.WorkerList, bool) {
	l := c.live.Load()
	if l == nil {
		return events.WorkerList{}, false
	}
	if s := l.now.Load(); s != nil {
		return s.answer(f), true
	}
	if s := l.last.Load(); s != nil && !c.session.Conn().IsConnected() {
		list := s.answer(f)
		list.Stale = true
		return list, true
	}
	return events.WorkerList{}, false
}
