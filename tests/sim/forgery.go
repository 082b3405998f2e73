package sim

import (
	"bytes"
	"crypto/sha256"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster"
)

// forgeTerm lets a member claim the next term with a certificate of its own make.
func (w *world) forgeTerm(p *peer) bool {
	if p.proc == nil || p.proc.replica.Seat().IsZero() {
		return false
	}
	term := w.store.record.Tenure.Term
	term.N += 5
	c, err := events.SeatCertificate{Room: room, Term: term, Seat: p.proc.replica.Seat(), Key: p.key.public}.Sign(p.key)
	if err != nil {
		panic(err)
	}
	w.net.sendAll(p, events.Pack(events.FrameFence, c))
	return true
}

// forgeRow lets a member write another's row: everything is right but the
// signature.
func (w *world) forgeRow(p *peer) bool {
	victim := w.peers[w.rng.IntN(len(w.peers))]
	if p.proc == nil || p.proc.view == nil || victim == p || victim.proc == nil || victim.proc.view == nil {
		return false
	}
	genesis, ok := w.net.genesis[p.proc.view.Position.Genesis]
	if !ok {
		return false
	}
	chunk, ok := w.forge(victim, genesis)
	if !ok {
		return false
	}
	w.net.sendAll(p, events.Pack(events.FrameStateBroadcast, events.State{
		V: events.ProtocolVersion, Fence: genesis.Generation.Term, Chunks: [][]byte{chunk},
		Position: events.Position{Generation: genesis.Generation, Genesis: genesis.Hash},
	}))
	return true
}

// forge makes a change of the victim's row and damages its signature.
func (w *world) forge(victim *peer, genesis events.Genesis) (chunk []byte, ok bool) {
	h := w.hubs[0].registry
	seat := victim.proc.replica.Seat()
	cert, err := events.MemberCertificate{Room: room, Seat: seat, Key: victim.key.public}.Sign(h.Hub)
	if err != nil {
		panic(err)
	}
	forger := roster.New(roster.Config{Room: room, Seat: seat, Key: victim.key, Certificate: cert, HubKeys: h.HubKeys})
	if _, _, err := forger.Adopt(genesis); err != nil {
		return nil, false
	}
	chunk, err = forger.Write(roster.Static{Metadata: victim.metadata(), Slots: 9}, roster.Dynamic{Status: events.StatusDraining})
	if err != nil || chunk == nil {
		return nil, false
	}
	mark := []byte(`"sig":"`)
	for at := 0; ; {
		i := bytes.Index(chunk[at:], mark)
		if i < 0 {
			break
		}
		at += i + len(mark)
		chunk[at] ^= 1 // another letter of base64
	}
	sum := sha256.Sum256(chunk[changeHeader:])
	copy(chunk[changeMagic:changeHeader], sum[:])
	return chunk, true
}

// An automerge chunk begins with a magic number and the beginning of the SHA-256 of
// all that follows.
const changeMagic, changeHeader = 4, 8
