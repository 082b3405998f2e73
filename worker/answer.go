package worker

import (
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/replica"
)

// doubtOwnView is the age of the view from which an answer would come from a process
// that stood still: the room may have another admin by now.
const doubtOwnView = 3 * time.Second

// answer is query_workers, from the view and never from the loop (work list 5.1).
func (a *Agent) answer(from string, data []byte) (any, error) {
	var q events.Query
	if err := events.Decode(data, &q); err != nil {
		a.metrics.queries.WithLabelValues("invalid").Inc()
		return nil, err
	}
	v := a.view.Load()
	now := time.Now()
	if v == nil || !v.Answering || now.Sub(time.Unix(0, a.current.Load())) > doubtOwnView {
		a.metrics.queries.WithLabelValues("not_admin").Inc()
		return nil, events.Errorf(events.CodeNotAdmin, "%s is not the admin of room %q", a.session.Peer(), a.session.Room())
	}
	a.metrics.queries.WithLabelValues("ok").Inc()
	defer func() { a.metrics.discovery.WithLabelValues(events.SourceAdmin).Observe(time.Since(now).Seconds()) }()
	list := listOf(v.View, q.Filters, now)
	a.cfg.Log.Debug("query", "from_peer_id", from, "workers", len(list.Workers), "rejected", len(list.Rejected))
	return list, nil
}

func listOf(v *replica.View, f events.Filters, now time.Time) events.WorkerList {
	match, rejected := f.Filter(v.Workers)
	return events.WorkerList{
		Type: events.TypeWorkerList, V: events.ProtocolVersion, RoomID: v.Room, Source: events.SourceAdmin,
		Standing: v.Standing, Certificate: v.Certificate, AsOf: events.At(v.AsOf), AgeMS: now.Sub(v.AsOf).Milliseconds(),
		Timestamp: events.Unix(now), Total: len(match) + len(rejected), Stale: v.Stale, Notices: v.Notices, Workers: match, Rejected: rejected,
	}
}
