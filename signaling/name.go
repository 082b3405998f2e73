package signaling

import (
	"cmp"
	"slices"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nkeys"
)

// A Name binds a chosen peer id to the first key that joined with it. Derived ids
// need none: they prove themselves.
type Name struct {
	PeerID string    `json:"peer_id"`
	Key    string    `json:"key"`
	Seen   time.Time `json:"seen"` // the last join or registration, to a day
}

const (
	// maxNames bounds the chosen ids of a room. A further one is refused: to forget
	// an old one would hand it to a stranger.
	maxNames = 64
	// seenEvery is how stale Name.Seen may be, so that not every join is a write.
	seenEvery = 24 * time.Hour
)

// bind gives a peer id to a key, or refuses if it belongs to another. Bounds: ids
// and keys are valid, at most maxNames chosen ids a room.
func (r *Record) bind(peer, nkey string, now time.Time) error {
	if err := events.ValidID("peer id", peer); err != nil {
		return err
	}
	if !nkeys.IsValidPublicUserKey(nkey) {
		return events.Errorf(events.CodeInvalid, "%q is not a public user nkey", nkey)
	}
	if events.IsDerived(peer) {
		return events.CheckDerived(peer, nkey)
	}
	i, known := slices.BinarySearchFunc(r.Names, peer, func(n Name, p string) int { return cmp.Compare(n.PeerID, p) })
	switch {
	case known && r.Names[i].Key != nkey:
		return events.Errorf(events.CodeNameTaken, "peer id %s is already in room %q with another key", peer, r.Room).
			WithTry("another MOOT_PEER_ID, or start it with the state folder that it had before; on the hub: moothall peer release %s", peer)
	case known && now.Sub(r.Names[i].Seen) >= seenEvery:
		r.Names[i].Seen = now
	case !known && len(r.Names) >= maxNames:
		return events.Errorf(events.CodeUnavailable, "room %q has %d chosen peer ids, no more are kept", r.Room, maxNames).
			WithTry("leave MOOT_PEER_ID unset: the id then follows from the key")
	case !known:
		r.Names = slices.Insert(r.Names, i, Name{PeerID: peer, Key: nkey, Seen: now})
	}
	return nil
}

// name is the binding of a chosen peer id.
func (r Record) name(peer string) (Name, error) {
	for _, n := range r.Names {
		if n.PeerID == peer {
			return n, nil
		}
	}
	if events.IsDerived(peer) {
		return Name{}, events.Errorf(events.CodeInvalid, "peer id %s follows from its key and can be nobody else's", peer).
			WithTry("to put it out: moothall token revoke ID, of the token that it joined with")
	}
	return Name{}, events.Errorf(events.CodeInvalid, "nobody has the peer id %s in room %q", peer, r.Room).WithTry("moothall peer ls")
}

// unbind frees a peer id if it is still the key's.
func (r *Record) unbind(n Name) {
	r.Names = slices.DeleteFunc(r.Names, func(o Name) bool { return o.PeerID == n.PeerID && o.Key == n.Key })
}
