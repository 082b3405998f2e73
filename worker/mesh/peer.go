package mesh

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/link"
)

// Waits between two attempts to dial a peer.
const (
	FirstRedial = 50 * time.Millisecond
	LastRedial  = 2 * time.Second
)

// State of the link to a peer.
type State string

const (
	StateOpen       State = "open"
	StateConnecting State = "connecting"
	StateDown       State = "down"
)

// peer is one wanted seat. The fields below unwanted are guarded by the mesh's mutex.
type peer struct {
	mesh     *Mesh
	seat     events.Seat
	cancel   context.CancelFunc
	unwanted <-chan struct{} // closed by cancel
	redial   chan struct{}   // there is word of the peer: the next dial waits no longer

	before <-chan struct{} // closed when the last link of the seat before has had its Down
	last   <-chan struct{} // the same of this seat's newest link
	link   *link.Link      // the open one, nil if none
	state  State
}

// keep dials until the seat is no longer wanted.
func (p *peer) keep(ctx context.Context) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = FirstRedial, LastRedial
	for ctx.Err() == nil {
		l, err := p.mesh.cfg.Endpoint.Dial(ctx, link.Remote{
			PeerID: p.seat.PeerID, Incarnation: p.seat.Incarnation, Purpose: events.PurposeMesh,
		}, p.mesh.cfg.Self, p.mesh.cfg.Signaller)
		if err == nil {
			wait.Reset()
			p.serve(l, p.enter())
			continue
		}
		p.mesh.cfg.Log.Debug("link not made", "peer_id", p.seat.PeerID, "error", err)
		p.setState(StateDown)
		if p.rest(ctx, wait.NextBackOff()) {
			wait.Reset()
		}
		p.setState(StateConnecting)
	}
}

// turn is a link's place in the order of its peer's links.
type turn struct {
	before <-chan struct{}
	done   chan struct{}
}

// enter takes the next turn.
func (p *peer) enter() turn {
	p.mesh.mu.Lock()
	defer p.mesh.mu.Unlock()
	return p.enterLocked()
}

func (p *peer) enterLocked() turn {
	t := turn{before: p.last, done: make(chan struct{})}
	if p.last == nil {
		t.before = p.before
	}
	p.last = t.done
	return t
}

// serveWhenOpen serves an accepted link once it is open.
func (p *peer) serveWhenOpen(l *link.Link, t turn) {
	select {
	case <-l.Opened():
		p.serve(l, t)
		return
	case <-l.Done():
	case <-p.unwanted:
	}
	l.Close()
	t.wait(p.mesh.closing)
	close(t.done)
}

// wait returns when the link before has had its Down, or the mesh is closing.
func (t turn) wait(closing <-chan struct{}) {
	if t.before == nil {
		return
	}
	select {
	case <-t.before:
	case <-closing:
	}
}

// serve reports an open link, its frames and its end.
func (p *peer) serve(l *link.Link, t turn) {
	defer close(t.done)
	t.wait(p.mesh.closing)
	if !p.open(l) {
		l.Close()
		return
	}
	p.tell(Event{Kind: Up, Seat: p.seat, Path: l.Stats().Path})
	p.listen(l)
	l.Close()
	if p.shut(l, t) {
		p.askAgain(l)
	}
	p.tell(Event{Kind: Down, Seat: p.seat, Err: l.Err()})
}

// listen passes on what comes over a link, and that nothing comes, until it ends.
func (p *peer) listen(l *link.Link) {
	for {
		e := Event{Kind: Frame, Seat: p.seat}
		select {
		case frame, ok := <-l.Control().Frames():
			if !ok {
				return
			}
			e.Data = frame
		case silent := <-l.Suspect():
			if e.Kind = Heard; silent {
				e.Kind = Silent
			}
		}
		if !p.tell(e) {
			return
		}
	}
}

// askAgain asks the offerer for another link in place of one that it may not know to
// be lost. One that the offerer itself has ended it dials again by itself.
func (p *peer) askAgain(l *link.Link) {
	if events.Offerer(p.mesh.cfg.Self, p.seat.PeerID) == p.mesh.cfg.Self || errors.Is(l.Err(), link.ErrRemoteClosed) {
		return
	}
	err := p.mesh.cfg.Signaller.Redial(events.Signal{
		Kind: events.SignalRedial, Purpose: events.PurposeMesh, To: p.seat.PeerID, ToIncarnation: p.seat.Incarnation, Nonce: l.Nonce(),
	})
	if err != nil {
		p.mesh.cfg.Log.Debug("could not ask for a link", "peer_id", p.seat.PeerID, "error", err)
	}
}

// open makes l the peer's link; false if the seat is no longer wanted.
func (p *peer) open(l *link.Link) bool {
	p.mesh.mu.Lock()
	defer p.mesh.mu.Unlock()
	select {
	case <-p.unwanted:
		return false
	default:
	}
	p.link, p.state = l, StateOpen
	return true
}

// shut takes the peer's link from it and reports whether that leaves it without one
// although one is wanted.
func (p *peer) shut(l *link.Link, t turn) bool {
	p.mesh.mu.Lock()
	defer p.mesh.mu.Unlock()
	if p.link == l {
		p.link, p.state = nil, StateConnecting
	}
	return !p.mesh.done && p.mesh.peers[p.seat.PeerID] == p && p.last == t.done
}

func (p *peer) setState(s State) {
	p.mesh.mu.Lock()
	defer p.mesh.mu.Unlock()
	p.state = s
}

// tell posts an event; false when the mesh is closing.
func (p *peer) tell(e Event) bool {
	select {
	case p.mesh.events <- e:
		return true
	case <-p.mesh.closing:
		return false
	}
}

// rest waits between two dials and reports whether word of the peer ended that.
func (p *peer) rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p.redial:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}

// hurry ends a rest between two dials.
func (p *peer) hurry() {
	select {
	case p.redial <- struct{}{}:
	default:
	}
}
