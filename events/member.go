package events

import "encoding/json"

// Metadata is what a worker says about itself when it registers and in its row.
// Field names are the work list's.
type Metadata struct {
	Name       string            `json:"name,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	Properties Properties        `json:"properties"`
}

// Properties of the machine. GPUMemoryMB is in MiB, as nvidia-smi reports it.
type Properties struct {
	GPUMemoryMB int64  `json:"gpu_memory_mb"`
	GPUModel    string `json:"gpu_model,omitempty"`
	Hostname    string `json:"hostname,omitempty"`
}

// Validate checks the bounds of metadata (at most MaxMetadata bytes as JSON).
func (m Metadata) Validate() error {
	if m.Properties.GPUMemoryMB < 0 {
		return Errorf(CodeInvalid, "gpu_memory_mb %d is negative", m.Properties.GPUMemoryMB)
	}
	text, err := json.Marshal(m) // escapes can make it six times the plain text
	if err != nil {
		return Errorf(CodeInvalid, "encode metadata: %v", err)
	}
	if len(text) > MaxMetadata {
		return Errorf(CodeTooLarge, "metadata of %d bytes, at most %d allowed", len(text), MaxMetadata)
	}
	return nil
}

// PeerInfo is one seat of a room as the hub's record has it.
type PeerInfo struct {
	Seat
	NKey        string            `json:"nkey"`
	Metadata    Metadata          `json:"metadata"`
	IsAdmin     bool              `json:"is_admin"`
	Registry    bool              `json:"registry"`
	Certificate MemberCertificate `json:"certificate"`
	// Away seats have left, crashed, lapsed or were put out; AwayReason says which
	// (left, crashed, silent, replaced).
	Away       bool   `json:"away,omitempty"`
	AwayReason string `json:"away_reason,omitempty"`
	AwaySince  Time   `json:"away_since,omitzero"`
	// Suspect seats lost their connection and are not yet established as gone.
	Suspect bool `json:"suspect,omitempty"`
	// Status, CurrentJob and Slots are what the peer last reported to the hub, empty
	// if nothing; LastHeartbeat is when the hub last heard a lease.
	Status        Status `json:"status,omitempty"`
	CurrentJob    string `json:"current_job,omitempty"`
	Slots         Slots  `json:"slots,omitzero"`
	LastHeartbeat Time   `json:"last_heartbeat,omitzero"`
}

// Standing is who is admin in which term and how new the member list is. Every
// reply of the hub and every worker_list carries it.
type Standing struct {
	Term
	AdminPeerID      string `json:"admin_peer_id"` // empty while vacant
	AdminIncarnation uint64 `json:"admin_incarnation,omitempty"`
	MembersVersion   uint64 `json:"members_version"`
}

// Admin is the admin's seat, zero while vacant.
func (s Standing) Admin() Seat {
	return Seat{PeerID: s.AdminPeerID, Incarnation: s.AdminIncarnation}
}

// A Connection names one connection to a NATS server.
type Connection struct {
	ServerID string `json:"server_id"`
	ClientID uint64 `json:"client_id"`
}

// Status of a worker. Departed is derived from the hub's record, never written.
type Status string

const (
	StatusAvailable Status = "available"
	StatusReserved  Status = "reserved"
	StatusBusy      Status = "busy"
	StatusDraining  Status = "draining"
	StatusSuspect   Status = "suspect"
	StatusDeparted  Status = "departed"
)

// Valid reports whether a worker may write the status into its row.
func (s Status) Valid() bool {
	return s == StatusAvailable || s == StatusReserved || s == StatusBusy || s == StatusDraining
}

// Reasons why a seat is away and why an admin was elected.
const (
	ReasonFirst    = "first"
	ReasonLeft     = "left"
	ReasonCrashed  = "crashed"
	ReasonSilent   = "silent"
	ReasonReplaced = "replaced"
	ReasonRevoked  = "revoked" // the operator took its token or its id away
)
