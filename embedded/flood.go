package embedded

import (
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// What a peer's connection may send a second on average, and at once beyond that. NATS has
// no limit of a rate, and a peer that sends as fast as it can, 200,000 messages a second and
// more, takes the processors from all others until it is put out: the less it may send at
// once, the sooner that is.
const (
	floodMessages = 4000
	floodBytes    = 16 << 20

	burstMessages = 1000
	burstBytes    = 4 << 20
)

// maxWatched bounds the connections that are looked at.
const maxWatched = 1 << 16

// lookCost is what a look takes of a processor for each connection (BenchmarkWatchdog_Look).
const lookCost = 2 * time.Microsecond

// A Flood is a peer that sends too much.
type Flood struct {
	NKey, Room, Peer string
	Token            string // id of the token that admitted it, "" if none did
	Messages, Bytes  int64
	Seconds          float64 // in which they came
}

// A Watchdog compares what connections have sent from look to look, which may be as close
// to each other as one likes. One goroutine uses it.
type Watchdog struct {
	srv  *Server
	sent map[uint64]sent // by connection
	at   time.Time
}

// sent is what a connection has sent, and what it may send now.
type sent struct {
	messages, bytes         int64
	moreMessages, moreBytes float64
}

// now is this connection's state after what it has sent since, in that many seconds.
func (s sent) now(messages, bytes int64, seconds float64) sent {
	return sent{
		messages: messages, bytes: bytes,
		moreMessages: min(burstMessages, s.moreMessages+floodMessages*seconds-float64(messages-s.messages)),
		moreBytes:    min(burstBytes, s.moreBytes+floodBytes*seconds-float64(bytes-s.bytes)),
	}
}

// NewWatchdog makes a watchdog for a server's peers.
func NewWatchdog(s *Server) *Watchdog { return &Watchdog{srv: s} }

// Look returns who has sent too much since the look before. The first one finds nobody.
func (w *Watchdog) Look(now time.Time) (found []Flood, err error) {
	// Who a connection is takes a hundred times as long to say as what it has sent.
	z, err := w.connections(server.ConnzOptions{Limit: maxWatched})
	if err != nil {
		return nil, err
	}
	seconds, before := now.Sub(w.at).Seconds(), w.sent
	w.at, w.sent = now, make(map[uint64]sent, len(z.Conns))
	for _, c := range z.Conns {
		known, ok := before[c.Cid]
		if !ok {
			known = sent{moreMessages: burstMessages, moreBytes: burstBytes}
		}
		if before == nil {
			known.messages, known.bytes = c.InMsgs, c.InBytes
		}
		s := known.now(c.InMsgs, c.InBytes, seconds)
		w.sent[c.Cid] = s
		if s.moreMessages >= 0 && s.moreBytes >= 0 {
			continue
		}
		f := Flood{Messages: c.InMsgs - known.messages, Bytes: c.InBytes - known.bytes, Seconds: seconds}
		switch is, err := w.identify(c.Cid, &f); {
		case err != nil:
			return found, err
		case is:
			found = append(found, f)
		}
	}
	return found, nil
}

// Cost is about what the last look took of a processor. How long it took says less: in a
// flood it waits for one.
func (w *Watchdog) Cost() time.Duration { return lookCost * time.Duration(len(w.sent)) }

// identify says whose connection floods; false if it is gone, or the hub's own.
func (w *Watchdog) identify(cid uint64, f *Flood) (bool, error) {
	z, err := w.connections(server.ConnzOptions{CID: cid, Username: true})
	if err != nil || len(z.Conns) == 0 || z.Conns[0].IssuerKey == w.srv.keys.AccountPublic(Rooms) {
		return false, err
	}
	c := z.Conns[0]
	f.NKey, f.Room, f.Peer = c.AuthorizedUser, tagged(c.Tags, tagRoom), tagged(c.Tags, tagPeer)
	f.Token = tagged(c.Tags, tagToken)
	return true, nil
}

func (w *Watchdog) connections(o server.ConnzOptions) (*server.Connz, error) {
	o.Account = w.srv.keys.AccountPublic(Rooms)
	z, err := w.srv.ns.Connz(&o)
	if err != nil {
		return nil, fmt.Errorf("look at connections: %w", err)
	}
	return z, nil
}
