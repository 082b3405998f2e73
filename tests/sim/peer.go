package sim

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/replica"
	"github.com/moothall/moothall/worker/roster"
	"github.com/nats-io/nkeys"
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
	key    nkeys.KeyPair
	public string
	memory int64
	skew   time.Duration // of its wall clock
	proc   *process      // nil while none runs
	starts int
	last   uint64 // the highest incarnation it had, as its disk would know
}

func (w *world) newKey() nkeys.KeyPair {
	var seed [32]byte
	for i := 0; i < len(seed); i += 8 {
		binary.LittleEndian.PutUint64(seed[i:], w.rng.Uint64())
	}
	k, err := nkeys.FromRawSeed(nkeys.PrefixByteUser, seed[:])
	if err != nil {
		panic(err)
	}
	return k
}

// addPeer adds a machine; nothing runs on it yet.
func (w *world) addPeer(memory int64) *peer {
	p := &peer{world: w, id: fmt.Sprintf("worker-%d", len(w.peers)), key: w.newKey(), memory: memory}
	p.skew = w.between(-72*time.Hour, 72*time.Hour)
	p.public, _ = p.key.PublicKey()
	w.peers = append(w.peers, p)
	return p
}

func (p *peer) metadata() events.Metadata {
	return events.Metadata{Name: p.id, Properties: events.Properties{GPUMemoryMB: p.memory}}
}

// process is one run of a worker: a replica and what it waits for.
type process struct {
	peer     *peer
	replica  *replica.Replica
	instance string
	conn     events.Connection // zero while not connected to the hub
	frozen   time.Time         // until when, zero while it runs
	thawed   time.Time
	waiting  []replica.Input // arrived while frozen
	due      time.Time       // when the next tick is wanted
	view     *replica.View
	lastHub  time.Time // events arrive in order
}

// start begins a process: it connects and registers.
func (p *peer) start() {
	if p.proc != nil {
		return
	}
	p.starts++
	p.proc = &process{peer: p, instance: fmt.Sprintf("%s-%d", p.id, p.starts), replica: replica.New(replica.Config{
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

// connect dials a hub until one answers.
func (q *process) connect() {
	w := q.peer.world
	if q.peer.proc != q {
		return
	}
	h := w.hubs[w.rng.IntN(len(w.hubs))]
	if !h.up || w.net.hubCut[q.peer.id] || !q.frozen.IsZero() {
		w.after(reconnectWait+w.between(0, reconnectWait), q.connect)
		return
	}
	w.queue.seq++
	conn := events.Connection{ServerID: h.serverID, ClientID: w.queue.seq}
	q.conn = conn
	for _, h := range w.hubs {
		h.later(time.Millisecond, func() {
			if !h.blind && h.presence.Connected(room, q.peer.id, conn, w.now) {
				h.presenceChanged(q.peer.id)
			}
		})
	}
	q.give(replica.HubUp{})
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
			q.connect()
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

// eventDelay draws how long an event takes. An orderly network delivers none
// before an earlier one.
func (q *process) eventDelay() time.Duration {
	w := q.peer.world
	at := w.now.Add(w.between(pathDelayLow, pathDelayHigh))
	if at.Before(q.lastHub) && !w.net.lossy {
		at = q.lastHub
	}
	q.lastHub = at
	return at.Sub(w.now)
}

func (q *process) event(body any) {
	switch e := body.(type) {
	case events.Announcement:
		q.give(replica.Announced{Announcement: e})
	case events.PeerEvent:
		q.give(replica.Presence{PeerEvent: e})
	}
}

// give steps the replica, or keeps the input while the process is frozen.
func (q *process) give(in replica.Input) {
	if q.peer.proc != q {
		return
	}
	if !q.frozen.IsZero() {
		q.waiting = append(q.waiting, in)
		return
	}
	q.step(in)
	if q.peer.proc == q {
		q.step(replica.Quiet{})
	}
	if q.peer.proc == q {
		q.plan()
	}
}

// clock is the process' own.
func (q *process) clock() time.Time { return q.peer.world.now.Add(q.peer.skew) }

// plan schedules the next tick for when the replica wants it.
func (q *process) plan() {
	w := q.peer.world
	next := q.replica.Next()
	if next.Before(q.clock()) { // it has not stepped yet
		next = q.clock().Add(replica.TickInterval)
	}
	if q.due.After(q.clock()) && !next.Before(q.due) {
		return
	}
	q.due = next
	w.after(next.Sub(q.clock()), func() {
		if q.peer.proc == q && q.due == next && q.frozen.IsZero() {
			q.due = time.Time{}
			q.give(replica.Tick{Due: next})
		}
	})
}

// freeze stops the process until it is thawed; its sockets stay open.
func (q *process) freeze(d time.Duration) {
	w := q.peer.world
	q.frozen = w.now.Add(d)
	until := q.frozen
	w.after(d, func() {
		if q.peer.proc == q && q.frozen.Equal(until) {
			q.thaw()
		}
	})
}

// thaw runs the process again: its tick comes late, and then all that waited.
func (q *process) thaw() {
	waiting := q.waiting
	q.frozen, q.waiting, q.thawed = time.Time{}, nil, q.peer.world.now
	due := q.due
	q.due = time.Time{}
	q.give(replica.Tick{Due: due})
	for _, in := range waiting {
		q.give(in)
	}
}

// step runs one input through the replica and carries out what comes of it.
func (q *process) step(in replica.Input) {
	w := q.peer.world
	w.result.Steps++
	for _, out := range q.replica.Step(q.clock(), in) {
		q.do(out)
		if q.peer.proc != q {
			return
		}
	}
	q.peer.last = max(q.peer.last, q.replica.Seat().Incarnation)
	w.checks.step(q)
}

func (q *process) do(out replica.Output) {
	w := q.peer.world
	switch o := out.(type) {
	case replica.Send:
		w.net.send(q.peer, o.To, o.Frame)
	case replica.Dial:
		w.net.want(q.peer, o.Seat)
	case replica.Hangup:
		w.net.hangup(q.peer, o.PeerID)
	case replica.Show:
		q.view = o.View
	case replica.Exit:
		w.note("exit %s: %s", q.instance, o.Err.Message)
		q.peer.stop()
	case replica.Note:
		w.note("%s: %s %v", q.instance, o.Text, o.Fields)
	case replica.Publish:
	default:
		q.request(out)
	}
}

// request carries a request to the hub and its answer back; either may be lost, and
// a lost answer is not known from a lost request.
func (q *process) request(out replica.Output) {
	w := q.peer.world
	answered := false
	give := func(in replica.Input) {
		if !answered {
			answered = true
			q.give(in)
		}
	}
	if in := unanswered(out); in != nil {
		w.after(requestTimeout, func() { give(in) })
	}
	conn := q.conn
	w.after(w.between(pathDelayLow, pathDelayHigh), func() {
		h := w.hub(conn)
		if h == nil || w.net.hubCut[q.peer.id] {
			return
		}
		h.answer(q, out, func(in replica.Input) {
			if w.net.lossy && w.chance(answersLost) {
				return
			}
			w.after(w.between(pathDelayLow, pathDelayHigh), func() { give(in) })
		})
	})
}

func unanswered(out replica.Output) replica.Input {
	err := events.Errorf(events.CodeUnreachable, "no answer from the hub")
	switch out.(type) {
	case replica.Register:
		return replica.NotRegistered{Err: err}
	case replica.Renew:
		return replica.Renewed{Err: err}
	case replica.Refresh:
		return replica.Refreshed{Err: err}
	case replica.Claim:
		return replica.Claimed{Err: err}
	}
	return nil
}
