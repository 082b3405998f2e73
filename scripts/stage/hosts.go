package stage

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// HubHost is the host of the hub and of the clients.
const HubHost = "hub"

// Hosts are machines of their own: HubHost, and one for each worker, named by its
// peer id.
type Hosts interface {
	// Place makes a command, which is not started yet, run on a host.
	Place(host string, cmd *exec.Cmd)
	// Address is a host's IP address, at which the other hosts reach it.
	Address(host string) string
	// Dial connects to an address as a process of that host does.
	Dial(ctx context.Context, host, network, address string) (net.Conn, error)
}

func (s *Stage) place(host string, cmd *exec.Cmd) {
	if s.Hosts != nil {
		s.Hosts.Place(host, cmd)
	}
}

// client is HTTP as from a host. Connections are not kept: who is asked may freeze, or
// be another process the next time.
func (s *Stage) client(host string) *http.Client {
	if s.Hosts == nil {
		return http.DefaultClient
	}
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return s.Hosts.Dial(ctx, host, network, address)
		},
	}}
}

// writeSettings writes what --dev writes on one machine: the settings to join with.
func (s *Stage) writeSettings() error {
	for _, role := range []string{"worker", "client"} {
		path := filepath.Join(s.Data(), role+".env")
		if _, err := os.Stat(path); err == nil {
			continue // of the hub before, on the same data
		}
		cmd := s.command(context.Background(), "moothall", "token", "new", "--data", s.Data(), "--room", s.Room, "--role", role)
		cmd.Env = environ()
		token, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("make a token for a %s: %w", role, err)
		}
		text := fmt.Sprintf("MOOT_HUB=%s\nMOOT_ROOM=%s\nMOOT_TOKEN=%s\nENABLE_ROOM_REGISTRY=true\n", s.HTTP, s.Room, strings.TrimSpace(string(token)))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
