package stage

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A Spec is what a worker says about itself.
type Spec struct {
	PeerID, Name string
	MemoryMB     int
	Commands     map[string]string // name to the program's path; it takes any arguments
	Settings     []string          // further NAME=value, which go before the stage's
}

// A Worker is a worker's process.
type Worker struct {
	*Process
	Spec
	URL string // of its /v1/room

	client *http.Client // to its host
}

// Add starts a worker. It joins by and by.
func (s *Stage) Add(spec Spec) (*Worker, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", ports[0])
	cmd, err := s.Worker(context.Background(), spec, "MOOT_HTTP="+address)
	if err != nil {
		return nil, err
	}
	p, err := start(spec.PeerID, filepath.Join(s.Dir, spec.PeerID+".log"), cmd)
	if err != nil {
		return nil, err
	}
	w := &Worker{Process: p, Spec: spec, URL: "http://" + address + "/v1/room", client: s.client(spec.PeerID)}
	s.Workers = append(s.Workers, w)
	return w, nil
}

// Worker is a worker's command, ready to run, for who waits for its end. It may be
// called from any goroutine.
func (s *Stage) Worker(ctx context.Context, spec Spec, more ...string) (*exec.Cmd, error) {
	settings, err := readEnv(filepath.Join(s.Data(), "worker.env"))
	if err != nil {
		return nil, err
	}
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
		"MOOT_DRAIN_TIMEOUT=1s",
	)
	cmd := s.command(ctx, "moot-worker")
	cmd.Env = environ(slices.Concat(settings, more, spec.Settings)...) // of two values the last counts
	s.place(spec.PeerID, cmd)
	return cmd, nil
}

// Room asks the worker what it knows of the room.
func (w *Worker) Room(ctx context.Context) (Room, error) {
	var r Room
	err := getJSON(ctx, w.client, w.URL, &r)
	return r, err
}

// RoomAfter is Room, without the links, as soon as the worker's state is newer than a
// version.
func (w *Worker) RoomAfter(ctx context.Context, version uint64) (Room, error) {
	var r Room
	err := getJSON(ctx, w.client, fmt.Sprintf("%s?after=%d&links=0", w.URL, version), &r)
	return r, err
}

// Token makes a join token, for another room than the stage's.
func (s *Stage) Token(ctx context.Context, room, role string) (string, error) {
	cmd := s.command(ctx, "moothall", "token", "new", "--data", s.Data(), "--room", room, "--role", role)
	cmd.Env = environ()
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("token of %s: %w", room, err)
	}
	return strings.TrimSpace(string(out)), nil
}
