package replica

import (
	"cmp"
	"errors"
	"strings"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster"
)

// chunksPerFrame bounds the raw bytes of change chunks in one frame; in base64
// they stay under MaxMessage with the rest of the message.
const chunksPerFrame = 32 << 10

// assertOwn writes the own row if the document has another, and sends the change to all:
// rows are signed, so they are taken from anyone. An admin broadcasts it with what else
// it has accepted.
func (r *Replica) assertOwn() {
	if !r.seated() {
		return
	}
	chunk, err := r.roster.Write(r.cfg.Static, r.dynamic)
	if err != nil && !errors.Is(err, roster.ErrNoGeneration) {
		r.note(Warn, "own row not written", "error", err.Error())
	}
	if chunk == nil {
		return
	}
	r.checkpoint, r.dirty = r.now, true
	if r.isAdmin() {
		r.pending = append(r.pending, chunk)
		return
	}
	s := r.state(events.FrameStatusUpdate, [][]byte{chunk})
	if r.reachesAll() {
		s.ToldVersion = r.hub.record.MembersVersion
	}
	r.sendAll(events.Pack(events.FrameStatusUpdate, s))
}

// reachesAll reports whether there is a link to every member that should have one.
func (r *Replica) reachesAll() bool {
	for id, p := range r.members {
		if id != r.cfg.PeerID && p.Registry && !p.Away && !r.hasWay(p.Seat) {
			return false
		}
	}
	return !r.hub.refreshing
}

func (in Load) step(r *Replica) {
	if r.dynamic.Status == in.Status && r.dynamic.Job == in.Job && r.dynamic.Free == in.Free {
		return
	}
	r.dynamic = roster.Dynamic{Status: in.Status, Job: in.Job, Free: in.Free, LastHeartbeat: events.At(r.now)}
	r.dirty = true
	if !r.seated() {
		return
	}
	r.assertOwn()
	r.emit(Report{events.StatusReport{
		V: events.ProtocolVersion, Seat: r.seat, Status: in.Status, CurrentJob: in.Job,
		Slots: events.Slots{Total: r.cfg.Static.Slots, Free: in.Free},
	}})
}

// compare pulls from a peer what its position shows that this replica lacks.
func (r *Replica) compare(peer string, p events.Position) {
	switch c := r.order(p); {
	case c > 0, c == 0 && r.roster.Missing(p.Heads):
		r.pull(peer)
	}
}

// order compares a peer's position with the own: positive if the peer's
// generation is the one to have. Of two with the same name the lower hash wins.
func (r *Replica) order(p events.Position) int {
	own := r.roster.Position()
	return cmp.Or(p.Generation.Compare(own.Generation), strings.Compare(own.Genesis, p.Genesis))
}

func (r *Replica) pull(peer string) {
	l := r.links[peer]
	if l == nil || r.now.Before(l.nextPull) {
		return
	}
	l.nextPull = r.now.Add(PullInterval)
	r.emit(Send{peer, events.Pack(events.FramePull, events.Pull{V: events.ProtocolVersion, Position: r.roster.Position()})})
}

func (r *Replica) onPull(from events.Seat, p events.Pull) error {
	if r.roster.Position().Generation.IsZero() {
		return nil
	}
	switch c := r.order(p.Position); {
	case c > 0:
		r.pull(from.PeerID)
	case c < 0:
		r.give(from.PeerID)
	default:
		r.sendState(from.PeerID, events.FrameStateBroadcast, r.roster.Since(p.Heads))
	}
	return nil
}

// give sends a peer the present generation whole: its genesis and all changes.
func (r *Replica) give(peer string) {
	r.emit(Send{peer, events.Pack(events.FrameGenesis, r.roster.Genesis())})
	r.sendState(peer, events.FrameStateBroadcast, r.roster.Since(nil))
}

func (r *Replica) onGenesis(from events.Seat, g events.Genesis) error {
	if g.Generation.Term.Compare(r.fence.Term()) < 0 {
		r.emit(Send{from.PeerID, events.Pack(events.FrameFence, r.fence.Certificate())})
		return nil
	}
	adopted, newer, err := r.roster.Adopt(g)
	if err != nil || !adopted {
		return err
	}
	r.dirty = true
	r.pending = nil
	r.acceptShown(g.Certificate)
	r.note(Debug, "generation adopted", "generation", g.Generation.String(), "from_peer_id", from.PeerID)
	r.assertOwn()
	r.restore(newer)
	return nil
}

// onBroadcast takes chunks that only an admin, or whoever answers a pull, sends.
func (r *Replica) onBroadcast(from events.Seat, s events.State) error {
	if s.Fence.Compare(r.fence.Term()) < 0 {
		r.emit(Send{from.PeerID, events.Pack(events.FrameFence, r.fence.Certificate())})
		return nil
	}
	return r.onState(from, s)
}

// onState takes change chunks of the present generation from any member:
// signatures decide, not the route. The admin passes on what was new to it, unless its
// sender tells the same members itself.
func (r *Replica) onState(from events.Seat, s events.State) error {
	switch c := r.order(s.Position); {
	case c > 0:
		r.pull(from.PeerID)
		return nil
	case c < 0:
		if !r.roster.Position().Generation.IsZero() {
			r.give(from.PeerID)
		}
		return nil
	}
	applied := r.roster.Apply(s.Chunks)
	r.refused(from, applied.Refused)
	if applied.Accepted > 0 {
		r.dirty = true
		told := s.ToldVersion != 0 && s.ToldVersion == r.hub.record.MembersVersion && applied.Accepted == len(s.Chunks)
		if r.isAdmin() && !told {
			r.pending = append(r.pending, applied.Chunks...)
		}
	}
	if applied.Waiting > 0 || r.roster.Missing(s.Heads) {
		r.pull(from.PeerID)
	}
	return nil
}

// sendState sends chunks in as many frames as they need.
func (r *Replica) sendState(peer string, t events.FrameType, chunks [][]byte) {
	for _, part := range split(chunks, chunksPerFrame) {
		r.emit(Send{peer, events.Pack(t, r.state(t, part))})
	}
}

func (r *Replica) state(t events.FrameType, chunks [][]byte) events.State {
	kind := events.TypeStateBroadcast
	if t == events.FrameStatusUpdate {
		kind = events.TypeStatusUpdate
	}
	return events.State{
		V: events.ProtocolVersion, Type: kind, FromPeerID: r.seat.PeerID, Timestamp: events.Unix(r.now),
		Fence: r.fence.Term(), Version: r.roster.Version(), Position: r.roster.Position(), Chunks: chunks,
	}
}

// flush broadcasts what the admin has accepted since the last time.
func (r *Replica) flush() {
	if len(r.pending) == 0 {
		return
	}
	if r.isAdmin() {
		for _, part := range split(r.pending, chunksPerFrame) {
			r.sendAll(events.Pack(events.FrameStateBroadcast, r.state(events.FrameStateBroadcast, part)))
		}
	}
	r.pending = nil
}

// split cuts chunks into runs of at most limit bytes.
func split(chunks [][]byte, limit int) [][][]byte {
	var parts [][][]byte
	size := 0
	for i, start := 0, 0; i < len(chunks); i++ {
		size += len(chunks[i])
		if i+1 == len(chunks) || size+len(chunks[i+1]) > limit {
			parts = append(parts, chunks[start:i+1])
			start, size = i+1, 0
		}
	}
	return parts
}
