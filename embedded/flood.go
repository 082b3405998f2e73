package embedded

import (
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// What a peer's connection may send between two looks on average. NATS has no limit of
// a rate, and a peer that sends as fast as it can takes the processors from all others.
const (
	floodMessages = 4000 // a second
	floodBytes    = 16 << 20
)

// maxWatched bounds the connections that are looked at.
const maxWatched = 1 << 16

// A Flood is a peer that sends too much.
type Flood struct {
	NKey, Room, Peer string
	PerSecond        int64 // messages
	Bytes            int64 // a second
}

// A Watchdog compares what connections have sent from look to look. One goroutine uses
// it.
type Watchdog struct {
	srv  *Server
	sent map[uint64]sent // by connection
	at   time.Time
}

type sent struct{ messages, bytes int64 }

// NewWatchdog makes a watchdog for a server's peers.
func NewWatchdog(s *Server) *Watchdog { return &Watchdog{srv: s} }

// Look returns who has sent too much since the look before. The first one finds nobody.
func (w *Watchdog) Look(now time.Time) (found []Flood, err error) {
	rooms := w.srv.keys.AccountPublic(Rooms)
	z, err := w.srv.ns.Connz(&server.ConnzOptions{Username: true, Limit: maxWatched, Account: rooms})
	if err != nil {
		return nil, fmt.Errorf("look at connections: %w", err)
	}
	seconds, before := now.Sub(w.at).Seconds(), w.sent
	w.at, w.sent = now, make(map[uint64]sent, len(z.Conns))
	for _, c := range z.Conns {
		s := sent{c.InMsgs, c.InBytes}
		w.sent[c.Cid] = s
		if before == nil || c.IssuerKey == rooms { // the hub's own
			continue
		}
		f := Flood{NKey: c.AuthorizedUser, Room: tagged(c.Tags, tagRoom), Peer: tagged(c.Tags, tagPeer)}
		f.PerSecond = int64(float64(s.messages-before[c.Cid].messages) / seconds)
		f.Bytes = int64(float64(s.bytes-before[c.Cid].bytes) / seconds)
		if f.PerSecond > floodMessages || f.Bytes > floodBytes {
			found = append(found, f)
		}
	}
	return found, nil
}
