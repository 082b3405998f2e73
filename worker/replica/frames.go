package replica

import (
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/election"
)

func (in LinkUp) step(r *Replica) {
	p, ok := r.members[in.PeerID]
	if !ok || p.Seat != in.Seat {
		r.refresh()
	}
	r.links[in.PeerID] = &peerLink{seat: in.Seat, path: in.Path}
	r.detector.Watch(in.PeerID, r.now)
	if p.Suspect && p.Seat == in.Seat {
		r.detector.Examine(in.PeerID, r.now)
		r.ask(in.PeerID)
	}
	r.dirty = true
	r.greet(true, in.PeerID)
}

func (in LinkDown) step(r *Replica) {
	if !r.linked(in.Seat) {
		return
	}
	delete(r.links, in.PeerID)
	r.lastHeard[in.Seat], _ = r.detector.LastHeard(in.PeerID)
	r.detector.Forget(in.PeerID)
	r.dirty = true
	if p, ok := r.members[in.PeerID]; ok {
		r.link(p)
	}
}

// A silent link is no way to the admin until it is heard again: by the word of the link,
// or by a frame, which may be 2 s sooner.
func (in LinkSilent) step(r *Replica) {
	if l := r.links[in.PeerID]; l != nil && l.seat == in.Seat && l.silent != in.Silent {
		l.silent, r.dirty = in.Silent, true
		r.note(Debug, "link", "peer_id", in.PeerID, "silent", in.Silent)
	}
}

// A frame of another seat than the link's is from a process that was replaced.
func (in Frame) step(r *Replica) {
	l := r.links[in.From.PeerID]
	if l == nil || l.seat != in.From || !r.seated() {
		return
	}
	t, payload, err := events.ParseFrame(in.Data)
	if err == nil {
		r.detector.Heard(in.From.PeerID, r.now)
		r.dirty = r.dirty || l.silent || !signOfLife(t)
		l.silent, r.stirred = false, true
		if r.shunned(in.From, t) {
			return
		}
		err = r.frame(in.From, t, payload)
	}
	if err != nil {
		r.blame(in.From)
		r.note(Warn, "refused a frame", "peer_id", in.From.PeerID, "type", int(t), "error", err.Error())
	}
}

// signOfLife reports whether a frame changes no more than when its sender was heard.
func signOfLife(t events.FrameType) bool {
	return t == events.FrameHeartbeat || t == events.FramePing || t == events.FramePong
}

// handlers of the frames between workers. The sender is the seat that the channel
// was opened with; what a payload says about it is for people.
var handlers = map[events.FrameType]func(r *Replica, from events.Seat, payload []byte) error{
	events.FrameHeartbeat:      handle((*Replica).onHeartbeat),
	events.FrameStatusUpdate:   handle((*Replica).onState),
	events.FrameStateBroadcast: handle((*Replica).onBroadcast),
	events.FramePull:           handle((*Replica).onPull),
	events.FrameGenesis:        handle((*Replica).onGenesis),
	events.FrameGoodbye:        handle((*Replica).onGoodbye),
	events.FramePing:           handle((*Replica).onPing),
	events.FramePong:           handle((*Replica).onPong),
	events.FrameVouch:          handle((*Replica).onVouch),
	events.FrameFence:          handle((*Replica).onFence),
	events.FrameWant:           handle((*Replica).onWant),
}

func handle[T any](do func(r *Replica, from events.Seat, m T) error) func(*Replica, events.Seat, []byte) error {
	return func(r *Replica, from events.Seat, payload []byte) error {
		var m T
		if err := events.Unpack(payload, &m); err != nil {
			return err
		}
		return do(r, from, m)
	}
}

func (r *Replica) frame(from events.Seat, t events.FrameType, payload []byte) error {
	do, ok := handlers[t]
	if !ok {
		return nil // a newer peer knows more types
	}
	return do(r, from, payload)
}

// heartbeat sends the own position to all that are linked; the second, when the rush
// of joining is over, and each measureEvery-th after it ask for a pong, and all do of
// whom there is none yet.
func (r *Replica) heartbeat() {
	r.beats++
	r.greet(r.beats%measureEvery == 2, sorted(r.links)...)
}

