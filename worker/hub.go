package worker

import (
	"context"
	"encoding/json"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/jobs"
	"github.com/moothall/moothall/worker/replica"
	"github.com/nats-io/nats.go"
)

// register asks the hub for a seat.
func (a *Agent) register(ctx context.Context, r replica.Register) (events.RegisteredAuth, error) {
	load := a.jobs.Load()
	request := events.Register{
		V: events.ProtocolVersion, Type: events.TypeRegister, NKey: a.session.Key(), Instance: a.instance,
		LastIncarnation: r.LastIncarnation, Registry: a.cfg.Registry, Metadata: a.cfg.Metadata,
		Status: load.Status, Slots: a.slots(load), Connection: a.session.Connection(), Certificate: r.Certificate,
	}
	var welcome events.RegisteredAuth
	if err := a.request(ctx, events.VerbRegister, request, &welcome); err != nil {
		return welcome, err
	}
	a.disk.sat(welcome.Incarnation)
	a.seat.Store(&events.Seat{PeerID: welcome.PeerID, Incarnation: welcome.Incarnation})
	return welcome, a.shorten(&welcome.Limits)
}

// shorten puts the own rhythm into the room's limits, which it may not exceed.
func (a *Agent) shorten(l *events.Limits) error {
	for _, s := range []struct {
		name string
		own  time.Duration
		room *int
	}{{"MOOT_HEARTBEAT", a.cfg.Heartbeat, &l.HeartbeatMS}, {"MOOT_STALE_AFTER", a.cfg.StaleAfter, &l.StaleAfterMS}} {
		switch own := int(s.own.Milliseconds()); {
		case own > *s.room:
			return events.Errorf(events.CodeConfig, "%s=%s is longer than the hub allows (%d ms)", s.name, s.own, *s.room).
				WithTry("%s=%dms", s.name, *s.room)
		case own > 0:
			*s.room = own
		}
	}
	return nil
}

func (a *Agent) request(ctx context.Context, verb string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return a.session.Request(ctx, events.ServiceSubject(a.session.Room(), verb, a.session.Peer()), in, out)
}

// ask makes a request beside the loop and posts its answer. It is bounded by
// askTimeout and by the session's end.
func (a *Agent) ask(doubts uint64, do func(context.Context) replica.Input) {
	a.wg.Go(func() { a.post(replica.Answer{Input: do(context.Background()), Doubts: doubts}) })
}

func (a *Agent) askRegister(r replica.Register, doubts uint64) {
	a.ask(doubts, func(ctx context.Context) replica.Input {
		welcome, err := a.register(ctx, r)
		if err != nil {
			return replica.NotRegistered{Err: events.AsError(err)}
		}
		return replica.Registered{RegisteredAuth: welcome}
	})
}

func (a *Agent) askRenew(r replica.Renew, doubts uint64) {
	a.ask(doubts, func(ctx context.Context) replica.Input {
		in := replica.Renewed{}
		in.Err = refusal(a.request(ctx, events.VerbLease, a.lease(r.Seat), &in.Ack))
		return in
	})
}

func (a *Agent) askRefresh(doubts uint64) {
	a.ask(doubts, func(ctx context.Context) replica.Input {
		in := replica.Refreshed{}
		in.Err = refusal(a.request(ctx, events.VerbInfo, events.InfoRequest{V: events.ProtocolVersion}, &in.RoomInfo))
		return in
	})
}

func (a *Agent) askClaim(c replica.Claim, doubts uint64) {
	a.ask(doubts, func(ctx context.Context) replica.Input {
		in := replica.Claimed{}
		in.Err = refusal(a.request(ctx, events.VerbClaim, c.Claim, &in.Ack))
		return in
	})
}

func (a *Agent) lease(seat events.Seat) events.Lease {
	return events.Lease{V: events.ProtocolVersion, Seat: seat, Instance: a.instance, Connection: a.session.Connection()}
}

// testify needs no answer: the hub's event tells everybody.
func (a *Agent) testify(t replica.Testify) {
	a.wg.Go(func() {
		if err := a.request(context.Background(), events.VerbGone, t.Gone, &events.Ack{}); err != nil {
			a.cfg.Log.Debug("testimony refused", "member", t.Member.String(), "error", err)
		}
	})
}

func refusal(err error) *events.Error {
	if err == nil {
		return nil
	}
	return events.AsError(err)
}

// report keeps the newest status for sendReports.
func (a *Agent) report(r events.StatusReport) {
	for {
		select {
		case a.reports <- r:
			return
		default:
		}
		select {
		case <-a.reports:
		default:
		}
	}
}

func (a *Agent) slots(l jobs.Load) events.Slots {
	return events.Slots{Total: a.cfg.Slots, Free: l.Free}
}

