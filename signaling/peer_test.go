package signaling

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// A peer is one process with a key, admitted and connected.
type peer struct {
	*house
	id, key string
	pair    nkeys.KeyPair
	nc      *nats.Conn
	process string
	seat    events.Seat
	last    uint64
	up      atomic.Bool // nc's own methods wait for its lock while it dials
	lost    atomic.Int64
	shut    atomic.Bool // it does not dial
}

// InProcessConn is the peer's own way to the door.
func (p *peer) InProcessConn() (net.Conn, error) {
	if p.shut.Load() {
		return nil, errors.New("the peer does not dial")
	}
	return p.door.InProcessConn()
}

// admit joins and connects; id "" takes the derived one.
func (h *house) admit(role events.Role, id string) *peer {
	h.t.Helper()
	pair, err := nkeys.CreateUser()
	must(h.t, err)
	return h.admitKey(role, id, pair)
}

func (h *house) admitKey(role events.Role, id string, pair nkeys.KeyPair) *peer {
	h.t.Helper()
	p, _ := h.admitTokenKey(h.token(role), id, pair)
	return p
}

func (h *house) admitTokenKey(token, id string, pair nkeys.KeyPair) (*peer, events.JoinReply) {
	h.t.Helper()
	key, err := pair.PublicKey()
	must(h.t, err)
	reply, err := h.post(testRoom, events.JoinRequest{Token: token, NKey: key, PeerID: id, Protocol: 1})
	must(h.t, err)
	p := &peer{house: h, id: reply.PeerID, key: key, pair: pair, process: "process-1"}
	p.up.Store(true)
	seed, err := pair.Seed()
	must(h.t, err)
	p.nc, err = nats.Connect("", nats.InProcessServer(p), nats.UserJWTAndSeed(reply.JWT, string(seed)),
		nats.CustomInboxPrefix(reply.InboxPrefix), nats.MaxReconnects(-1), nats.ReconnectWait(250*time.Millisecond),
		nats.PingInterval(time.Hour), nats.IgnoreAuthErrorAbort(),
		nats.DisconnectErrHandler(func(*nats.Conn, error) { p.up.Store(false); p.lost.Add(1) }),
		nats.ReconnectHandler(func(*nats.Conn) { p.up.Store(true) }),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	must(h.t, err)
	h.all = append(h.all, p.nc)
	return p, reply
}

func (p *peer) connection() events.Connection {
	id, _ := p.nc.GetClientID()
	return events.Connection{ServerID: p.nc.ConnectedServerId(), ClientID: id}
}

func (p *peer) ask(verb string, in, out any) error {
	p.t.Helper()
	data, err := json.Marshal(in)
	must(p.t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	m, err := p.nc.RequestWithContext(ctx, events.ServiceSubject(testRoom, verb, p.id), data)
	if err != nil {
		return err
	}
	return events.Decode(m.Data, out)
}

func (p *peer) register() (events.RegisteredAuth, error) {
	p.t.Helper()
	var a events.RegisteredAuth
	err := p.ask(events.VerbRegister, events.Register{
		NKey: p.key, Instance: p.process, Registry: true, LastIncarnation: p.last, Connection: p.connection(),
		Metadata: events.Metadata{Name: p.id, Properties: events.Properties{GPUMemoryMB: 16000}},
	}, &a)
	if err == nil {
		p.seat = events.Seat{PeerID: p.id, Incarnation: a.Incarnation}
	}
	return a, err
}

func (p *peer) mustRegister() events.RegisteredAuth {
	p.t.Helper()
	a, err := p.register()
	must(p.t, err)
	return a
}

func (p *peer) leave() error {
	p.t.Helper()
	g, err := events.Goodbye{Room: testRoom, Seat: p.seat}.Sign(p.pair)
	must(p.t, err)
	return p.ask(events.VerbLeave, events.Leave{Goodbye: g}, &events.Ack{})
}

func (p *peer) lease() error {
	p.t.Helper()
	return p.ask(events.VerbLease, events.Lease{Seat: p.seat, Instance: p.process, Connection: p.connection()}, &events.Ack{})
}

func (p *peer) info() events.RoomInfo {
	p.t.Helper()
	var i events.RoomInfo
	must(p.t, p.ask(events.VerbInfo, events.InfoRequest{}, &i))
	return i
}

// keepLeasing renews the lease until the returned function is called.
func (p *peer) keepLeasing() (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticks := time.NewTicker(events.LeaseInterval)
		defer ticks.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticks.C:
				_ = p.lease() // a hub that is down answers nobody
			}
		}
	}()
	return func() { close(done); <-ended }
}

// hear subscribes to an event of the room.
func hear[T any](p *peer, event string) func() T {
	p.t.Helper()
	sub, err := p.nc.SubscribeSync(events.EventSubject(testRoom, event))
	must(p.t, err)
	must(p.t, flush(context.Background(), p.nc))
	return func() T {
		p.t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			p.t.Fatalf("no %s within a minute: %v", event, err)
		}
		var v T
		must(p.t, events.Decode(m.Data, &v))
		return v
	}
}

// quiet fails if the subject carries anything more within d.
func quiet(p *peer, event string, d time.Duration) func() {
	p.t.Helper()
	sub, err := p.nc.SubscribeSync(events.EventSubject(testRoom, event))
	must(p.t, err)
	must(p.t, flush(context.Background(), p.nc))
	return func() {
		p.t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), d)
		defer cancel()
		if m, err := sub.NextMsgWithContext(ctx); err == nil {
			p.t.Fatalf("unexpected %s: %s", event, m.Data)
		}
	}
}
