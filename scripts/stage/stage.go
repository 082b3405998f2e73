// Package stage puts a hub and workers on this machine as real processes, each
// with ports and folders of its own, and ends them again. The demo and the bench
// play on it; several stages stand beside each other.
package stage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	poll      = 10 * time.Millisecond
	hubStarts = 15 * time.Second // a cold disk and a busy machine included
	grace     = 5 * time.Second  // from asking a process to end to killing it
	hubTries  = 3                // with other ports, if one was taken meanwhile
)

// Config says where a stage stands.
type Config struct {
	Bin  string // folder of moothall, moot-worker and moot
	Dir  string // folder of its own, which exists
	Room string
	Tied bool // its processes end with this one, however this one ends (on Linux)
	// Settings are NAME=value for the hub.
	Settings []string
	// Hosts are machines of their own for the hub and each worker; nil: all stand on
	// this machine's loopback.
	Hosts Hosts
}

// A Stage is a hub with its workers. One goroutine uses it.
type Stage struct {
	Config
	HTTP    string // the hub's URL
	NATS    string // its NATS URL
	Workers []*Worker

	hub *Process
}

// Open starts a hub and returns when it is ready.
func Open(ctx context.Context, cfg Config) (*Stage, error) {
	for _, name := range []string{"moothall", "moot-worker", "moot"} {
		if _, err := os.Stat(filepath.Join(cfg.Bin, name)); err != nil {
			return nil, fmt.Errorf("%w\n  try: make build", err)
		}
	}
	s := &Stage{Config: cfg}
	for try := 1; ; try++ {
		err := s.startHub(ctx)
		if err == nil {
			return s, nil
		}
		s.Close()
		if s.hub == nil {
			return nil, err
		}
		if said := s.hub.Tail(10); !strings.Contains(said, "address already in use") || try == hubTries {
			return nil, fmt.Errorf("%w\n%s", err, said)
		}
	}
}

func (s *Stage) startHub(ctx context.Context) error {
	var err error
	if s.HTTP, s.NATS, err = s.addresses(); err != nil {
		return err
	}
	return s.Reopen(ctx)
}

// addresses are where the hub of a new stage serves.
func (s *Stage) addresses() (http, nats string, err error) {
	if s.Hosts != nil {
		ip := s.Hosts.Address(HubHost)
		return "http://" + ip + ":8480", "nats://" + ip + ":4222", nil
	}
	ports, err := freePorts(2)
	if err != nil {
		return "", "", err
	}
	return fmt.Sprintf("http://127.0.0.1:%d", ports[0]), fmt.Sprintf("nats://127.0.0.1:%d", ports[1]), nil
}

// Reopen starts the hub, which must not run, on the stage's addresses and data, and
// returns when it is ready.
func (s *Stage) Reopen(ctx context.Context) error {
	args := []string{"up", "--room", s.Room, "--data", s.Data(),
		"--http", strings.TrimPrefix(s.HTTP, "http://"), "--nats", strings.TrimPrefix(s.NATS, "nats://")}
	if s.Hosts == nil {
		args = append(args, "--dev") // which is for one machine
	} else {
		args = append(args, "--plaintext") // hosts of a test's own
	}
	cmd := s.command(context.Background(), "moothall", args...)
	cmd.Env = environ(s.Settings...)
	s.place(HubHost, cmd)
	var err error
	if s.hub, err = start("hub", filepath.Join(s.Dir, "hub.log"), cmd); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, hubStarts)
	defer cancel()
	if err := s.Await(ctx, "the hub is ready", s.ready); err != nil || s.Hosts == nil {
		return err
	}
	return s.writeSettings()
}

// command is one of the programs.
func (s *Stage) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.Bin, program), args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if s.Tied {
		Tie(cmd)
	}
	return cmd
}

// Tie makes a command, which is not started yet, end with this process, however this
// one ends (on Linux).
func Tie(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	tie(cmd.SysProcAttr)
}

// Data is the hub's data folder.
func (s *Stage) Data() string { return filepath.Join(s.Dir, "hub") }

// ready reports whether the hub answers and has written what others need to join.
func (s *Stage) ready(ctx context.Context) bool {
	for _, name := range []string{"worker.env", "client.env", "viewer.creds"} {
		if _, err := os.Stat(filepath.Join(s.Data(), name)); err != nil && s.Hosts == nil {
			return false
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.HTTP+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := s.client(HubHost).Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// Hub is the hub's process.
func (s *Stage) Hub() *Process { return s.hub }

// ClientEnv is the file that a client's settings are read from.
func (s *Stage) ClientEnv() string { return filepath.Join(s.Data(), "client.env") }

// Moot is a client command, ready to run, with everything it needs to know. It may
// be called from any goroutine.
func (s *Stage) Moot(ctx context.Context, args ...string) (*exec.Cmd, error) {
	settings, err := readEnv(s.ClientEnv())
	if err != nil {
		return nil, err
	}
	cmd := s.command(ctx, "moot", args...)
	cmd.Env = environ(append(settings, "MOOT_CLIENT_DIR="+filepath.Join(s.Dir, "client"))...)
	s.place(HubHost, cmd)
	return cmd, nil
}

// Await polls until what holds, ctx ends, or a process ends by itself; the error
// says which.
func (s *Stage) Await(ctx context.Context, what string, holds func(context.Context) bool) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if holds(ctx) {
			return nil
		}
		if err := s.Fallen(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain until %s: %w", what, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// Fallen is an error if a process ended that nobody ended.
func (s *Stage) Fallen() error {
	var all []error
	for _, p := range s.processes() {
		all = append(all, p.fallen())
	}
	return errors.Join(all...)
}

func (s *Stage) processes() []*Process {
	var all []*Process
	for _, w := range s.Workers {
		all = append(all, w.Process)
	}
	if s.hub != nil {
		all = append(all, s.hub)
	}
	return all
}

// PIDs are the ids of the processes that still run.
func (s *Stage) PIDs() []int {
	var ids []int
	for _, p := range s.processes() {
		select {
		case <-p.Done():
		default:
			ids = append(ids, p.PID())
		}
	}
	return ids
}

// Logs are the last lines of what each process printed, for a person.
func (s *Stage) Logs(lines int) string {
	var b strings.Builder
	for _, p := range s.processes() {
		fmt.Fprintf(&b, "--- %s (%s)\n%s\n", p.Name, p.Log, p.Tail(lines))
	}
	return b.String()
}

// Close ends the workers, their jobs, then the hub, and waits for all of them.
func (s *Stage) Close() {
	var all sync.WaitGroup
	for _, w := range s.Workers {
		all.Go(func() { w.stop(grace) })
	}
	all.Wait()
	s.endJobs()
	if s.hub != nil {
		s.hub.stop(grace)
	}
}

// ClientSettings are what a client joins with.
type ClientSettings struct{ Hub, Room, Token string }

// ClientConfig reads the client's settings.
func (s *Stage) ClientConfig() (ClientSettings, error) {
	pairs, err := readEnv(s.ClientEnv())
	if err != nil {
		return ClientSettings{}, err
	}
	settings := map[string]string{}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		settings[name] = value
	}
	return ClientSettings{settings["MOOT_HUB"], settings["MOOT_ROOM"], settings["MOOT_TOKEN"]}, nil
}
