package sim

import (
	"fmt"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/replica"
	"github.com/moothall/moothall/worker/roster"
)

// Times of the hub's and the processes' connections.
const (
	pathDelayLow, pathDelayHigh = 200 * time.Microsecond, 5 * time.Millisecond
	requestTimeout              = 5 * time.Second
	reconnectWait               = 250 * time.Millisecond
	staleLow, staleHigh         = 4 * time.Second, 6 * time.Second
)

// Percents of what a lossy network does to events and answers of the hub.
const eventsLost, eventsDoubled, answersLost = 2, 2, 2

// peer is one machine: its key outlives its processes.
type peer struct {
	world  *world
	id     string
	key    *key
	memory int64
	skew   time.Duration // of its wall clock
	proc   *process      // nil while none runs
	starts int
	last   uint64 // the highest incarnation it had, as its disk would know
}

// addPeer adds a machine; nothing runs on it yet.
func (w *world) addPeer(memory int64) *peer {
	p := &peer{world: w, id: fmt.Sprintf("worker-%d", w.made), key: w.newKey(), memory: memory}
	p.skew = w.between(-72*time.Hour, 72*time.Hour)
	w.made++
	w.peers = append(w.peers, p)
	return p
}

func (p *peer) metadata() events.Metadata {
	return events.Metadata{Name: p.id, Properties: events.Properties{GPUMemoryMB: p.memory}}
}

// start begins a process: it connects and registers.
func (p *peer) start() {
	if p.proc != nil {
		return
	}
	p.starts++
	p.proc = &process{peer: p, instance: fmt.Sprintf("%s-%d", p.id, p.starts), suspects: map[events.Seat]time.Time{}, replica: replica.New(replica.Config{
		Room: room, PeerID: p.id, Key: p.key,
		Static:  roster.Static{Metadata: p.metadata(), Slots: 1, Joined: events.At(p.world.now)},
		HubKeys: p.world.hubs[0].registry.HubKeys, LastIncarnation: p.last,
	})}
	p.world.note("start %s", p.proc.instance)
	p.proc.connect()
	p.proc.plan()
}

// stop ends the process as kill -9 does: its sockets close, nothing is said.
func (p *peer) stop() {
	old := p.proc
	p.proc = nil
	p.world.net.dead(p)
	p.world.ended(p.id, old.conn, true, p.world.between(time.Millisecond, 3*time.Millisecond))
}

// ended lets the hubs that see notice the end of a connection.
func (w *world) ended(peer string, c events.Connection, byPeer bool, delay time.Duration) {
	if c == (events.Connection{}) {
		return
	}
	for _, h := range w.hubs {
		h.later(delay, func() {
			if !h.blind && h.presence.Ended(room, peer, c, byPeer, w.now) {
				h.presenceChanged(peer)
			}
		})
	}
}

// admin is the machine of the record's admin, nil without one.
func (w *world) admin() *peer { return w.net.peer(w.store.record.Admin().PeerID) }

// processOf is the living process with a seat, nil if there is none.
func (w *world) processOf(s events.Seat) *process {
	for _, p := range w.peers {
		if p.id == s.PeerID && p.proc != nil && p.proc.replica.Seat() == s {
			return p.proc
		}
	}
	return nil
}

// hub is the one that a connection leads to, nil if it is gone.
func (w *world) hub(c events.Connection) *hub {
	for _, h := range w.hubs {
		if h.up && h.serverID == c.ServerID {
			return h
		}
	}
	return nil
}

// hubLost is the end of the connection to the hub, noticed after a while.
func (p *peer) hubLost(after time.Duration) {
	q := p.proc
	if q == nil || q.conn == (events.Connection{}) {
		return
	}
	lost := q.conn
	p.world.after(after, func() {
		if p.proc == q && q.conn == lost {
			q.conn = events.Connection{}
			q.give(replica.HubDown{})
			p.world.after(q.redial(), q.connect)
		}
	})
}

// hear gets an event of the hubs: in order, unless the network is lossy.
func (p *peer) hear(subject string, body any) {
	q, w := p.proc, p.world
	if q == nil || w.hub(q.conn) == nil || w.net.hubCut[p.id] {
		return
	}
	if subject == events.EventSubject(room, events.EventAdmin) && w.net.losesAnnouncement(p) {
		return
	}
	copies := 1
	if w.net.lossy {
		switch roll := w.rng.IntN(100); {
		case roll < eventsLost:
			copies = 0
		case roll < eventsLost+eventsDoubled:
			copies = 2
		}
	}
	for range copies {
		w.after(q.eventDelay(), func() { q.event(body) })
	}
}
