package signaling

import (
	"time"

	"github.com/moothall/moothall/events"
)

// Workers is the record's answer to GET /discover-workers: who is here, with what
// they last reported. A worker that reported nothing counts as available.
func (g Registry) Workers(r Record, filters events.Filters, f Facts, now time.Time) events.WorkerList {
	all := []events.Worker{}
	for _, m := range r.Members {
		if m.Here() {
			all = append(all, worker(r, m, f.of(m.Seat)))
		}
	}
	l := events.WorkerList{
		Type: events.TypeWorkerList, V: events.ProtocolVersion, RoomID: r.Room, Source: events.SourceHTTP,
		Standing: r.Standing(), Certificate: g.Certificate(r),
		AsOf: events.At(now), Timestamp: events.Unix(now), Total: len(all),
	}
	l.Workers, l.Rejected = filters.Filter(all)
	return l
}

func worker(r Record, m Member, fact Fact) events.Worker {
	w := events.Worker{
		PeerID: m.PeerID, Name: m.Metadata.Name, Status: statusOf(m), IsAdmin: r.Admin() == m.Seat, Registry: m.Registry,
		Incarnation: m.Incarnation, NKey: m.Key, LastHeartbeat: events.At(fact.Heard),
		CurrentJob: m.CurrentJob, Slots: m.Slots, Path: "none", Metadata: m.Metadata,
	}
	if !fact.Lost.IsZero() {
		w.Status = events.StatusSuspect
	}
	return w
}

// statusOf is what a worker last reported.
func statusOf(m Member) events.Status {
	if m.Status == "" {
		return events.StatusAvailable
	}
	return m.Status
}
