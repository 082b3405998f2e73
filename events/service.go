package events

// Message types, as the work list names them.
const (
	TypeRegister     = "register"
	TypeRegistered   = "registered_auth"
	TypeAnnouncement = "admin_announcement"
	TypePeerJoined   = "peer_joined"
	TypePeerSuspect  = "peer_suspect"
	TypePeerLeft     = "peer_left"
	TypeWorkerStatus = "worker_status"
	TypeJob          = "job"
	TypeQuery        = "query_workers"
	TypeWorkerList   = "worker_list"
)

// JoinRequest is the body of POST /v1/rooms/{room}/join. PeerID is empty for the
// derived id.
type JoinRequest struct {
	Token    string `json:"token"`
	NKey     string `json:"nkey"`
	PeerID   string `json:"peer_id,omitempty"`
	Protocol int    `json:"protocol"`
}

// JoinReply admits a peer to NATS. JWT works with the request's nkey only and
// ends at Expires. SeatKeys are the public keys that sign certificates.
type JoinReply struct {
	RoomID      string      `json:"room_id"`
	PeerID      string      `json:"peer_id"`
	Role        Role        `json:"role"`
	JWT         string      `json:"jwt"`
	NATSURLs    []string    `json:"nats_urls"`
	ICEServers  []ICEServer `json:"ice_servers"`
	InboxPrefix string      `json:"inbox_prefix"`
	Standing
	Limits   Limits   `json:"limits"`
	SeatKeys []string `json:"seat_keys"`
	Expires  Time     `json:"expires"`
	Version  string   `json:"version"`
}

// ICEServer is a STUN or TURN server for WebRTC.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// Register asks for a seat. Instance is random per process: the same instance
// gets the same incarnation again, so a lost reply is safe to retry; another
// instance takes the seat over with a higher one. Certificate is the newest seat
// certificate that the peer holds: a wiped store learns from it that terms above
// its own exist.
type Register struct {
	V               int             `json:"v"`
	Type            string          `json:"type"`
	NKey            string          `json:"nkey"`
	Instance        string          `json:"instance"`
	LastIncarnation uint64          `json:"last_incarnation,omitempty"`
	Registry        bool            `json:"registry"`
	Metadata        Metadata        `json:"metadata"`
	Status          Status          `json:"status,omitempty"` // as in StatusReport
	Slots           Slots           `json:"slots,omitzero"`
	Connection      Connection      `json:"connection"`
	Certificate     SeatCertificate `json:"certificate,omitzero"`
}

// RegisteredAuth is the answer to Register. Peers lists all others that hold a
// seat. Registry is what is in effect: the peer's wish and the room's rollout.
type RegisteredAuth struct {
	V           int        `json:"v"`
	Type        string     `json:"type"`
	PeerID      string     `json:"peer_id"`
	RoomID      string     `json:"room_id"`
	Incarnation uint64     `json:"incarnation"`
	Peers       []PeerInfo `json:"peers"`
	Standing
	Certificate       SeatCertificate   `json:"certificate"`
	MemberCertificate MemberCertificate `json:"member_certificate"`
	Registry          bool              `json:"registry"`
	Limits            Limits            `json:"limits"`
	SeatKeys          []string          `json:"seat_keys"`
}

// Leave gives the seat back.
type Leave struct {
	V       int     `json:"v"`
	Goodbye Goodbye `json:"goodbye"`
}

// Lease renews a seat's lease and names the connection that it holds.
type Lease struct {
	V int `json:"v"`
	Seat
	Instance   string     `json:"instance"`
	Connection Connection `json:"connection"`
}

// Ack is the hub's plain answer: where the room stands now. Certificate lets a
// peer that missed an announcement accept the term.
type Ack struct {
	V int `json:"v"`
	Standing
	Certificate SeatCertificate `json:"certificate,omitzero"`
}

// InfoRequest asks for RoomInfo.
type InfoRequest struct {
	V int `json:"v"`
}

