package main

import (
	"github.com/moothall/moothall/events"
)

// The shapes of --json are promises to scripts and therefore types of their own: what
// travels between programs may grow without changing them.

type workersView struct {
	RoomID      string         `json:"room_id"`
	Source      string         `json:"source"`
	AdminPeerID string         `json:"admin_peer_id"`
	Term        uint64         `json:"term"`
	AsOf        events.Time    `json:"as_of"`
	AgeMS       int64          `json:"age_ms"`
	QueryMS     float64        `json:"query_ms"`
	Total       int            `json:"total"`
	Stale       bool           `json:"stale,omitempty"`
	Workers     []workerView   `json:"workers"`
	Rejected    []rejectedView `json:"rejected"`
}

type workerView struct {
	PeerID        string        `json:"peer_id"`
	Name          string        `json:"name"`
	Status        events.Status `json:"status"`
	Stale         bool          `json:"stale,omitempty"`
	IsAdmin       bool          `json:"is_admin"`
	Registry      bool          `json:"registry"`
	Incarnation   uint64        `json:"incarnation"`
	LastHeartbeat events.Time   `json:"last_heartbeat"`
	CurrentJob    string        `json:"current_job"`
	Slots         events.Slots  `json:"slots"`
	Path          string        `json:"path"`
	Mounts        []string      `json:"mounts,omitempty"`
	Metadata      metadataView  `json:"metadata"`
}

type metadataView struct {
	Tags       map[string]string `json:"tags"`
	Properties propertiesView    `json:"properties"`
}

type propertiesView struct {
	GPUMemoryMB int64  `json:"gpu_memory_mb"`
	GPUModel    string `json:"gpu_model"`
	Hostname    string `json:"hostname"`
}

type rejectedView struct {
	PeerID string `json:"peer_id"`
	Reason string `json:"reason"`
}

func listView(l events.WorkerList) workersView {
	v := workersView{
		RoomID: l.RoomID, Source: l.Source, AdminPeerID: l.AdminPeerID, Term: l.Term.N, AsOf: l.AsOf,
		AgeMS: l.AgeMS, QueryMS: l.QueryMS, Total: l.Total, Stale: l.Stale,
		Workers: []workerView{}, Rejected: rejectedViews(l.Rejected),
	}
	for _, w := range l.Workers {
		v.Workers = append(v.Workers, viewOf(w))
	}
	return v
}

func viewOf(w events.Worker) workerView {
	tags := w.Metadata.Tags
	if tags == nil {
		tags = map[string]string{}
	}
	return workerView{
		PeerID: w.PeerID, Name: w.Name, Status: w.Status, Stale: w.Stale, IsAdmin: w.IsAdmin, Registry: w.Registry,
		Incarnation: w.Incarnation, LastHeartbeat: w.LastHeartbeat, CurrentJob: w.CurrentJob, Slots: w.Slots, Path: w.Path, Mounts: w.Mounts,
		Metadata: metadataView{Tags: tags, Properties: propertiesView(w.Metadata.Properties)},
	}
}

func rejectedViews(all []events.Rejected) []rejectedView {
	views := []rejectedView{}
	for _, r := range all {
		views = append(views, rejectedView(r))
	}
	return views
}
