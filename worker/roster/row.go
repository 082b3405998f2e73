package roster

import "github.com/moothall/moothall/events"

// Static is the part of a row that rarely changes.
type Static struct {
	Metadata events.Metadata `json:"metadata"`
	Commands []string        `json:"commands"`
	Slots    int             `json:"slots"`
	Joined   events.Time     `json:"joined"`
}

// Dynamic is the part of a row that changes with every job. LastHeartbeat is a
// checkpoint for people; liveness is never judged by it.
type Dynamic struct {
	Status        events.Status `json:"status"`
	Job           string        `json:"job"`
	Free          int           `json:"free"`
	LastHeartbeat events.Time   `json:"last_heartbeat"`
}

// A Row is what one worker says of itself. Key is its public nkey, certified by
// the hub. Seq is the seq of the newest scalar, StaticSeq that of the static one.
type Row struct {
	events.Seat
	Key string
	Static
	Dynamic
	StaticSeq, Seq uint64
	Signed         events.SignedRow
}
