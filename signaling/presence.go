package signaling

import (
	"slices"
	"sync"
	"time"

	"github.com/moothall/moothall/events"
)

// Presence is what one hub process heard and saw of peers: leases, and connections
// that begin and end. It lives in memory only, on this hub's own clock: were it in
// the store, an outage of the store would lapse everybody. Safe for concurrent use.
type Presence struct {
	ttl time.Duration

	mu     sync.Mutex // guards the rest; nothing is called under it
	since  time.Time  // silence before it counts for nothing: the hub was blind
	leased time.Time  // the last lease of anybody, zero before the first
	rooms  map[string]map[string]*attendance
}

// attendance is one peer's presence in one room.
type attendance struct {
	incarnation uint64    // of the newest process that registered or leased, 0 if unknown
	heard       time.Time // its last lease or registration
	touched     time.Time // the last sign of any kind
	lost        time.Time // see Fact.Lost
	named       events.Connection
	open        []events.Connection
	closed      []events.Connection // the last few, so that a late lease revives none
}

const (
	maxOpen   = 8 // connections of one peer that are told apart
	maxClosed = 8
	// keepIdle is how long a peer without connections and leases is remembered.
	keepIdle = 10 * time.Minute
)

// NewPresence begins at now, blind: no lease counts as lapsed before ttl is over.
func NewPresence(ttl time.Duration, now time.Time) *Presence {
	return &Presence{ttl: ttl, since: now, leased: now, rooms: map[string]map[string]*attendance{}}
}

// WasBlind says that the hub could not hear until now (it lost its connection, or
// its own clock stood still): every lease gets a full ttl again, and its silence
// begins anew.
func (p *Presence) WasBlind(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.since, p.leased = now, now
}

func (p *Presence) at(room, peer string, now time.Time) *attendance {
	peers := p.rooms[room]
	if peers == nil {
		peers = map[string]*attendance{}
		p.rooms[room] = peers
	}
	a := peers[peer]
	if a == nil {
		a = &attendance{}
		peers[peer] = a
	}
	a.touched = now
	return a
}

// Connected notes a new connection. It reports whether the peer was lost and is
// back with it.
func (p *Presence) Connected(room, peer string, c events.Connection, now time.Time) (back bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.at(room, peer, now)
	if slices.Contains(a.closed, c) {
		return false
	}
	a.opened(c)
	return a.found()
}

// Ended notes the end of a connection. byPeer says that its own end closed it. It
// reports whether the peer is lost with it: that was its last connection.
func (p *Presence) Ended(room, peer string, c events.Connection, byPeer bool, now time.Time) (lost bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.at(room, peer, now)
	known := a.named == c || slices.Contains(a.open, c)
	a.open = slices.DeleteFunc(a.open, func(o events.Connection) bool { return o == c })
	a.closed = lastOf(append(a.closed, c), maxClosed)
	if !byPeer || !known || a.connected() || !a.lost.IsZero() {
		return false
	}
	a.lost = now
	return true
}

// Leased notes a lease. It reports whether the peer was lost and is back: the
// lease came over another connection than those that ended.
func (p *Presence) Leased(room string, l events.Lease, now time.Time) (back bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.at(room, l.PeerID, now)
	if l.Incarnation < a.incarnation {
		return false
	}
	a.incarnation, a.heard, p.leased = l.Incarnation, now, now
	if slices.Contains(a.closed, l.Connection) {
		return false // it was sent before that connection ended
	}
	a.named = l.Connection
	return a.found()
}

// Seated notes that a seat was registered, or seen occupied in the record for the
// first time. Only a registration names a connection.
func (p *Presence) Seated(room string, s events.Seat, c events.Connection, now time.Time) (back bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.at(room, s.PeerID, now)
	a.incarnation, a.heard = s.Incarnation, now
	if c == (events.Connection{}) || slices.Contains(a.closed, c) {
		return false
	}
	a.named = c
	return a.found()
}

// Noted starts the clock of a seat that the record shows and this hub never heard.
func (p *Presence) Noted(room string, s events.Seat, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.at(room, s.PeerID, now); a.incarnation < s.Incarnation {
		a.incarnation, a.heard = s.Incarnation, now
	}
}

// Facts is what this hub knows of a room at now.
func (p *Presence) Facts(room string, now time.Time) Facts {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doubt(now)
	f := Facts{}
	for peer, a := range p.rooms[room] {
		f[peer] = Fact{Incarnation: a.incarnation, Heard: a.heard, Lost: a.lost, Lapsed: p.lapsed(a, now)}
	}
	return f
}

// Lapsed lists the rooms with a lease that ran out, sorted, and forgets peers of
// which nothing was seen for long.
func (p *Presence) Lapsed(now time.Time) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doubt(now)
	var rooms []string
	for room, peers := range p.rooms {
		for peer, a := range peers {
			if len(a.open) == 0 && now.Sub(a.touched) > keepIdle {
				delete(peers, peer)
			}
		}
		if len(peers) == 0 {
			delete(p.rooms, room)
			continue
		}
		for _, a := range peers {
			if !p.lapsed(a, now).IsZero() {
				rooms = append(rooms, room)
				break
			}
		}
	}
	slices.Sort(rooms)
	return rooms
}

// Unseated forgets the lease of a seat that is away, or that the record never had.
func (p *Presence) Unseated(room string, s events.Seat) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.rooms[room][s.PeerID]; a != nil && a.incarnation == s.Incarnation {
		a.incarnation, a.heard, a.lost = 0, time.Time{}, time.Time{}
	}
}

// lapsed is when a lease ran out, zero while it has not.
func (p *Presence) lapsed(a *attendance, now time.Time) time.Time {
	if a.heard.IsZero() {
		return time.Time{}
	}
	from := a.heard
	if p.since.After(from) {
		from = p.since
	}
	if end := from.Add(p.ttl); !now.Before(end) {
		return end
	}
	return time.Time{}
}

// Doubt is the silence of everybody from which a hub doubts its own ears: a lease
// interval, which is a third of ttl, and a fifth more.
func Doubt(ttl time.Duration) time.Duration { return ttl * 2 / 5 }

// doubt: a hub that hears none of several peers believes that it is deaf before it
// believes that they are gone: leases get a full ttl again, once for each silence.
func (p *Presence) doubt(now time.Time) {
	if now.Sub(p.leased) < Doubt(p.ttl) || p.since.After(p.leased) {
		return
	}
	held := 0
	for _, peers := range p.rooms {
		for _, a := range peers {
			if !a.heard.IsZero() && a.lost.IsZero() {
				held++
			}
		}
	}
	if held > 1 {
		p.since = now
	}
}

func (a *attendance) opened(c events.Connection) {
	a.open = lastOf(append(a.open, c), maxOpen)
}

// connected reports whether the peer has a connection, as far as this hub knows: one
// that it saw begin, or one that a lease named.
func (a *attendance) connected() bool {
	return len(a.open) > 0 || a.named != (events.Connection{}) && !slices.Contains(a.closed, a.named)
}

// found ends a loss and reports whether there was one.
func (a *attendance) found() bool {
	was := !a.lost.IsZero()
	a.lost = time.Time{}
	return was
}

func lastOf(c []events.Connection, n int) []events.Connection {
	return c[max(0, len(c)-n):]
}
