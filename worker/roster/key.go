package roster

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster/guard"
)

// The two scalars of a row.
const (
	kindStatic  = "s"
	kindDynamic = "d"
)

// rowKey is the root key of a seat's scalar.
func rowKey(s events.Seat, kind string) string {
	return "w/" + s.PeerID + "/" + strconv.FormatUint(s.Incarnation, 10) + "/" + kind
}

// parseRowKey reads what rowKey writes and nothing else; any kind.
func parseRowKey(key string) (s events.Seat, kind string, ok bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 4 {
		return events.Seat{}, "", false
	}
	n, err := strconv.ParseUint(parts[2], 10, 64)
	s, kind = events.Seat{PeerID: parts[1], Incarnation: n}, parts[3]
	return s, kind, err == nil && events.ValidID("peer id", s.PeerID) == nil && rowKey(s, kind) == key
}

// genesisActor writes the first change of every generation.
var genesisActor = guard.Actor([]byte("moothall genesis"))

// actorOf is the automerge actor of a seat in one generation. It names the
// genesis too, so that a change of another generation, or of a losing genesis of
// the same one, is recognised without its past.
func actorOf(room string, s events.Seat, g events.Generation, genesis guard.Hash) guard.Actor {
	text := fmt.Sprintf("moothall actor v1\n%s\n%s\n%d\n%s\n%d\n%d\n%s",
		room, s.PeerID, s.Incarnation, g.Store, g.N, g.Count, genesis)
	sum := sha256.Sum256([]byte(text))
	return guard.Actor(sum[:len(guard.Actor{})])
}

// hashDeps is how a signed text names the dependencies of its change.
func hashDeps(deps []guard.Hash) string {
	h := sha256.New()
	for _, d := range deps {
		h.Write(d[:])
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
