package client

import "github.com/moothall/moothall/events"

// An Event is something that happened in the room: *AdminElected, *PeerJoined,
// *PeerLeft, *WorkerStatus or *JobChanged. As JSON each is one flat object.
type Event interface{ Happened() Head }

// Head is what every event has.
type Head struct {
	Type   string      `json:"type"`
	Time   events.Time `json:"time"`
	RoomID string      `json:"room_id"`
}

// Happened is the head of an event.
func (h Head) Happened() Head { return h }

// Types of events.
const (
	TypeAdminElected = "admin_elected"
	TypePeerJoined   = "peer_joined"
	TypePeerLeft     = "peer_left"
	TypeWorkerStatus = "worker_status"
	TypeJob          = "job"
)

// AdminElected says that the room has another admin.
type AdminElected struct {
	Head
	AdminPeerID         string  `json:"admin_peer_id"`
	PreviousAdminPeerID string  `json:"previous_admin_peer_id"`
	Term                uint64  `json:"term"`
	Reason              string  `json:"reason"`
	ElectionTimeMS      float64 `json:"election_time_ms"`
	NumWorkers          int     `json:"num_workers"`
}

// PeerJoined says that a worker took a seat.
type PeerJoined struct {
	Head
	PeerID      string `json:"peer_id"`
	Incarnation uint64 `json:"incarnation"`
}

// PeerLeft says that a worker's seat is given up or lost. Reason is left, crashed,
// silent, replaced or revoked.
type PeerLeft struct {
	Head
	PeerID string `json:"peer_id"`
	Reason string `json:"reason"`
}

// WorkerStatus says that a worker's status or job is another, by the admin's word.
type WorkerStatus struct {
	Head
	PeerID     string        `json:"peer_id"`
	Status     events.Status `json:"status"`
	CurrentJob string        `json:"current_job"`
}

// JobChanged says that a job's state is another, by its worker's word.
type JobChanged struct {
	Head
	JobID  string          `json:"job_id"`
	Worker string          `json:"worker"`
	State  events.JobState `json:"state"`
}
