package main

import (
	"os"
	"path/filepath"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events/cli"
)

const prefix = "MOOT"

// settings are the environment variables that moot reads.
type settings struct {
	Hub        string     `envconfig:"HUB" required:"true" desc:"the hub, as http(s)://host:8480"`
	Room       string     `envconfig:"ROOM" required:"true" desc:"the room"`
	Token      cli.Secret `envconfig:"TOKEN" required:"true" desc:"a join token of role client"`
	RoomSecret cli.Secret `envconfig:"ROOM_SECRET" desc:"binds channels to a secret that the hub does not know"`
	ClientDir  string     `envconfig:"CLIENT_DIR" desc:"the folder of the key that your jobs belong to; moot in the user's settings if empty"`
	Registry   bool       `envconfig:"ENABLE_ROOM_REGISTRY" bare:"true" default:"false" desc:"ask the room's admin; without it only HTTP"`
}

// workerOnly are names of moot-worker's; a person may have both in one shell.
var workerOnly = []string{
	"MOOT_PEER_ID", "MOOT_NAME", "MOOT_TAGS", "MOOT_GPU_MEMORY_MB", "MOOT_GPU_MODEL", "MOOT_COMMANDS", "MOOT_STATE_DIR",
	"MOOT_HEARTBEAT", "MOOT_STALE_AFTER", "MOOT_SLOTS", "MOOT_MOUNTS", "MOOT_HTTP", "MOOT_DRAIN_TIMEOUT",
	"MOOT_LOG_LEVEL", "MOOT_LOG_FORMAT", "MOOT_IN", "MOOT_OUT", "MOOT_JOB_ID",
}

// Validate finds values that no hub could take.
func (s *settings) Validate() []cli.Problem {
	var all []cli.Problem
	for _, p := range s.config().Problems() {
		all = append(all, cli.Problemf(p.Setting, "%s", p.Text))
	}
	return all
}

func (s *settings) config() client.Config {
	return client.Config{
		HubURL: s.Hub, Room: s.Room, Token: s.Token, Secret: s.RoomSecret, Registry: s.Registry,
		OwnerDir: s.ownerDir(),
	}
}

func (s *settings) ownerDir() string {
	if s.ClientDir != "" {
		return s.ClientDir
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "" // no home: jobs belong to the one process
	}
	return filepath.Join(dir, "moot")
}

// overrides are the flags that win over the environment.
type overrides struct{ hub, room, token, tokenFile string }

// apply puts the flags into this process' environment, so that one loader sees both
// and reports every problem at once.
func (o overrides) apply() error {
	if o.token != "" && o.tokenFile != "" {
		return usage("--token and --token-file are both given")
	}
	set := map[string]string{"MOOT_HUB": o.hub, "MOOT_ROOM": o.room}
	if o.token != "" || o.tokenFile != "" {
		for name, value := range map[string]string{"MOOT_TOKEN": o.token, "MOOT_TOKEN_FILE": o.tokenFile} {
			if err := os.Unsetenv(name); err != nil {
				return err
			}
			set[name] = value
		}
	}
	for name, value := range set {
		if value == "" {
			continue
		}
		if err := os.Setenv(name, value); err != nil {
			return usage("%s=%q: %s", name, value, err)
		}
	}
	return nil
}

// settings loads what is in effect and warns of names that mean nothing.
func (p *program) settings() (*settings, error) {
	if err := p.over.apply(); err != nil {
		return nil, err
	}
	s := &settings{}
	for _, text := range cli.Unknown(prefix, s, workerOnly...) {
		p.warn(text)
	}
	if err := cli.Load(prefix, s); err != nil {
		return nil, err
	}
	return s, nil
}
