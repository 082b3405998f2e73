package events

import "encoding/json"

// Payloads of the frames between workers: JSON behind the frame's header.

// Message types of the mesh, as the work list names them.
const (
	TypeHeartbeat      = "heartbeat"
	TypeStatusUpdate   = "status_update"
	TypeStateBroadcast = "state_broadcast"
)

// MeshLabel is the label of the control channel between two workers, of which
// offerer dialled.
func MeshLabel(offerer string) string { return "worker-mesh-" + offerer }

// Offerer says which of two workers dials the other: the lower id.
func Offerer(a, b string) string { return min(a, b) }

// Position is what a replica holds: its generation and genesis, and the heads of
// its document (hexadecimal change hashes, sorted). It travels with every
// heartbeat, so that whoever lacks something notices.
type Position struct {
	Generation Generation `json:"generation"`
	Genesis    string     `json:"genesis"`
	Heads      []string   `json:"heads"`
}

// Heartbeat is sent to every peer each HeartbeatInterval and when a link opens.
// Timestamp is for people; receivers use their own clock. Unless it is 0, Nonce
// is echoed in a pong, which measures the round trip.
type Heartbeat struct {
	V           int     `json:"v"`
	Type        string  `json:"type"` // "heartbeat"
	FromPeerID  string  `json:"from_peer_id"`
	Timestamp   float64 `json:"timestamp"`
	Incarnation uint64  `json:"incarnation"`
	Nonce       uint64  `json:"nonce"`
	Standing
	Position Position `json:"position"`
}

// State carries raw change chunks of one generation. Sent by their owner it is the
// work list's status_update; sent by the admin to all, its state_broadcast; sent by
// any member, the answer to a Pull. Fence is the sender's accepted term; a broadcast
// of a lower term than the receiver's is refused. An owner that sends its change to
// every member of a list of members names the list's version; an admin with the same
// list need not pass it on.
type State struct {
	V          int     `json:"v"`
	Type       string  `json:"type"` // "status_update" or "state_broadcast"
	FromPeerID string  `json:"from_peer_id"`
	Timestamp  float64 `json:"timestamp"`
	Fence      Term    `json:"fence"`
	Version    uint64  `json:"version"`
	Position
	ToldVersion uint64   `json:"told_version,omitempty"`
	Chunks      [][]byte `json:"chunks"`
}

// Pull asks for what the sender lacks.
type Pull struct {
	V int `json:"v"`
	Position
}

// Genesis founds a generation. It is the seat certificate and the signed rows of
// each peer's highest seat; every replica verifies them, builds the document's
// first change itself (identical bytes from any builder) and compares its hash.
// Signature is the founding admin's, over room, generation and hash. Banned seats,
// sorted, contradicted themselves in an earlier generation: their changes
// are refused.
type Genesis struct {
	V           int             `json:"v"`
	Generation  Generation      `json:"generation"`
	Hash        string          `json:"hash"`
	Certificate SeatCertificate `json:"certificate"`
	Rows        []SignedRow     `json:"rows"`
	Banned      []Seat          `json:"banned,omitempty"`
	Signature   string          `json:"sig"`
}

// Want tells the admin why the next generation should begin: rows that are newer than
// those of the present genesis, or a document that no longer loads what it saved.
type Want struct {
	V          int         `json:"v"`
	Generation Generation  `json:"generation"`
	Rows       []SignedRow `json:"rows,omitempty"`
	Damaged    bool        `json:"damaged,omitempty"`
}

// SignedRow is a peer's row as its owner signed it: the texts of the two scalars
// w/<peer>/<inc>/s and w/<peer>/<inc>/d. A row always has both.
type SignedRow struct {
	Seat
	Static  string `json:"s"`
	Dynamic string `json:"d,omitempty"`
}

// Ping and pong carry a nonce and nothing else.
type Ping struct {
	Nonce uint64 `json:"nonce"`
}

// Vouch says that the sender has heard the seat since the hub suspected it. One
// vouch vetoes a claim by crash.
type Vouch struct {
	V    int  `json:"v"`
	Seat Seat `json:"seat"`
}

// Pack encodes a payload as JSON and frames it. It panics if v cannot be encoded
// or is too large: both are errors of the caller.
func Pack(t FrameType, v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("events: pack: " + err.Error())
	}
	return Frame(t, data)
}

// Unpack decodes the payload of a frame.
func Unpack(payload []byte, v any) error {
	if err := json.Unmarshal(payload, v); err != nil {
		return Errorf(CodeInvalid, "decode %T: %v", v, err)
	}
	return nil
}