// reportDelay is how long a status rests before the hub is told, so that a change
// that is soon followed by another costs the hub one write to its disk.
const reportDelay = 100 * time.Millisecond

// sendReports tells the hub the own status, one report at a time.
func (a *Agent) sendReports(ctx context.Context) {
	rest := time.NewTimer(0)
	defer rest.Stop()
	var due <-chan time.Time
	var newest events.StatusReport
	for {
		select {
		case newest = <-a.reports:
			if due == nil {
				rest.Reset(reportDelay)
				due = rest.C
			}
		case <-due:
			due = nil
			a.disk.status(newest.Status, newest.CurrentJob)
			if err := a.request(ctx, events.VerbStatus, newest, &events.Ack{}); err != nil {
				a.cfg.Log.Debug("status not reported", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// sendNotices tells the room about the own jobs.
func (a *Agent) sendNotices(ctx context.Context) {
	subject := events.JobSubject(a.session.Room(), a.session.Peer())
	for {
		select {
		case n := <-a.jobs.Notices():
			if n.State.Final() {
				a.metrics.jobs.WithLabelValues(string(n.State)).Inc()
			}
			a.publish(subject, n)
		case <-ctx.Done():
			return
		}
	}
}

func (a *Agent) publish(subject string, v any) {
	if err := a.session.Publish(subject, v); err != nil {
		a.cfg.Log.Debug("not published", "subject", subject, "error", err)
	}
}

// serveWork listens to clients before the hub lists this worker: from then on they find
// it. What they ask waits until the worker serves.
func (a *Agent) serveWork(ctx context.Context) error {
	subject := events.WorkSubject(a.session.Room(), a.session.Peer(), events.Any)
	_, err := a.session.Respond(subject, func(from string, data []byte) (any, error) {
		select {
		case <-a.serving:
			return a.work(from, data)
		case <-ctx.Done():
			return nil, events.Errorf(events.CodeUnavailable, "%s is ending", a.session.Peer())
		}
	})
	return err
}

// serveRoom subscribes to what concerns this worker. The subscriptions end with
// the session.
func (a *Agent) serveRoom(ctx context.Context) error {
	room, me := a.session.Room(), a.session.Peer()
	if _, err := a.signaller().Serve(a.accept(ctx), a.endpoint.Candidate, a.mesh.Redial); err != nil {
		return err
	}
	if _, err := a.session.Respond(events.QuerySubject(room, me, events.Any), a.answer); err != nil {
		return err
	}
	_, err := a.session.Subscribe(events.EventSubject(room, ">"), a.event)
	return err
}

// event turns what the hub says to everyone into an input.
func (a *Agent) event(m *nats.Msg) {
	s, err := events.ParseSubject(m.Subject)
	if err != nil {
		return
	}
	if s.Verb == events.EventAdmin {
		in := replica.Announced{}
		if err = events.Decode(m.Data, &in.Announcement); err == nil {
			a.post(in)
		}
	} else {
		in := replica.Presence{}
		if err = events.Decode(m.Data, &in.PeerEvent); err == nil {
			switch {
			case s.Verb == events.EventPeerJoined:
				a.mesh.Back(in.Seat)
			case s.Verb == events.EventPeerLeft && in.Reason == events.ReasonRevoked:
				a.wg.Go(func() { a.guests.putOut(in.PeerID) })
			}
			a.post(in)
		}
	}
	if err != nil {
		a.cfg.Log.Warn("refused an event", "subject", m.Subject, "error", err)
	}
}

// work answers reserve, release and list_jobs.
func (a *Agent) work(from string, data []byte) (any, error) {
	var kind struct {
		Type string `json:"type"`
	}
	if err := events.Decode(data, &kind); err != nil {
		return nil, err
	}
	switch kind.Type {
	case events.TypeReserve:
		var r events.Reserve
		if err := json.Unmarshal(data, &r); err != nil {
			return nil, events.Errorf(events.CodeInvalid, "decode reserve: %v", err)
		}
		return a.jobs.Reserve(from, r)
	case events.TypeRelease:
		var r events.Release
		if err := json.Unmarshal(data, &r); err != nil {
			return nil, events.Errorf(events.CodeInvalid, "decode release: %v", err)
		}
		return events.Ack{V: events.ProtocolVersion}, a.jobs.Release(from, r)
	case events.TypeListJobs:
		var r events.ListJobs
		if err := json.Unmarshal(data, &r); err != nil {
			return nil, events.Errorf(events.CodeInvalid, "decode list_jobs: %v", err)
		}
		return a.jobs.List(r)
	}
	return nil, events.Errorf(events.CodeInvalid, "work of type %q is not known", kind.Type)
}
