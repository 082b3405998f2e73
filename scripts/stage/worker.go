package stage

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Spec is what a worker says about itself.
type Spec struct {
	PeerID, Name string
	MemoryMB     int
	Commands     map[string]string // name to the program's path; it takes any arguments
}

// A Worker is a worker's process.
type Worker struct {
	*Process
	Spec
	URL string // of its /v1/room
}

// Add starts a worker. It joins by and by.
func (s *Stage) Add(spec Spec) (*Worker, error) {
	settings, err := readEnv(filepath.Join(s.data(), "worker.env"))
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", ports[0])
	state := filepath.Join(s.Dir, spec.PeerID)
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, err
	}
	var commands []string
	for _, name := range slices.Sorted(maps.Keys(spec.Commands)) {
		commands = append(commands, name+"="+word(spec.Commands[name])+" {args}")
	}
	settings = append(settings,
		"MOOT_STATE_DIR="+state,
		"MOOT_PEER_ID="+spec.PeerID,
		"MOOT_NAME="+spec.Name,
		fmt.Sprintf("MOOT_GPU_MEMORY_MB=%d", spec.MemoryMB),
		"MOOT_COMMANDS="+strings.Join(commands, "; "),
		"MOOT_HTTP="+address,
		"MOOT_DRAIN_TIMEOUT=1s",
	)
	p, err := start(spec.PeerID, filepath.Join(s.Dir, spec.PeerID+".log"), environ(settings...), filepath.Join(s.Bin, "moot-worker"))
	if err != nil {
		return nil, err
	}
	w := &Worker{Process: p, Spec: spec, URL: "http://" + address + "/v1/room"}
	s.Workers = append(s.Workers, w)
	return w, nil
}

// Room asks the worker what it knows of the room.
func (w *Worker) Room(ctx context.Context) (Room, error) {
	var r Room
	err := getJSON(ctx, w.URL, &r)
	return r, err
}
