// Package mesh keeps one link to each peer that it is told to: it dials where
// this worker is the offerer and answers where it is not, dials again what broke,
// and carries frames both ways. It knows neither rosters nor admins.
package mesh

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/link"
)

// eventQueue bounds the events that wait for the reader. A full queue holds the
// links' readers back, and through SCTP's window their senders.
const eventQueue = 512

// Config of a mesh. Incarnation is this worker's own, at the time of a call.
type Config struct {
	Self        string
	Incarnation func() uint64
	Endpoint    *link.Endpoint
	Signaller   Signaller
	Log         *slog.Logger
}

// A Signaller carries signals to a peer, see link.Signaller. Redial is for a link of
// which the peer is the offerer: it asks for another.
type Signaller interface {
	link.Signaller
	Redial(events.Signal) error
}

// Kind of an Event.
type Kind int

const (
	Up     Kind = iota // the link to Seat is open
	Down               // it has ended; Err says why
	Silent             // nothing is heard over it: it is suspected, and may come back
	Heard              // it is heard again
	Frame              // Data came over it
)

// An Event of a link. Of each link there is one Up, then all else, then one Down;
// a link that replaces another begins after the other's Down.
type Event struct {
	Kind Kind
	Seat events.Seat
	Path string // of Up: direct or turn
	Data []byte // of Frame
	Err  error  // of Down
}

// A Mesh is this worker's links. Its methods may be called from any goroutine;
// none of them blocks.
type Mesh struct {
	cfg     Config
	events  chan Event
	closing chan struct{} // closed by Run: nobody reads events any more
	wg      sync.WaitGroup

	mu    sync.Mutex // guards peers, their fields, and that done is set before the last wg.Go
	peers map[string]*peer
	done  bool
}

// New makes a mesh without links. Call Run, or nothing is ever closed.
func New(cfg Config) *Mesh {
	return &Mesh{cfg: cfg, events: make(chan Event, eventQueue), closing: make(chan struct{}), peers: map[string]*peer{}}
}

// Events are what happens on the links, in order for each. There is one reader.
func (m *Mesh) Events() <-chan Event { return m.events }

// Run keeps the mesh until ctx ends, then closes all links and returns when every
// goroutine of the mesh has ended.
func (m *Mesh) Run(ctx context.Context) {
	<-ctx.Done()
	m.mu.Lock()
	for id, p := range m.peers {
		delete(m.peers, id)
		m.drop(p)
	}
	m.done = true
	m.mu.Unlock()
	close(m.closing)
	m.wg.Wait()
}

// Want asks for a link to a seat, in place of one to another seat of that peer.
func (m *Mesh) Want(seat events.Seat) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.peers[seat.PeerID]
	if m.done || old != nil && old.seat == seat {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &peer{mesh: m, seat: seat, cancel: cancel, unwanted: ctx.Done(), redial: make(chan struct{}, 1), state: StateConnecting}
	if old != nil {
		p.before = old.last
		m.drop(old)
	}
	m.peers[seat.PeerID] = p
	if events.Offerer(m.cfg.Self, seat.PeerID) == m.cfg.Self {
		m.wg.Go(func() { p.keep(ctx) })
	}
}

// Drop ends the link to a peer and wants none.
func (m *Mesh) Drop(peerID string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.peers[peerID]; p != nil {
		delete(m.peers, peerID)
		m.drop(p)
	}
}

// drop ends a peer that was taken out of the map; the mutex is held.
func (m *Mesh) drop(p *peer) {
	p.cancel()
	m.hangUp(p.link)
}

// hangUp closes a link, if there is one, without waiting; the mutex is held.
func (m *Mesh) hangUp(l *link.Link) {
	if l != nil && !m.done {
		m.wg.Go(func() { l.Close() })
	}
}

// Send queues a frame for a peer and never blocks. It fails when there is no open
// link; when the link's queue is full the link is closed, because state must not
// be skipped silently: the peer dials again and pulls.
func (m *Mesh) Send(peerID string, frame []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.peers[peerID]
	if p == nil || p.link == nil {
		return events.Errorf(events.CodeUnreachable, "no link to %s", peerID)
	}
	err := p.link.Control().Send(frame)
	if errors.Is(err, link.ErrFull) {
		m.hangUp(p.link)
	}
	return err
}

// Accept answers an offer for a mesh link from a seat that is wanted, if that
// peer is the one to offer. Any other offer is refused; one from a seat that is
// not known yet may be tried again.
func (m *Mesh) Accept(ctx context.Context, offer events.Signal) (events.Signal, error) {
	p, err := m.expects(offer)
	if err != nil {
		return events.Signal{}, err
	}
	answer, l, err := m.cfg.Endpoint.Accept(ctx, offer, m.cfg.Signaller)
	if err != nil {
		return events.Signal{}, err
	}
	if !m.take(p, l) {
		l.Close()
		return events.Signal{}, events.Errorf(events.CodeUnavailable, "%s no longer wants a link to %s", m.cfg.Self, offer.From)
	}
	return answer, nil
}

// take serves an accepted link once it is open, if its peer is still wanted. The
// one before is closed: a peer that dials anew has lost its end of it.
func (m *Mesh) take(p *peer, l *link.Link) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.done || m.peers[p.seat.PeerID] != p {
		return false
	}
	m.hangUp(p.link)
	t := p.enterLocked()
	m.wg.Go(func() { p.serveWhenOpen(l, t) })
	return true
}

// Redial takes the word of a peer, to which this worker offers, that it has lost the
// link with that nonce. If that is the open one, this end of it is closed, so that
// another is dialled; if none is open the next dial waits no longer. A word about an
// older link than the open one comes late and means nothing.
func (m *Mesh) Redial(lost events.Signal) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.peers[lost.From]
	switch {
	case m.done || p == nil || p.seat.Incarnation != lost.FromIncarnation:
	case p.link == nil:
		p.hurry()
	case p.link.Nonce() == lost.Nonce:
		m.hangUp(p.link)
	}
}

// Back takes the hub's word that a seat is there again: if it is to be dialled, the
// next dial waits no longer.
func (m *Mesh) Back(seat events.Seat) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.peers[seat.PeerID]; p != nil && p.seat == seat && p.link == nil {
		p.hurry()
	}
}

func (m *Mesh) expects(offer events.Signal) (*peer, error) {
	if offer.ToIncarnation != m.cfg.Incarnation() {
		return nil, events.Errorf(events.CodeOldIncarnation, "offer is for incarnation %d of %s, this is %d", offer.ToIncarnation, m.cfg.Self, m.cfg.Incarnation())
	}
	if events.Offerer(m.cfg.Self, offer.From) == m.cfg.Self {
		return nil, events.Errorf(events.CodeForbidden, "%s offers to %s, not the other way round", m.cfg.Self, offer.From)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.peers[offer.From]
	if m.done || p == nil || p.seat.Incarnation != offer.FromIncarnation {
		return nil, events.Errorf(events.CodeUnavailable, "%s#%d is not known here (yet)", offer.From, offer.FromIncarnation)
	}
	return p, nil
}
