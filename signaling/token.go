package signaling

import (
	"time"

	"github.com/moothall/moothall/events"
)

// A TokenRequest asks for a join token.
type TokenRequest struct {
	Room   string
	Role   events.Role
	TTL    time.Duration // default 24 h
	ID     string        // default: random
	PeerID string        // admits this peer id only; default: any
}

// TokenInfo is what the hub keeps of a join token: never the token, only its hash.
type TokenInfo struct {
	ID      string      `json:"id"`
	Room    string      `json:"room_id"`
	Role    events.Role `json:"role"`
	PeerID  string      `json:"peer_id,omitempty"`
	Created events.Time `json:"created"`
	Expires events.Time `json:"expires"`
	SHA256  string      `json:"sha256"`
}
