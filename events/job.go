package events

// Reserve asks a worker to keep a slot for the client for ReserveTTL. The same
// request id gets the same lease again, so a lost reply is safe to retry.
type Reserve struct {
	V         int    `json:"v"`
	Type      string `json:"type"` // "reserve"
	RequestID string `json:"request_id"`
	Command   string `json:"command"` // refused with not_allowed if the owner does not allow it
}

// Release gives a reservation back that was not started.
type Release struct {
	V     int      `json:"v"`
	Type  string   `json:"type"` // "release"
	Lease JobLease `json:"lease"`
}

// Types of messages on the work subject.
const (
	TypeReserve  = "reserve"
	TypeRelease  = "release"
	TypeListJobs = "list_jobs"
)

// ListJobs asks a worker for its jobs, newest first: those created before (Before,
// BeforeID), all if that is zero; or the one of JobID. Everybody in the room may ask.
type ListJobs struct {
	V        int    `json:"v"`
	Type     string `json:"type"` // "list_jobs"
	JobID    string `json:"job_id,omitempty"`
	Before   Time   `json:"before,omitzero"`
	BeforeID string `json:"before_id,omitempty"`
}

// JobList answers ListJobs with as many jobs as fit. More says that there are older
// ones: ask again from the last one on.
type JobList struct {
	V    int       `json:"v"`
	Jobs []JobInfo `json:"jobs"`
	More bool      `json:"more,omitempty"`
}

// JobInfo is what a room may know of a job. Started and Ended are zero while it has not.
type JobInfo struct {
	JobID    string       `json:"job_id"`
	Worker   string       `json:"worker"`
	Command  string       `json:"command"`
	State    JobState     `json:"state"`
	ExitCode *int         `json:"exit_code"`
	Created  Time         `json:"created"`
	Started  Time         `json:"started,omitzero"`
	Ended    Time         `json:"ended,omitzero"`
	Fetched  bool         `json:"fetched"` // its outputs have reached a client
	Outputs  []FileHeader `json:"outputs"`
	Seq      uint64       `json:"seq"` // of its newest event
}

// JobLease is the right to start one job: the worker's incarnation and a rising
// number, granted by the worker alone.
type JobLease struct {
	Incarnation uint64 `json:"incarnation"`
	Seq         uint64 `json:"seq"`
}

// Reserved answers Reserve.
type Reserved struct {
	V     int      `json:"v"`
	Lease JobLease `json:"lease"`
	TTLMS int64    `json:"ttl_ms"`
	Slots Slots    `json:"slots"`
}

// JobState is a job's state; the names are fixed by the interface.
type JobState string

const (
	JobMatching  JobState = "matching"
	JobReserved  JobState = "reserved"
	JobSending   JobState = "sending"
	JobRunning   JobState = "running"
	JobReturning JobState = "returning"
	JobDone      JobState = "done"
	JobFailed    JobState = "failed"
	JobCanceled  JobState = "canceled"
	JobLost      JobState = "lost"
)

// Final reports whether the job has ended.
func (s JobState) Final() bool {
	return s == JobDone || s == JobFailed || s == JobCanceled || s == JobLost
}

// JobStart is the first frame of a client on the job channel. After its JobAck
// the worker streams the job's events from 1 on over the same channel. The client
// names the inputs in JobInputs and sends what the worker needs of them; the process
// starts when all are there, whole. Without inputs there is none of this.
type JobStart struct {
	V       int      `json:"v"`
	Lease   JobLease `json:"lease"`
	Command string   `json:"command"`
	Args    []string `json:"args"`
	Inputs  int      `json:"inputs"` // number of files that JobInputs will name
	// Owner is the public nkey that the job belongs to; empty: to nobody but the peer
	// that starts it.
	Owner string `json:"owner,omitempty"`

	Mounted []MountedInput `json:"mounted,omitempty"` // inputs that are on the worker already
}

// JobHello asks for the worker's nonce of this link, and with Nonce answers. Who is not
// the peer that started a job signs with it; see JobProof.
type JobHello struct {
	V     int    `json:"v"`
	Nonce string `json:"nonce,omitempty"`
}

