package settings

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/events/cli"
)

// Bounds of settings.
const (
	MinHeartbeat   = 100 * time.Millisecond
	StaleBeats     = 3 // heartbeats that StaleAfter must cover
	MaxSlots       = 64
	MaxMounts      = 8 // their names are in the worker's row
	MaxGPUMemoryMB = 100_000_000

	MinJobProcesses = 16
	MaxJobProcesses = 4_000_000 // of Linux
)

// Validate lists what is wrong with settings that could be read; cli.Load calls it.
func (s *Settings) Validate() []cli.Problem {
	return slices.Concat(
		s.checkIdentity(), s.checkHub(), s.checkRhythm(), s.checkMachine(), s.checkJobs(), s.checkLog())
}

func (s *Settings) checkIdentity() (ps []cli.Problem) {
	if err := events.ValidID("room", s.Room); s.Room != "" && err != nil {
		ps = append(ps, cli.Problemf("MOOT_ROOM", "MOOT_ROOM: %v", err))
	}
	if err := events.ValidID("peer id", s.PeerID); s.PeerID != "" && err != nil {
		ps = append(ps, cli.Problemf("MOOT_PEER_ID", "MOOT_PEER_ID: %v", err))
	}
	m := s.Metadata(noGPU)
	m.Properties.GPUMemoryMB = 0 // its own check is checkMachine's
	if err := m.Validate(); err != nil {
		ps = append(ps, cli.Problem{
			Names: []string{"MOOT_NAME", "MOOT_TAGS", "MOOT_GPU_MODEL"},
			Text:  "MOOT_NAME, MOOT_TAGS and MOOT_GPU_MODEL are too long together: " + err.Error(),
		})
	}
	return ps
}

func (s *Settings) checkHub() []cli.Problem {
	if err := events.CheckHubAddress(s.Hub); err != nil {
		return []cli.Problem{cli.Problemf("MOOT_HUB", "MOOT_HUB: %v", err)}
	}
	u, err := url.Parse(s.Hub)
	switch {
	case s.Hub == "":
		return nil
	case err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return wrong("MOOT_HUB", s.Hub, "is not http(s)://host:port")
	case u.Scheme == "nats" || u.Scheme == "tls":
		return wrong("MOOT_HUB", s.Hub, "is an address of NATS; write the hub's own, http(s)://host:8480")
	case u.Scheme != "http" && u.Scheme != "https":
		return wrong("MOOT_HUB", s.Hub, "is not http(s)://host:port")
	}
	return nil
}

func (s *Settings) checkRhythm() (ps []cli.Problem) {
	switch {
	case s.Heartbeat < MinHeartbeat:
		ps = append(ps, wrong("MOOT_HEARTBEAT", s.Heartbeat.String(), "is less than "+MinHeartbeat.String())...)
	case s.Heartbeat > events.HeartbeatInterval:
		ps = append(ps, wrong("MOOT_HEARTBEAT", s.Heartbeat.String(), "is more than "+events.HeartbeatInterval.String())...)
	}
	if s.StaleAfter > events.StaleAfter {
		ps = append(ps, wrong("MOOT_STALE_AFTER", s.StaleAfter.String(), "is more than "+events.StaleAfter.String())...)
	}
	if least := StaleBeats * s.Heartbeat; s.StaleAfter < least {
		ps = append(ps, cli.Problem{
			Names: []string{"MOOT_STALE_AFTER", "MOOT_HEARTBEAT"},
			Text: "MOOT_STALE_AFTER=" + strconv.Quote(s.StaleAfter.String()) + " is less than " + strconv.Itoa(StaleBeats) +
				" heartbeats; with MOOT_HEARTBEAT=" + strconv.Quote(s.Heartbeat.String()) + " write at least " + least.String(),
		})
	}
	if s.DrainTimeout < 0 {
		ps = append(ps, wrong("MOOT_DRAIN_TIMEOUT", s.DrainTimeout.String(), "is negative")...)
	}
	return ps
}

func (s *Settings) checkMachine() (ps []cli.Problem) {
	if s.Slots < 1 || s.Slots > MaxSlots {
		ps = append(ps, wrong("MOOT_SLOTS", strconv.Itoa(s.Slots), "is not between 1 and "+strconv.Itoa(MaxSlots))...)
	}
	if mb := s.GPUMemoryMB; mb != nil && (*mb < 0 || *mb > MaxGPUMemoryMB) {
		ps = append(ps, wrong("MOOT_GPU_MEMORY_MB", strconv.FormatInt(*mb, 10), "is not an amount of memory in MiB")...)
	}
	if s.StateDir == "" {
		if _, err := stateDir(); err != nil {
			ps = append(ps, cli.Problemf("MOOT_STATE_DIR", "MOOT_STATE_DIR is not set, and this user has no home for a state folder"))
		}
	}
	if len(s.Mounts) > MaxMounts {
		ps = append(ps, cli.Problemf("MOOT_MOUNTS", "MOOT_MOUNTS has %d folders, at most %d are allowed", len(s.Mounts), MaxMounts))
	}
	for _, m := range s.Mounts {
		if err := checkMount(m); err != nil {
			ps = append(ps, cli.Problemf("MOOT_MOUNTS", "MOOT_MOUNTS: %v", err))
		}
	}
	if s.HTTP != "" && !validAddress(s.HTTP) {
		ps = append(ps, wrong("MOOT_HTTP", s.HTTP, "is not host:port")...)
	}
	return ps
}

func (s *Settings) checkJobs() (ps []cli.Problem) {
	if n := s.JobProcesses; n < MinJobProcesses || n > MaxJobProcesses {
		ps = append(ps, wrong("MOOT_JOB_PROCESSES", strconv.Itoa(n), fmt.Sprintf("is not between %d and %d", MinJobProcesses, MaxJobProcesses))...)
	}
	switch u := s.JobUser; {
	case u == nil:
	case os.Geteuid() != 0:
		ps = append(ps, wrong("MOOT_JOB_USER", u.Name, fmt.Sprintf("needs a worker that runs as root; this one runs as user %d", os.Geteuid()))...)
	case u.UID == 0:
		ps = append(ps, wrong("MOOT_JOB_USER", u.Name, "is root, whom nothing holds back; name another user")...)
	}
	return ps
}

func (s *Settings) checkLog() (ps []cli.Problem) {
	if _, err := cli.ParseLevel(s.LogLevel); err != nil {
		ps = append(ps, wrong("MOOT_LOG_LEVEL", s.LogLevel, "is not one of debug, info, warn, error")...)
	}
	if f := s.LogFormat; f != "" && f != cli.FormatText && f != cli.FormatJSON {
		ps = append(ps, wrong("MOOT_LOG_FORMAT", f, "is neither text nor json")...)
	}
	return ps
}

func wrong(name, value, is string) []cli.Problem {
	return []cli.Problem{cli.Problemf(name, "%s=%q %s", name, value, is)}
}

func validAddress(addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}
