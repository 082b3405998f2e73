package events

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Filters narrow a query. The zero value matches every worker that has not
// departed.
type Filters struct {
	MinGPUMemoryMB int64             `json:"min_gpu_memory_mb,omitempty"`
	Status         Status            `json:"status,omitempty"`
	GPUModel       string            `json:"gpu_model,omitempty"` // part of the model's name, any case
	Tags           map[string]string `json:"tags,omitempty"`
	PeerID         string            `json:"peer_id,omitempty"`
}

// IsZero reports whether all match.
func (f Filters) IsZero() bool {
	return f.MinGPUMemoryMB == 0 && f.GPUModel == "" && f.Status == "" && f.PeerID == "" && len(f.Tags) == 0
}

// Equal reports whether two filters let the same pass.
func (f Filters) Equal(g Filters) bool {
	return f.MinGPUMemoryMB == g.MinGPUMemoryMB && f.Status == g.Status && f.GPUModel == g.GPUModel && f.PeerID == g.PeerID &&
		maps.Equal(f.Tags, g.Tags)
}

// Reject says why a worker does not match, in words for a person, or "" when it
// does. A suspect or departed row matches no query that names a status.
func (f Filters) Reject(w Worker) string {
	p := w.Metadata.Properties
	switch {
	case w.Status == StatusDeparted:
		return "departed"
	case f.PeerID != "" && f.PeerID != w.PeerID:
		return "is not " + f.PeerID
	case p.GPUMemoryMB < f.MinGPUMemoryMB:
		return fmt.Sprintf("has %d MB GPU memory, less than %d", p.GPUMemoryMB, f.MinGPUMemoryMB)
	case f.GPUModel != "" && !strings.Contains(strings.ToLower(p.GPUModel), strings.ToLower(f.GPUModel)):
		return fmt.Sprintf("GPU %q is not a %q", p.GPUModel, f.GPUModel)
	}
	keys := make([]string, 0, len(f.Tags))
	for k := range f.Tags {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if got, ok := w.Metadata.Tags[k]; !ok || got != f.Tags[k] {
			return fmt.Sprintf("tag %s is %q, not %q", k, got, f.Tags[k])
		}
	}
	if f.Status != "" && f.Status != w.Status {
		return fmt.Sprintf("is %s, not %s", w.Status, f.Status)
	}
	return ""
}

// Slots counts the jobs that a worker runs at once.
type Slots struct {
	Total int `json:"total"`
	Free  int `json:"free"`
}

// Worker is one worker in an answer.
type Worker struct {
	PeerID        string   `json:"peer_id"`
	Name          string   `json:"name"`
	Status        Status   `json:"status"`
	Stale         bool     `json:"stale,omitempty"` // unheard for StaleAfter while the hub is away
	IsAdmin       bool     `json:"is_admin"`
	Registry      bool     `json:"registry"`
	Incarnation   uint64   `json:"incarnation"`
	NKey          string   `json:"nkey"`
	LastHeartbeat Time     `json:"last_heartbeat"`
	CurrentJob    string   `json:"current_job"`
	Slots         Slots    `json:"slots"`
	Path          string   `json:"path"`              // as the answerer reaches it: self, direct, turn, relay, none
	Commands      []string `json:"commands,omitzero"` // absent: the answerer does not know them
	Mounts        []string `json:"mounts,omitempty"`  // names of folders whose files its jobs use in place
	Metadata      Metadata `json:"metadata"`
}

// Rejected is a worker that did not match, and why.
type Rejected struct {
	PeerID string `json:"peer_id"`
	Reason string `json:"reason"`
}

// Query is query_workers, a client's question to the admin.
type Query struct {
	Type       string  `json:"type"`
	V          int     `json:"v,omitempty"`
	FromPeerID string  `json:"from_peer_id,omitempty"` // never trusted: the subject says who asks
	Filters    Filters `json:"filters"`
}

// Sources of a worker list.
const (
	SourceAdmin = "admin"
	SourceHTTP  = "http"
	SourceCache = "cache"
)

// WorkerList is the answer to Query and to GET /discover-workers.
type WorkerList struct {
	Type   string `json:"type"`
	V      int    `json:"v"`
	RoomID string `json:"room_id"`
	Source string `json:"source"`
	Standing
	Certificate SeatCertificate `json:"certificate,omitzero"`
	AsOf        Time            `json:"as_of"`
	AgeMS       int64           `json:"age_ms"`
	Timestamp   float64         `json:"timestamp"`
	QueryMS     float64         `json:"query_ms,omitempty"` // set by the client: from question to answer
	Total       int             `json:"total"`              // workers that have not departed
	Stale       bool            `json:"stale,omitempty"`
	Notices     uint64          `json:"notices"` // seq of the last roster notice that the list includes
	Workers     []Worker        `json:"workers"`
	Rejected    []Rejected      `json:"rejected"`
}

// Filter splits workers, in their order, into those that match and those that do
// not. Departed ones appear in neither.
func (f Filters) Filter(all []Worker) (match []Worker, rejected []Rejected) {
	match, rejected = []Worker{}, []Rejected{}
	for _, w := range all {
		if w.Status == StatusDeparted {
			continue
		}
		if why := f.Reject(w); why != "" {
			rejected = append(rejected, Rejected{w.PeerID, why})
			continue
		}
		match = append(match, w)
	}
	return match, rejected
}