// A JobProof is what a job's owner signs so that the worker lets From act on the job. It
// fits one link: the worker drew Nonce for it.
type JobProof struct {
	Room        string
	Worker      string
	Incarnation uint64
	Action      string // ActionLogs, ActionGet, ActionSend, ActionStop or ActionCancel
	JobID       string
	From        string
	Nonce       string
}

func (p JobProof) text() string {
	return signedText("job", p.Room, p.Worker, p.Incarnation, p.Action, p.JobID, p.From, p.Nonce)
}

// Sign is the owner's signature.
func (p JobProof) Sign(owner Signer) (string, error) { return SignText(owner, p.text()) }

// Verify checks a signature against the owner's public nkey.
func (p JobProof) Verify(owner, signature string) error {
	return VerifyText(owner, p.text(), signature)
}

// JobAck accepts a JobStart. Nonce is the link's, as in JobHello.
type JobAck struct {
	V     int    `json:"v"`
	JobID string `json:"job_id"`
	Nonce string `json:"nonce"`
}

// JobInputs names the inputs of a job that awaits them, on the link over whose bulk
// channel they are to come: the one that started it, or a later one after a break. It is
// answered by JobNeeds, or by an Error. More says that the list goes on in the next frame.
type JobInputs struct {
	V         int        `json:"v"`
	JobID     string     `json:"job_id"`
	Files     []JobInput `json:"files"`
	More      bool       `json:"more,omitempty"`
	Signature string     `json:"signature,omitempty"` // a JobProof's of ActionSend; as in JobAttach
}

// JobInput is an input. Head is the JobKnowledge of its first JobHeadBytes, if the client
// asks whether the worker has the file already.
type JobInput struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
	Mode uint32 `json:"mode,omitempty"` // permission bits; only the owner's execute bit is honoured
	Head string `json:"head,omitempty"`
}

// JobHeadBytes is how much of an input its Head is of. Smaller files are sent, not
// asked for.
const JobHeadBytes = 1 << 20

// JobNeeds says what the worker needs of the inputs: those of Want over the bulk channel,
// each from an offset on, as one manifest and its files in that order; nothing if it
// names none. Or, with Prove, that it may have these files already, by their places in
// JobInputs: then the client answers with JobEvidence, and another JobNeeds follows.
type JobNeeds struct {
	V     int       `json:"v"`
	JobID string    `json:"job_id"`
	Prove []int     `json:"prove,omitempty"`
	Want  []JobWant `json:"want,omitempty"`
}

// JobEvidence answers JobNeeds.Prove: of each file, in that order, the JobKnowledge of
// the whole.
type JobEvidence struct {
	V     int      `json:"v"`
	JobID string   `json:"job_id"`
	Sums  []string `json:"sums"`
}

// JobKnowledge shows that a client has a file's content, and not merely its hash: it is
// the SHA-256, in hexadecimal, of Salt and then the content, or of its first bytes. It
// fits one link: the worker drew Nonce for it.
type JobKnowledge struct {
	Room   string
	Worker string
	From   string
	Nonce  string
}

// Salt is what goes before the content.
func (k JobKnowledge) Salt() []byte {
	return []byte(signedText("knowledge", k.Room, k.Worker, k.From, k.Nonce) + "\n")
}

// JobAttach asks for the events of a job from sequence number Since on, and, once
// it is final, for its outputs over the bulk channel if Outputs is set: one
// manifest and the files of the last event, in its order; nothing if it names
// none. On one link no event is sent twice, so the client that started a job may
// attach to it just for the outputs. It is answered by events, or by an Error.
type JobAttach struct {
	V       int    `json:"v"`
	JobID   string `json:"job_id"`
	Since   uint64 `json:"since"`
	Outputs bool   `json:"outputs"`
	// Want says which outputs, and from which byte on, in their order; empty: all.
	Want []JobWant `json:"want,omitempty"`
	// Signature is a JobProof's of ActionGet with Outputs, else of ActionLogs; empty from
	// the peer that started the job.
	Signature string `json:"signature,omitempty"`
}