// greet sends the own position to peers. A pong measures the round trip; without
// one the answer to a heartbeat is the next of the peer's own.
func (r *Replica) greet(pong bool, to ...string) {
	if !r.seated() {
		return
	}
	h := events.Heartbeat{
		V: events.ProtocolVersion, Type: events.TypeHeartbeat, FromPeerID: r.seat.PeerID, Incarnation: r.seat.Incarnation,
		Timestamp: events.Unix(r.now), Standing: r.standing(), Position: r.roster.Position(),
	}
	for _, peer := range to {
		if r.links[peer] == nil {
			continue
		}
		if h.Nonce = 0; pong || !r.detector.Tried(peer) {
			h.Nonce = r.expectPong(peer)
		}
		r.emit(Send{peer, events.Pack(events.FrameHeartbeat, h)})
	}
}

// ask pings one peer.
func (r *Replica) ask(peer string) {
	if r.links[peer] != nil {
		r.emit(Send{peer, events.Pack(events.FramePing, events.Ping{Nonce: r.expectPong(peer)})})
	}
}

func (r *Replica) expectPong(peer string) uint64 {
	r.nonce++
	r.pings[r.nonce] = ping{peer, r.now}
	return r.nonce
}

func (r *Replica) onHeartbeat(from events.Seat, h events.Heartbeat) error {
	if h.Nonce != 0 {
		r.emit(Send{from.PeerID, events.Pack(events.FramePong, events.Ping{Nonce: h.Nonce})})
	}
	switch r.fence.Judge(h.Term) {
	case election.Older:
		r.emit(Send{from.PeerID, events.Pack(events.FrameFence, r.fence.Certificate())})
	case election.Newer:
		r.refresh() // a member's word raises no term
	}
	r.compare(from.PeerID, h.Position)
	return nil
}

func (r *Replica) onPing(from events.Seat, p events.Ping) error {
	r.emit(Send{from.PeerID, events.Pack(events.FramePong, p)})
	return nil
}

func (r *Replica) onPong(from events.Seat, p events.Ping) error {
	sent, ok := r.pings[p.Nonce]
	if !ok || sent.peer != from.PeerID {
		return nil
	}
	delete(r.pings, p.Nonce)
	if r.detector.Answered(from.PeerID, sent.sent, r.now) {
		r.sendAll(events.Pack(events.FrameVouch, events.Vouch{V: events.ProtocolVersion, Seat: from}))
	}
	return nil
}

// onVouch takes another member's word that it hears a suspected seat: one vouch
// vetoes a claim by crash.
func (r *Replica) onVouch(_ events.Seat, v events.Vouch) error {
	if p, ok := r.members[v.Seat.PeerID]; ok && p.Seat == v.Seat {
		r.detector.Vouched(v.Seat.PeerID, r.now)
	}
	return nil
}

func (r *Replica) onFence(_ events.Seat, c events.SeatCertificate) error {
	if c.IsZero() {
		return nil
	}
	if err := c.Verify(r.cfg.Room, r.hub.keys); err != nil {
		return err
	}
	r.acceptShown(c)
	return nil
}

// onGoodbye keeps a member's signed goodbye: it frees the admin's seat at once.
func (r *Replica) onGoodbye(from events.Seat, g events.Goodbye) error {
	p, ok := r.members[from.PeerID]
	if !ok || g.Seat != from || g.Room != r.cfg.Room {
		return events.Errorf(events.CodeForbidden, "goodbye of %s from %s", g.Seat, from)
	}
	if err := g.Verify(p.NKey); err != nil {
		return err
	}
	r.farewells[from] = g
	return nil
}

// Depart says goodbye on every link and to the hub.
func (Depart) step(r *Replica) {
	if !r.seated() {
		return
	}
	g, err := events.Goodbye{Room: r.cfg.Room, Seat: r.seat}.Sign(r.cfg.Key)
	if err != nil {
		r.note(Warn, "goodbye not signed", "error", err.Error())
		return
	}
	r.sendAll(events.Pack(events.FrameGoodbye, g))
	l := Leave{Goodbye: g}
	if r.isAdmin() && len(r.links) > 0 {
		l.Term = r.fence.Term()
	}
	r.departing = true
	r.emit(l)
}

func (r *Replica) sendAll(frame []byte) {
	for _, peer := range sorted(r.links) {
		r.emit(Send{peer, frame})
	}
}
