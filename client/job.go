package client

import (
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/transfer"
)

// A Job is what to run and where it may run.
type Job struct {
	Filters events.Filters
	Worker  string // only this worker, by peer id or name; "" for any

	Command string   // as the worker's owner named it
	Args    []string // passed on as they are, never through a shell
	Inputs  []string // local files, or NAME:/PATH on the worker; each arrives under its base name

	// Mounts say which local folders are the same as a mount's. An input in one of
	// them is used in place by a worker that has the mount, and sent to the others.
	Mounts []MountMapping

	To    string        // folder for the outputs, made if need be; "" for ./JOB_ID
	Force bool          // overwrite files that exist in To
	Wait  time.Duration // how long to wait for a worker that is free; 0: not at all

	Detach bool // return as soon as the job runs: its Result is then running

	avoid []string // peer ids that are asked last
}

// Progress is how far a file is on its way.
type Progress = transfer.Progress

// Kinds of JobUpdate.
const (
	UpdateState    = "state"    // State, Worker, JobID
	UpdateOutput   = "output"   // Event: one line of the job's stdout or stderr
	UpdateProgress = "progress" // Event: how far the job says it is
	UpdateMetric   = "metric"   // Event: a number that the job measured
	UpdateSend     = "send"     // Transfer: an input on its way
	UpdateReceive  = "receive"  // Transfer: an output on its way
	UpdateNote     = "note"     // Note: why a worker was passed over, which subject was asked
	UpdateWait     = "wait"     // Note: what Job.Wait waits for and who holds it, again when that changes and each minute; or, once, that a link broke and is not made again at once
)

// A JobUpdate is news of a running job. States come in the order of the interface,
// each once and the last one final, except that reserved comes again for each worker
// that granted a slot and could then not be reached.
type JobUpdate struct {
	Kind     string
	State    events.JobState
	JobID    string
	Worker   events.Worker
	Event    events.JobEvent
	Transfer Progress
	Path     string // of a transfer: "direct", or "turn" by way of a relay
	Note     string
}

// An Output is a file that came back: its name in the job's output folder and its
// path here. Size and hash were compared with the worker's.
type Output struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Path   string `json:"path"`
}

// Timings are the milliseconds that a job spent in each step.
type Timings struct {
	DiscoverMS float64 `json:"discover_ms"`
	ReserveMS  float64 `json:"reserve_ms"`
	ConnectMS  float64 `json:"connect_ms"`
	SendMS     float64 `json:"send_ms"`
	RunMS      float64 `json:"run_ms"`
	ReceiveMS  float64 `json:"receive_ms"`
	TotalMS    float64 `json:"total_ms"`
}

// Result is how a job ended. ExitCode is nil if its process never ran or nobody knows
// how it ended; a process that a signal n ended has 128+n. Reason says why a job ended
// otherwise than by itself.
type Result struct {
	JobID    string          `json:"job_id"`
	Worker   string          `json:"worker"`
	Name     string          `json:"-"` // of the worker, as people call it
	Command  string          `json:"command"`
	State    events.JobState `json:"state"`
	ExitCode *int            `json:"exit_code"`
	Reason   string          `json:"reason,omitempty"`
	Outputs  []Output        `json:"outputs"`
	Timings  Timings         `json:"timings"`
}

// An Input is what a job sees as MOOT_IN/Name: a local file that is sent, or, in place,
// what is on the worker.
type Input struct {
	Name    string `json:"name"`
	Path    string `json:"path"`
	Size    int64  `json:"size"` // bytes to send
	InPlace bool   `json:"in_place,omitempty"`
}

// A Plan is where a job would run: candidates, best first, and the others with why.
type Plan struct {
	List       events.WorkerList `json:"-"`
	Candidates []events.Worker   `json:"candidates"`
	Rejected   []events.Rejected `json:"rejected"`
	Inputs     []Input           `json:"inputs"` // of the first candidate

	busy []events.Worker // that match and allow the command
}