// RoomInfo is the hub's record of a room.
type RoomInfo struct {
	V      int    `json:"v"`
	RoomID string `json:"room_id"`
	Standing
	Certificate SeatCertificate `json:"certificate,omitzero"`
	Since       Time            `json:"since,omitzero"` // of the present tenure
	Reason      string          `json:"reason,omitempty"`
	Previous    string          `json:"previous_admin_peer_id,omitempty"` // of the present tenure, as its announcement has it
	ElectionMS  float64         `json:"election_time_ms,omitempty"`       // likewise
	Peers       []PeerInfo      `json:"peers"`                            // away seats included, marked
	Registry    bool            `json:"registry"`
	Limits      Limits          `json:"limits"`
	SeatKeys    []string        `json:"seat_keys"`
}

// StatusReport is a worker's status for those who ask the hub over HTTP; the hub
// keeps it.
type StatusReport struct {
	V int `json:"v"`
	Seat
	Status     Status `json:"status"`
	CurrentJob string `json:"current_job,omitempty"`
	Slots      Slots  `json:"slots,omitzero"`
}

// Kinds of evidence that the admin's seat is free.
const (
	EvidenceVacant = "vacant" // the record already shows no holder, or an away one
	EvidenceLeave  = "leave"  // the holder's signed goodbye
	EvidenceCrash  = "crash"  // the server saw its connection end, and the claimer's link is silent
	EvidenceLapse  = "lapse"  // no lease for LeaseTTL; the hub knows itself
)

// Testimony is what a member saw of a holder whose connection ended: its link
// answered AnsweredMS before the suspicion began, has a round trip of RTTMS, and
// has been silent for SilentMS since. Milliseconds on the witness' own clock.
type Testimony struct {
	AnsweredMS int64 `json:"answered_ms"`
	RTTMS      int64 `json:"rtt_ms"`
	SilentMS   int64 `json:"silent_ms"`
	Reached    int   `json:"reached"` // members that the witness reaches, itself included
}

// Claim asks for the admin's seat in the term after Term.
type Claim struct {
	V int `json:"v"`
	Seat
	After     Term      `json:"after"`  // the term to follow
	Holder    Seat      `json:"holder"` // who held it, zero if vacant
	Evidence  string    `json:"evidence"`
	Goodbye   Goodbye   `json:"goodbye,omitzero"`
	Testimony Testimony `json:"testimony,omitzero"`
}

// Gone is the admin's testimony that a member crashed.
type Gone struct {
	V int `json:"v"`
	Seat
	Term      Term      `json:"fence"` // the admin's own
	Member    Seat      `json:"member"`
	Testimony Testimony `json:"testimony"`
}

// Announcement says who is admin. It is a function of the room's record;
// receivers deduplicate it by (store, term).
type Announcement struct {
	Type                string `json:"type"`
	V                   int    `json:"v"`
	RoomID              string `json:"room_id"`
	AdminPeerID         string `json:"admin_peer_id"`
	Incarnation         uint64 `json:"incarnation"`
	PreviousAdminPeerID string `json:"previous_admin_peer_id"`
	Term
	Reason         string          `json:"reason"`
	NumWorkers     int             `json:"num_workers"`
	ElectionTimeMS float64         `json:"election_time_ms"`
	Time           Time            `json:"time"`
	MembersVersion uint64          `json:"members_version"`
	Certificate    SeatCertificate `json:"certificate"`
}

// PeerEvent is the body of the three presence events. Type is peer_joined,
// peer_suspect or peer_left.
type PeerEvent struct {
	Type   string `json:"type"`
	V      int    `json:"v"`
	RoomID string `json:"room_id"`
	Time   Time   `json:"time"`
	Seat
	Reason string   `json:"reason,omitempty"` // of peer_left and peer_suspect
	Peer   PeerInfo `json:"peer,omitzero"`    // of peer_joined
	Standing
	Certificate SeatCertificate `json:"certificate,omitzero"`
}
