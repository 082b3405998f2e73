// Package settings is the worker's environment: names, defaults, what is valid,
// and the state folder that it may have for itself.
package settings

import (
	"os"
	"path/filepath"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/events/cli"
	"github.com/moothall/moothall/worker/jobs"
)

// Prefix of the worker's variables.
const Prefix = "MOOT"

// otherNames are variables of the same prefix that others read: the client, and
// a job's own process.
var otherNames = []string{"MOOT_CLIENT_DIR", "MOOT_IN", "MOOT_OUT", "MOOT_JOB_ID"}

// Settings of a worker; docs/worker_environment.md shows them to its owner.
type Settings struct {
	Hub      string     `envconfig:"HUB" required:"true" desc:"the hub, as http(s)://host:8480"`
	Room     string     `envconfig:"ROOM" required:"true" desc:"the room to join"`
	Token    cli.Secret `envconfig:"TOKEN" required:"true" desc:"a join token of the role worker (moothall token new)"`
	Registry bool       `envconfig:"ENABLE_ROOM_REGISTRY" bare:"true" default:"false" desc:"mesh and admin; without it an old-style worker, found over HTTP only"`

	PeerID string `envconfig:"PEER_ID" unset:"worker- and a hash of the key" desc:"id in the room; it belongs to the first key that uses it"`
	Name   string `envconfig:"NAME" unset:"the host name" desc:"what people call it"`
	Tags   Tags   `envconfig:"TAGS" unset:"none" desc:"k=v,… to filter by"`

	GPUMemoryMB *int64 `envconfig:"GPU_MEMORY_MB" unset:"from nvidia-smi, else 0" desc:"memory in MiB of the largest GPU"`
	GPUModel    string `envconfig:"GPU_MODEL" unset:"from nvidia-smi, else cpu" desc:"its model"`

	Commands jobs.Commands `envconfig:"COMMANDS" unset:"none" desc:"name=template; … that clients may run; {in} {out} in words, {args} as a word"`
	Slots    int           `envconfig:"SLOTS" default:"1" desc:"jobs at once"`
	Mounts   Mounts        `envconfig:"MOUNTS" unset:"none" desc:"name=/path,… of shared folders"`

	JobUser      *jobs.User `envconfig:"JOB_USER" unset:"the worker's own" desc:"whom commands run as; the worker must run as root"`
	JobProcesses int        `envconfig:"JOB_PROCESSES" default:"4096" desc:"processes and threads that a job may have"`

	StateDir   string     `envconfig:"STATE_DIR" unset:"the user's state folder" desc:"key and job store; one worker at a time"`
	RoomSecret cli.Secret `envconfig:"ROOM_SECRET" desc:"binds channels to a secret that the hub does not know"`

	Heartbeat    time.Duration `envconfig:"HEARTBEAT" default:"5s" desc:"between two heartbeats; at most what the hub says"`
	StaleAfter   time.Duration `envconfig:"STALE_AFTER" default:"15s" desc:"silence that counts as gone; at least 3 heartbeats"`
	DrainTimeout time.Duration `envconfig:"DRAIN_TIMEOUT" default:"30s" desc:"what a running job may still take after SIGTERM"`

	HTTP      string `envconfig:"HTTP" unset:"off" desc:"host:port of /healthz, /readyz, /metrics and /v1/room"`
	LogLevel  string `envconfig:"LOG_LEVEL" default:"info" desc:"debug, info, warn or error"`
	LogFormat string `envconfig:"LOG_FORMAT" unset:"text on a terminal, else json" desc:"text or json"`
}

// Load reads the environment. The error, for a person, names every problem.
func Load() (*Settings, error) {
	s := new(Settings)
	if err := cli.Load(Prefix, s); err != nil {
		return nil, events.AsError(err).WithTry("moot-worker --env-help lists all settings")
	}
	if err := s.complete(); err != nil {
		return nil, events.Errorf(events.CodeConfig, "MOOT_STATE_DIR: %v", err)
	}
	return s, nil
}

// Warnings are names in the environment that look like settings and are none.
func Warnings() []string { return cli.Unknown(Prefix, new(Settings), otherNames...) }

// Help is the table of --env-help.
func Help() string { return cli.Table(Prefix, new(Settings)) }

// Effective lists what is in effect, without secrets.
func (s *Settings) Effective() []cli.Value { return cli.Effective(Prefix, s) }

// complete fills in what has no fixed default.
func (s *Settings) complete() error {
	if s.Name == "" {
		s.Name, _ = os.Hostname()
	}
	if s.StateDir == "" {
		dir, err := stateDir()
		if err != nil {
			return err
		}
		s.StateDir = dir
	}
	dir, err := filepath.Abs(s.StateDir)
	s.StateDir = dir
	return err
}
