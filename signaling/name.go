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
			WithTry("another MOOT_PEER_ID, or start it with the state folder that it had before")
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
