package sim

import (
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/replica"
)

// Times of links between workers, as pion shows them.
const (
	dialInterval           = 100 * time.Millisecond
	iceFailed              = 12 * time.Second
	closeNoticed           = time.Millisecond
	retransmit             = 300 * time.Millisecond
	frameLow, frameHigh    = 100 * time.Microsecond, 2 * time.Millisecond
	stallLow, stallHigh    = 20 * time.Millisecond, 200 * time.Millisecond
	stallPercent, lossRate = 1, 2
)

// network is the paths between workers and to the hub, and the links over them.
type network struct {
	world  *world
	wanted map[*peer]map[string]events.Seat // whom each present process wants a link to
	links  map[[2]string]*meshLink          // by the two ids, the lower first
	cut    map[[2]string]time.Time          // from, to: since when nothing passes in that direction
	slow   map[[2]string]time.Time          // by pair: until when a frame was under way for long, or the path was cut
	hubCut map[string]bool                  // peers without a path to the hub
	lossy  bool
	deaf   map[string]bool // peers that miss the next announcement
	// unregistered is who misses the answer to its next registration.
	unregistered string
	// withholds says which frames a sender does not send though it should, if set.
	withholds func(from, to string, t events.FrameType) bool
	// genesis are those that were sent, by hash: a forger needs them.
	genesis map[string]events.Genesis
}

func newNetwork(w *world) *network {
	n := &network{
		world: w, wanted: map[*peer]map[string]events.Seat{}, links: map[[2]string]*meshLink{},
		cut: map[[2]string]time.Time{}, slow: map[[2]string]time.Time{}, hubCut: map[string]bool{}, deaf: map[string]bool{}, genesis: map[string]events.Genesis{},
	}
	w.after(dialInterval, n.dial)
	return n
}

// meshLink is one open link: reliable and in order both ways until it ends.
type meshLink struct {
	ends  [2]*process
	seats [2]events.Seat
	ready [2]time.Time // when the newest frame to each end arrives
	over  bool

	opened time.Time
}

func pair(a, b string) [2]string { return [2]string{min(a, b), max(a, b)} }

func (n *network) peer(id string) *peer {
	for _, p := range n.world.peers {
		if p.id == id {
			return p
		}
	}
	return nil
}

func (n *network) want(p *peer, s events.Seat) {
	if n.wanted[p] == nil {
		n.wanted[p] = map[string]events.Seat{}
	}
	if n.wanted[p][s.PeerID] != s {
		n.end(pair(p.id, s.PeerID), closeNoticed)
	}
	n.wanted[p][s.PeerID] = s
}

func (n *network) hangup(p *peer, other string) {
	delete(n.wanted[p], other)
	n.end(pair(p.id, other), closeNoticed)
}

// dead is the end of a process: it wants nothing any more, and the others notice
// the silence late.
func (n *network) dead(p *peer) {
	delete(n.wanted, p)
	for _, other := range n.world.peers {
		n.end(pair(p.id, other.id), iceFailed)
	}
}

// left is the end of a process that closes its links itself.
func (n *network) left(p *peer) {
	for _, other := range n.world.peers {
		n.end(pair(p.id, other.id), closeNoticed)
	}
}

// dial opens the links that both ends want and whose path and signaling work.
func (n *network) dial() {
	w := n.world
	for i, a := range w.peers {
		for _, b := range w.peers[i+1:] {
			if n.possible(a, b) {
				n.open(a, b)
			}
		}
	}
	w.after(dialInterval, n.dial)
}

func (n *network) possible(a, b *peer) bool {
	return a.proc != nil && b.proc != nil && n.links[pair(a.id, b.id)] == nil &&
		n.wanted[a][b.id] == b.proc.replica.Seat() && n.wanted[b][a.id] == a.proc.replica.Seat() &&
		!n.isCut(a.id, b.id) && n.world.hub(a.proc.conn) != nil && n.world.hub(b.proc.conn) != nil &&
		!n.hubCut[a.id] && !n.hubCut[b.id] && a.proc.frozen.IsZero() && b.proc.frozen.IsZero()
}

func (n *network) isCut(a, b string) bool {
	_, is := n.cutSince(a, b)
	return is
}

// cutSince is since when one of the two directions is cut.
func (n *network) cutSince(a, b string) (since time.Time, is bool) {
	for _, way := range [][2]string{{a, b}, {b, a}} {
		if t, cut := n.cut[way]; cut && (!is || t.Before(since)) {
			since, is = t, true
		}
	}
	return since, is
}

