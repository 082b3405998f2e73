package signaling

import (
	"context"
	"errors"
	"time"

	"github.com/moothall/moothall/embedded"
	"github.com/moothall/moothall/events"
)

// gateEvery is how late a revocation, a rotation of keys, or on a hub of very many
// connections a flood may be noticed.
const gateEvery = time.Second

// defaultFloodLook is how late a flood is noticed: until then it takes the processors from
// all others. To look costs about one part in lookShare of the time at most, and more
// only where gateEvery bounds the wait: beyond 5,000 connections.
const (
	defaultFloodLook = 25 * time.Millisecond
	lookShare        = 100
)

// gate keeps the server's keys as the folders of tokens and keys have them, which
// other processes may change: `moothall token revoke`, for one. It belongs to one
// goroutine.
type gate struct {
	tokens  *Tokens
	keys    *embedded.Keys
	srv     *embedded.Server
	state   string // of the tokens, when refused was read
	refused map[string]Admitted
	next    time.Time // when the earliest of refused needs no memory any more
	bans    bans
}

// newGate refuses at once what was revoked before.
func newGate(tokens *Tokens, keys *embedded.Keys, srv *embedded.Server) (*gate, error) {
	g := &gate{tokens: tokens, keys: keys, srv: srv}
	_, err := g.look(time.Now())
	return g, err
}

// look brings the server up to date and returns what is refused since the last look.
func (g *gate) look(now time.Time) (newly []Admitted, err error) {
	rotated, err := g.keys.Reload(now)
	if err != nil {
		return nil, err
	}
	newly, err = g.revocations(now)
	if err != nil {
		return nil, err
	}
	if rotated {
		err = g.srv.Apply()
	}
	return newly, errors.Join(err, g.refuse(now))
}

// refuse cuts off who is refused or kept out and was not before. It reads no file.
func (g *gate) refuse(now time.Time) error {
	if !g.keys.Refuse(g.bans.into(times(g.refused), now)) {
		return nil
	}
	return g.srv.Apply()
}

func (g *gate) revocations(now time.Time) (newly []Admitted, err error) {
	state, err := g.tokens.state()
	if err != nil || state == g.state && (g.next.IsZero() || now.Before(g.next)) {
		return nil, err
	}
	refused, err := g.tokens.Refused(now)
	if err != nil {
		return nil, err
	}
	g.next = time.Time{}
	for key, a := range refused {
		if !g.refused[key].At.Equal(a.At) {
			newly = append(newly, a)
		}
		if g.next.IsZero() || a.Until.Before(g.next) {
			g.next = a.Until
		}
	}
	g.state, g.refused = state, refused
	return newly, nil
}

// Refuse makes keys refuse, from a server's start on, what was revoked before.
func Refuse(keys *embedded.Keys, tokens *Tokens, now time.Time) error {
	refused, err := tokens.Refused(now)
	if err != nil {
		return err
	}
	keys.Refuse(times(refused))
	return nil
}

func times(refused map[string]Admitted) map[string]time.Time {
	at := make(map[string]time.Time, len(refused))
	for key, a := range refused {
		at[key] = a.At
	}
	return at
}

// watchGate looks at the gate, and for floods, until ctx ends, and tells the rooms who
// was put out for good.
func (h *Hub) watchGate(ctx context.Context) {
	ticks, floods := time.NewTicker(gateEvery), time.NewTimer(h.cfg.FloodLook)
	defer ticks.Stop()
	defer floods.Stop()
	dog := embedded.NewWatchdog(h.srv)
	for {
		select {
		case <-ctx.Done():
			return
		case <-floods.C:
			h.lookForFloods(dog)
			floods.Reset(min(gateEvery, max(h.cfg.FloodLook, lookShare*dog.Cost())))
		case <-ticks.C:
			if err := h.lookAtGate(ctx); err != nil {
				h.log.Error("tokens and keys not looked at", "error", err)
			}
		case done := <-h.looks:
			done <- h.lookAtGate(ctx)
		}
	}
}

func (h *Hub) lookAtGate(ctx context.Context) error {
	before := h.keys.Rotation()
	newly, err := h.gate.look(time.Now())
	if after := h.keys.Rotation(); !after.At.Equal(before.At) {
		h.log.Info("signing keys rotated", "former_until", after.Until)
	}
	h.putOut(ctx, newly)
	return err
}

// lookNow has watchGate look, and returns when it has.
func (h *Hub) lookNow(ctx context.Context) error {
	done := make(chan error, 1)
	select {
	case h.looks <- done:
		return <-done
	case <-ctx.Done():
		return away("look at tokens", ctx.Err())
	}
}

// putOut tells each room which of its peers are refused now.
func (h *Hub) putOut(ctx context.Context, newly []Admitted) {
	rooms := map[string]map[string]bool{}
	for _, a := range newly {
		h.log.Info("credentials revoked, connection closed", keyRoom, a.Room, keyPeer, a.Peer)
		if rooms[a.Room] == nil {
			rooms[a.Room] = map[string]bool{}
		}
		rooms[a.Room][a.NKey] = true
	}
	for room, keys := range rooms {
		work := h.careful(room, func(ctx context.Context) error { return h.unseat(ctx, room, keys, newly) })
		if h.lanes.put(ctx, room, work) != nil {
			return
		}
	}
}

// unseat sets the refused seats away. A refused peer without a seat, a client, is told
// of too: workers then close its links.
func (h *Hub) unseat(ctx context.Context, room string, keys map[string]bool, newly []Admitted) error {
	d, err := h.store.change(ctx, room, func(r Record) (Decision, error) { return h.registry.Revoke(r, keys, time.Now()), nil })
	if err != nil {
		return err
	}
	for _, a := range newly {
		if a.Room == room && d.Record.member(a.Peer) == nil {
			d.notice(events.EventPeerLeft, events.Seat{PeerID: a.Peer}, events.ReasonRevoked)
		}
	}
	h.tell(d)
	return nil
}
