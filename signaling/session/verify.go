package session

import (
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/moothall/moothall/events"
)

// check decodes a signal that the server says came from a peer and verifies that
// the peer meant it: for this room, this process, and signed with its key.
func (g *Signaller) check(from string, data []byte, kinds ...string) (events.Signal, error) {
	var s events.Signal
	if err := events.Decode(data, &s); err != nil {
		return s, err
	}
	if !slices.Contains(kinds, s.Kind) {
		return s, events.Errorf(events.CodeInvalid, "signal of %s is of kind %q, not %s", from, s.Kind, strings.Join(kinds, " or "))
	}
	return s, g.verify(from, g.incarnation(), s)
}

// checkAnswer verifies that an answer is the answer to this offer.
func (g *Signaller) checkAnswer(offer, answer events.Signal) error {
	switch {
	case answer.Kind != events.SignalAnswer:
		return events.Errorf(events.CodeInvalid, "answer of %s is of kind %q", offer.To, answer.Kind)
	case answer.Nonce != offer.Nonce || answer.Purpose != offer.Purpose:
		return events.Errorf(events.CodeForbidden, "answer of %s is to another offer", offer.To)
	case answer.FromIncarnation != offer.ToIncarnation:
		return events.Errorf(events.CodeOldIncarnation, "answer of %s is of process %d, the offer was to %d", offer.To, answer.FromIncarnation, offer.ToIncarnation)
	}
	return g.verify(offer.To, offer.FromIncarnation, answer)
}

func (g *Signaller) verify(from string, incarnation uint64, s events.Signal) error {
	switch {
	case s.V != events.ProtocolVersion:
		return events.Errorf(events.CodeVersion, "%s speaks protocol %d, this peer speaks %d", from, s.V, events.ProtocolVersion)
	case s.From != from:
		return events.Errorf(events.CodeForbidden, "%s sent a signal that says it is from %q", from, s.From)
	case s.Room != g.s.Room() || s.To != g.s.Peer():
		return events.Errorf(events.CodeForbidden, "signal of %s is for %q in room %q", from, s.To, s.Room)
	case s.ToIncarnation != incarnation:
		return events.Errorf(events.CodeOldIncarnation, "signal of %s is for process %d of %s, this is %d", from, s.ToIncarnation, s.To, incarnation)
	}
	nkey, err := g.keyFor(from, s.NKey)
	if err != nil {
		return err
	}
	if err := s.Verify(nkey, g.s.bound.Reveal()); err != nil {
		return events.Errorf(events.CodeForbidden, "signal of %s is refused: %s", from, err).
			WithFact("both sides must have the same room secret, or none; if they have, the hub or somebody before it has altered the signal")
	}
	return nil
}

// keyFor is the key that a peer must have signed with: the one of the room's record,
// or the one that its id proves.
func (g *Signaller) keyFor(peer, shown string) (string, error) {
	if nkey, ok := g.keyOf(peer); ok {
		return nkey, nil
	}
	if !events.IsDerived(peer) {
		return "", events.Errorf(events.CodeForbidden, "%s is not a member of room %q", peer, g.s.Room())
	}
	return shown, events.CheckDerived(peer, shown)
}

// refusalLevel is how loud a refused offer is: a new member's may be here before the
// word that it joined, and it offers again.
func (g *Signaller) refusalLevel(from string) slog.Level {
	if _, known := g.keyOf(from); !known && !events.IsDerived(from) {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// nonceMemory is how many offers are remembered. An older one that is replayed only
// costs an answer: without the offerer's DTLS key no channel comes of it.
const nonceMemory = 4096

// nonces remembers the newest nonces, so that no offer is answered twice.
type nonces struct {
	mu   sync.Mutex // guards all; Serve may be called more than once
	set  map[string]struct{}
	ring []string
	next int
}

func newNonces(n int) *nonces {
	return &nonces{set: make(map[string]struct{}), ring: make([]string, n)}
}

// add refuses a nonce that is remembered.
func (n *nonces) add(nonce string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.set[nonce]; ok {
		return events.Errorf(events.CodeForbidden, "offer was made before")
	}
	delete(n.set, n.ring[n.next])
	n.set[nonce], n.ring[n.next] = struct{}{}, nonce
	n.next = (n.next + 1) % len(n.ring)
	return nil
}