func (n *network) mend(from, to string) {
	delete(n.cut, [2]string{from, to})
	n.slow[pair(from, to)] = n.world.now
}

func (n *network) open(a, b *peer) {
	l := &meshLink{ends: [2]*process{a.proc, b.proc}, seats: [2]events.Seat{a.proc.replica.Seat(), b.proc.replica.Seat()}, opened: n.world.now}
	n.links[pair(a.id, b.id)] = l
	n.world.note("link %s %s", l.seats[0], l.seats[1])
	for i := range l.ends {
		q, other := l.ends[i], l.seats[1-i]
		n.world.after(n.world.between(time.Millisecond, 20*time.Millisecond), func() {
			if !l.over {
				q.give(replica.LinkUp{Seat: other, Path: "direct"})
			}
		})
	}
}

// end closes the link of a pair, if there is one; both ends notice after a while, or
// sooner if one of them begins anew meanwhile.
func (n *network) end(key [2]string, noticed time.Duration) {
	l := n.links[key]
	if l == nil {
		return
	}
	l.over = true
	n.world.after(noticed, func() {
		if n.links[key] != l {
			return
		}
		delete(n.links, key)
		for i, q := range l.ends {
			q.give(replica.LinkDown{Seat: l.seats[1-i]})
		}
	})
}

func (n *network) sendAll(from *peer, frame []byte) {
	for _, other := range n.world.peers {
		n.send(from, other.id, frame)
	}
}

// send carries a frame over the link, in order, after what is under way.
func (n *network) send(from *peer, to string, frame []byte) {
	l := n.links[pair(from.id, to)]
	if l == nil || l.over {
		return
	}
	end := 0
	if l.ends[0] == from.proc {
		end = 1
	} else if l.ends[1] != from.proc {
		return
	}
	t, payload, err := events.ParseFrame(frame)
	if err == nil && n.withholds != nil && n.withholds(from.id, to, t) {
		return
	}
	if err == nil && t == events.FrameGenesis {
		var g events.Genesis
		if events.Unpack(payload, &g) == nil {
			n.genesis[g.Hash] = g
		}
	}
	n.deliver(l, end, [2]string{from.id, to}, frame, n.delay())
}

func (n *network) delay() time.Duration {
	d := n.world.between(frameLow, frameHigh)
	if n.lossy && n.world.chance(lossRate) {
		d += retransmit
	}
	if n.world.chance(stallPercent) {
		d += n.world.between(stallLow, stallHigh)
	}
	return d
}

func (n *network) deliver(l *meshLink, end int, way [2]string, frame []byte, d time.Duration) {
	w := n.world
	at := w.now.Add(d)
	if at.Before(l.ready[end]) {
		at = l.ready[end]
	}
	l.ready[end] = at
	if at.Sub(w.now) > slowFrame {
		n.slow[pair(way[0], way[1])] = at
	}
	w.after(at.Sub(w.now), func() { n.arrive(l, end, way, frame) })
}

// arrive hands a frame over, or tries again while the way is cut.
func (n *network) arrive(l *meshLink, end int, way [2]string, frame []byte) {
	if l.over {
		return
	}
	if n.isCut(way[0], way[1]) { // data or its acknowledgement is lost: SCTP tries again
		n.deliver(l, end, way, frame, retransmit)
		return
	}
	l.ends[end].give(replica.Frame{From: l.seats[1-end], Data: frame})
}

// sever cuts one direction; a link without a working path fails after a while.
func (n *network) sever(from, to string) {
	if _, is := n.cut[[2]string{from, to}]; !is {
		n.cut[[2]string{from, to}] = n.world.now
		n.world.note("sever %s %s", from, to)
	}
	key := pair(from, to)
	l := n.links[key]
	n.world.after(iceFailed, func() {
		if l != nil && n.links[key] == l && n.isCut(from, to) {
			n.end(key, 0)
		}
	})
}

func (n *network) losesAnnouncement(p *peer) bool {
	lost := n.deaf[p.id]
	delete(n.deaf, p.id)
	return lost
}

func (n *network) losesAnswer(p *peer, in replica.Input) bool {
	if _, ok := in.(replica.Registered); ok && p.id == n.unregistered {
		n.unregistered = ""
		return true
	}
	return n.lossy && n.world.chance(answersLost)
}
