package settings

import (
	"cmp"
	"os"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/gpu"
)

var noGPU = gpu.Info{Model: gpu.None}

// NeedsGPU reports whether the machine must be asked for its GPU: an owner who
// names memory and model has said it all.
func (s *Settings) NeedsGPU() bool { return s.GPUMemoryMB == nil || s.GPUModel == "" }

// Metadata is what the worker says of itself. What the owner set goes before what
// was found.
func (s *Settings) Metadata(found gpu.Info) events.Metadata {
	host, _ := os.Hostname()
	m := events.Metadata{
		Name: cmp.Or(s.Name, host),
		Tags: s.Tags,
		Properties: events.Properties{
			GPUMemoryMB: found.MemoryMB,
			GPUModel:    cmp.Or(s.GPUModel, found.Model, gpu.None),
			Hostname:    host,
		},
	}
	if s.GPUMemoryMB != nil {
		m.Properties.GPUMemoryMB = *s.GPUMemoryMB
	}
	return m
}

// OwnRhythm is what the owner set for heartbeat and silence, 0 for what is left
// to the hub's limits.
func (s *Settings) OwnRhythm() (heartbeat, staleAfter time.Duration) {
	if s.Heartbeat != events.HeartbeatInterval {
		heartbeat = s.Heartbeat
	}
	if s.StaleAfter != events.StaleAfter {
		staleAfter = s.StaleAfter
	}
	return heartbeat, staleAfter
}
