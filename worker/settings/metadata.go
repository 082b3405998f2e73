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

// Rhythm is the time between heartbeats and the silence that counts as gone, in a
// room with limits l. A default gives way to the hub's limits; what the owner set
// and is more than they allow is an error (CodeConfig).
func (s *Settings) Rhythm(l events.Limits) (heartbeat, staleAfter time.Duration, err error) {
	heartbeat, err = within("MOOT_HEARTBEAT", s.Heartbeat, events.HeartbeatInterval, l.HeartbeatMS)
	if err != nil {
		return 0, 0, err
	}
	staleAfter, err = within("MOOT_STALE_AFTER", s.StaleAfter, events.StaleAfter, l.StaleAfterMS)
	if err != nil {
		return 0, 0, err
	}
	if staleAfter < StaleBeats*heartbeat {
		return 0, 0, events.Errorf(events.CodeConfig,
			"MOOT_STALE_AFTER=%q is less than %d heartbeats of %s", staleAfter, StaleBeats, heartbeat)
	}
	return heartbeat, staleAfter, nil
}

func within(name string, set, preset time.Duration, limitMS int) (time.Duration, error) {
	limit := time.Duration(limitMS) * time.Millisecond
	switch {
	case limit <= 0 || set <= limit:
		return set, nil
	case set == preset:
		return limit, nil
	}
	return 0, events.Errorf(events.CodeConfig, "%s=%q is more than the hub allows: %s", name, set, limit).
		WithTry("%s=%s", name, limit)
}
