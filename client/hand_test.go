package client_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/session"
)

// A hand is a worker as far as its room can see: it holds a seat and renews its
// lease. What it answers as admin is the test's.
type hand struct {
	*session.Session
	house *house
	line  *line
	mu    sync.Mutex // guards auth's standing and certificate
	auth  events.RegisteredAuth
	lease events.Lease
	rows  atomic.Pointer[[]events.Worker]
	asked atomic.Int64
	told  atomic.Uint64 // notices

	answer atomic.Pointer[func(events.Query) (events.WorkerList, error)] // nil: from rows

	end    context.CancelFunc
	leases sync.WaitGroup
}

// hire joins a worker, registers it and lets it answer queries.
func (h *house) hire(id string, mb int64) *hand {
	h.t.Helper()
	key, err := nkeys.CreateUser()
	h.must(err)
	w := &hand{house: h, line: &line{srv: h.srv}}
	w.Session, err = session.Join(context.Background(), session.Config{
		HubURL: "http://hub.example:8480", Room: room, Token: events.Secret(h.token(events.RoleWorker)), PeerID: id,
		Role: events.RoleWorker, Key: key, HTTP: h.http(), InProcess: w.line, Log: discard,
	})
	h.must(err)
	instance := rand.Text()
	w.request(events.VerbRegister, events.Register{
		V: events.ProtocolVersion, Type: events.TypeRegister, NKey: w.Key(), Instance: instance, Registry: true,
		Metadata:   events.Metadata{Name: id, Properties: events.Properties{GPUMemoryMB: mb, GPUModel: "RTX 4090"}},
		Connection: w.Connection(),
	}, &w.auth)
	w.lease = events.Lease{V: events.ProtocolVersion, Seat: w.seat(), Instance: instance, Connection: w.Connection()}
	_, err = w.Respond(events.QuerySubject(room, id, events.Any), w.query)
	h.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	w.end = cancel
	w.leases.Go(func() { w.renew(ctx) })
	return w
}

func (w *hand) seat() events.Seat {
	return events.Seat{PeerID: w.Peer(), Incarnation: w.auth.Incarnation}
}

func (w *hand) request(verb string, in, out any) {
	w.house.t.Helper()
	w.house.must(w.Request(context.Background(), events.ServiceSubject(room, verb, w.Peer()), in, out))
}

func (w *hand) renew(ctx context.Context) {
	tick := time.NewTicker(events.LeaseInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			w.Publish(events.ServiceSubject(room, events.VerbLease, w.Peer()), w.lease)
		case <-ctx.Done():
			return
		}
	}
}

// query answers as an admin does.
func (w *hand) query(_ string, data []byte) (any, error) {
	w.asked.Add(1)
	var q events.Query
	if err := json.Unmarshal(data, &q); err != nil {
		return nil, err
	}
	if answer := w.answer.Load(); answer != nil {
		return (*answer)(q)
	}
	return w.list(q), nil
}

// answers sets what the worker says to queries.
func (w *hand) answers(f func(events.Query) (events.WorkerList, error)) { w.answer.Store(&f) }

// list is an admin's true answer.
func (w *hand) list(q events.Query) events.WorkerList {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	l := events.WorkerList{
		Type: events.TypeWorkerList, V: events.ProtocolVersion, RoomID: room, Source: events.SourceAdmin,
		Standing: w.auth.Standing, Certificate: w.auth.Certificate, AsOf: events.At(now), Timestamp: events.Unix(now),
		Notices: w.told.Load(),
	}
	if rows := w.rows.Load(); rows != nil {
		l.Total = len(*rows)
		l.Workers, l.Rejected = q.Filters.Filter(*rows)
	}
	return l
}

// row is the worker as an admin lists it.
func (w *hand) row(mb int64, s events.Status, commands ...string) events.Worker {
	r := events.Worker{
		PeerID: w.Peer(), Name: w.Peer(), Status: s, Registry: true, Incarnation: w.auth.Incarnation, NKey: w.Key(),
		LastHeartbeat: events.At(time.Now()), Slots: events.Slots{Total: 1}, Commands: commands, IsAdmin: w.auth.Admin() == w.seat(),
		Metadata: events.Metadata{Name: w.Peer(), Properties: events.Properties{GPUMemoryMB: mb}},
	}
	if s == events.StatusAvailable {
		r.Slots.Free = 1
	}
	return r
}

func (w *hand) knows(rows ...events.Worker) { w.rows.Store(&rows) }

// leave gives the seat back and closes the session.
func (w *hand) leave() {
	w.goodbye()
	w.close()
}

// goodbye gives the seat back.
func (w *hand) goodbye() {
	w.house.t.Helper()
	bye, err := events.Goodbye{Room: room, Seat: w.seat()}.Sign(w.Signer())
	w.house.must(err)
	w.request(events.VerbLeave, events.Leave{V: events.ProtocolVersion, Goodbye: bye}, nil)
}

// claim takes the vacant admin's seat.
func (w *hand) claim() {
	w.house.t.Helper()
	var now events.RoomInfo
	w.request(events.VerbInfo, events.InfoRequest{V: events.ProtocolVersion}, &now)
	var ack events.Ack
	w.request(events.VerbClaim, events.Claim{
		V: events.ProtocolVersion, Seat: w.seat(), After: now.Term, Holder: now.Admin(), Evidence: events.EvidenceVacant,
	}, &ack)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.auth.Standing, w.auth.Certificate = ack.Standing, ack.Certificate
}

func (w *hand) close() {
	w.end()
	w.leases.Wait()
	w.house.must(w.Close(context.Background()))
}

// notify tells the room of a row, as an admin does.
func (w *hand) notify(r events.Worker) { w.publish(w.notice(r)) }

func (w *hand) notice(r events.Worker) events.RosterNotice {
	return events.RosterNotice{
		Type: "worker_status", V: events.ProtocolVersion, RoomID: room, Time: events.At(time.Now()), Fence: w.auth.Term, Seq: w.told.Add(1), Worker: r,
	}
}

func (w *hand) publish(n events.RosterNotice) {
	w.house.t.Helper()
	w.house.must(w.Publish(events.RosterSubject(room, w.Peer()), n))
}
