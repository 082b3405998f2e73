package embedded

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Tags of a user JWT, which the server repeats in its connection events.
const (
	tagRoom  = "room:"
	tagPeer  = "peer:"
	tagToken = "token:"
)

func tagged(tags jwt.TagList, prefix string) string {
	for _, t := range tags {
		if v, ok := strings.CutPrefix(t, prefix); ok {
			return v
		}
	}
	return ""
}

// How a connection ended.
type Ending int

const (
	// NotEnded: the event tells of a new connection.
	NotEnded Ending = iota
	// EndedByPeer: its end closed the socket, or reading or writing failed. A
	// process that dies ends its connections so within a millisecond.
	EndedByPeer
	// EndedOtherwise says nothing about the peer's life: silence, expiry of its
	// JWT, a kick, a breach of the protocol.
	EndedOtherwise
)

// A ConnectionEvent is what the server saw of a peer's connection.
type ConnectionEvent struct {
	Room, Peer string
	Connection events.Connection
	Ending     Ending
	Reason     string // the server's words, "" for a new connection
}

// WatchConnections calls h for each connection of a peer that begins or ends, on
// any server of the cluster, on one goroutine and in the order in which its
// server saw them. The hub's own connections are left out. nc is of account
// System; the watch ends with it.
func (k *Keys) WatchConnections(nc *nats.Conn, h func(ConnectionEvent)) error {
	rooms := k.AccountPublic(Rooms)
	// One subscription for both kinds keeps their order.
	_, err := nc.Subscribe("$SYS.ACCOUNT."+rooms+".*", func(m *nats.Msg) {
		if e, ok := readConnectionEvent(m.Subject, m.Data); ok {
			h(e)
		}
	})
	if err != nil {
		return fmt.Errorf("watch connections: %w", err)
	}
	return nil
}

func readConnectionEvent(subject string, data []byte) (ConnectionEvent, bool) {
	ending := NotEnded
	switch subject[strings.LastIndexByte(subject, '.')+1:] {
	case "CONNECT":
	case "DISCONNECT":
		ending = EndedOtherwise
	default:
		return ConnectionEvent{}, false
	}
	var m server.DisconnectEventMsg // a superset of ConnectEventMsg
	if json.Unmarshal(data, &m) != nil {
		return ConnectionEvent{}, false
	}
	e := ConnectionEvent{
		Room: tagged(m.Client.Tags, tagRoom), Peer: tagged(m.Client.Tags, tagPeer),
		Connection: events.Connection{ServerID: m.Server.ID, ClientID: m.Client.ID},
		Ending:     ending, Reason: m.Reason,
	}
	if ending != NotEnded && endedByPeer(m.Reason) {
		e.Ending = EndedByPeer
	}
	return e, e.Room != "" && e.Peer != ""
}

func endedByPeer(reason string) bool {
	switch reason {
	case server.ClientClosed.String(), server.ReadError.String(), server.WriteError.String():
		return true
	}
	return false
}