// JobWant is a file, by its place in the list that names it from 0 on (outputs: the last
// event), and how many bytes of it the receiver has already.
type JobWant struct {
	File   int   `json:"file"`
	Offset int64 `json:"offset,omitempty"`
}

// JobSignal asks to end a job: "stop" keeps its results, "cancel" does not. It is
// answered by the job's events, or by an Error.
type JobSignal struct {
	V         int    `json:"v"`
	JobID     string `json:"job_id"`
	Action    string `json:"action"`
	Signature string `json:"signature,omitempty"` // as in JobAttach
}

// Actions of JobSignal, and of JobProof.
const (
	ActionStop   = "stop"
	ActionCancel = "cancel"
	ActionLogs   = "logs" // of JobProof only
	ActionGet    = "get"  // of JobProof only
	ActionSend   = "send" // of JobProof only
)

// Streams of a job's output. What Moothall itself has to say about it ("… 312
// lines dropped") comes as StreamNote.
const (
	StreamStdout = "stdout"
	StreamStderr = "stderr"
	StreamNote   = "note"
)

// Kinds of JobEvent.
const (
	JobEventState    = "state"    // State; with the last one ExitCode and Outputs
	JobEventOutput   = "output"   // Stream ("stdout" or "stderr"), Line and More
	JobEventProgress = "progress" // Done, Total, Text
	JobEventMetric   = "metric"   // Name, Value, Step
)

// JobEvent is one entry of a job's log, numbered from 1 without gaps.
type JobEvent struct {
	Seq      uint64       `json:"seq"`
	Time     Time         `json:"time"`
	JobID    string       `json:"job_id"`
	Kind     string       `json:"kind"`
	State    JobState     `json:"state,omitempty"`
	Reason   string       `json:"reason,omitempty"`
	ExitCode *int         `json:"exit_code,omitempty"`
	Outputs  []FileHeader `json:"outputs,omitempty"`
	Stream   string       `json:"stream,omitempty"`
	Line     string       `json:"line,omitempty"`
	More     bool         `json:"more,omitempty"` // the line goes on in the next event of its stream
	Done     float64      `json:"done,omitempty"`
	Total    float64      `json:"total,omitempty"`
	Text     string       `json:"text,omitempty"`
	Name     string       `json:"name,omitempty"`
	Value    float64      `json:"value,omitempty"`
	Step     float64      `json:"step,omitempty"`
}

// JobNotice tells the room that a job changed its state (subject job.<worker>).
type JobNotice struct {
	Type   string   `json:"type"` // "job"
	V      int      `json:"v"`
	RoomID string   `json:"room_id"`
	Time   Time     `json:"time"`
	JobID  string   `json:"job_id"`
	Worker string   `json:"worker"`
	State  JobState `json:"state"`
}

// RosterNotice tells the room that a worker's row changed (subject roster.<admin>).
// A notice of another than the accepted admin, or of a lower term, is ignored.
type RosterNotice struct {
	Type    string `json:"type"` // "worker_status"
	V       int    `json:"v"`
	RoomID  string `json:"room_id"`
	Time    Time   `json:"time"`
	Fence   Term   `json:"fence"`
	Version uint64 `json:"version"`
	Seq     uint64 `json:"seq"` // counts the sender's notices; a gap means that one was lost
	Worker  Worker `json:"worker"`
}

// FileHeader names a file: its slash-separated name relative to the receiving
// folder, size in bytes and, once known, SHA-256 in hexadecimal.
type FileHeader struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"`
	Mode   uint32 `json:"mode,omitempty"` // permission bits; only the owner's execute bit is honoured
	// Offset is where the chunks begin, because the receiver has what comes before.
	Offset int64 `json:"offset,omitempty"`
}

// FileEnd closes a file with the hash of what was sent, and, echoed, confirms it.
type FileEnd struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Manifest lists the files that follow, in order. More says that it does not fit in
// one frame and goes on in the next.
type Manifest struct {
	Files []FileHeader `json:"files"`
	More  bool         `json:"more,omitempty"`
}
