package sim

import (
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/replica"
)

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
	lastHub  time.Time                 // events arrive in order
	suspects map[events.Seat]time.Time // when it was last told that a seat may be gone
}

// connect dials a hub until one answers.
func (q *process) connect() {
	w := q.peer.world
	if q.peer.proc != q {
		return
	}
	h := w.hubs[w.rng.IntN(len(w.hubs))]
	if !h.up || w.net.hubCut[q.peer.id] || !q.frozen.IsZero() {
		w.after(w.reconnectDelay(), q.connect)
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

// redial is the time from a lost connection to the first dial: nothing if another
// hub is next on the list.
func (q *process) redial() time.Duration {
	w := q.peer.world
	if len(w.hubs) > 1 && w.chance(50) {
		return 0
	}
	return w.reconnectDelay()
}

func (w *world) reconnectDelay() time.Duration { return reconnectWait + w.between(0, reconnectWait) }

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
		if e.Type == events.TypePeerSuspect && q.frozen.IsZero() {
			q.suspects[e.Seat] = q.peer.world.now
		}
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
			q.give(replica.Tick{})
		}
	})
}

// freeze stops the process until it is thawed; its sockets stay open.
func (q *process) freeze(d time.Duration) {
	w := q.peer.world
	w.note("freeze %s for %s", q.instance, d)
	q.frozen = w.now.Add(d)
	until := q.frozen
	w.after(d, func() {
		if q.peer.proc == q && q.frozen.Equal(until) {
			q.thaw()
		}
	})
}

// thaw runs the process again: all that waited comes, and its tick, which is late and
// comes first or, once a step has asked for another, not at all.
func (q *process) thaw() {
	waiting := q.waiting
	q.frozen, q.waiting, q.thawed = time.Time{}, nil, q.peer.world.now
	q.due = time.Time{}
	if len(waiting) == 0 || q.peer.world.chance(50) {
		q.give(replica.Tick{})
	}
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
	w.watch(q)
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
	case replica.Claim:
		w.note("%s claims: %s %s %+v", q.instance, o.Evidence, o.Holder, o.Testimony)
		q.request(out)
	case replica.Testify:
		w.note("%s testifies: %s %+v", q.instance, o.Member, o.Testimony)
		q.request(out)
	default:
		q.request(out)
	}
}

// request carries a request to the hub and its answer back; either may be lost, and
// a lost answer is not known from a lost request.
func (q *process) request(out replica.Output) {
	w := q.peer.world
	answered, doubts := false, q.replica.Doubts()
	give := func(in replica.Input) {
		if !answered {
			answered = true
			q.give(replica.Answer{Input: in, Doubts: doubts})
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
			if w.net.losesAnswer(q.peer, in) {
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
