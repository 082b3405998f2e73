package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/events/cli"
	"github.com/moothall/moothall/worker/gpu"
)

// environ sets the variables of a valid worker, changed by more (name, value, …),
// and nothing else with our prefix.
func environ(t *testing.T, more ...string) {
	t.Helper()
	env := map[string]string{"MOOT_HUB": "http://127.0.0.1:8480", "MOOT_ROOM": "lab", "MOOT_TOKEN": "t0ken", "MOOT_STATE_DIR": t.TempDir()}
	for i := 0; i < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "MOOT_") || name == "ENABLE_ROOM_REGISTRY" {
			t.Setenv(name, "")
			os.Unsetenv(name)
		}
	}
	for k, v := range env {
		t.Setenv(k, v)
	}
}

func TestLoad_Defaults(t *testing.T) {
	environ(t)
	s, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	host, _ := os.Hostname()
	if s.Registry || s.Slots != 1 || s.Heartbeat != 5*time.Second || s.StaleAfter != 15*time.Second ||
		s.DrainTimeout != 30*time.Second || s.HTTP != "" || s.LogLevel != "info" || s.Name != host || s.GPUMemoryMB != nil {
		t.Errorf("got %+v", s)
	}
}

func TestLoad_Everything(t *testing.T) {
	mount := t.TempDir()
	environ(t,
		"ENABLE_ROOM_REGISTRY", "true", "MOOT_PEER_ID", "heron-1", "MOOT_NAME", "calm heron", "MOOT_TAGS", "site=lab, gpu=a,b=",
		"MOOT_GPU_MEMORY_MB", "24000", "MOOT_GPU_MODEL", "RTX 4090", "MOOT_COMMANDS", "track=/opt/track {in}; train=/opt/train",
		"MOOT_ROOM_SECRET", "s", "MOOT_HEARTBEAT", "200ms", "MOOT_STALE_AFTER", "600ms", "MOOT_SLOTS", "2",
		"MOOT_MOUNTS", "data="+mount+"/,", "MOOT_HTTP", "127.0.0.1:0", "MOOT_LOG_FORMAT", "json")
	s, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Tags{"site": "lab", "gpu": "a", "b": ""}, s.Tags); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Mounts{{Name: "data", Path: mount}}, s.Mounts); diff != "" {
		t.Error(diff)
	}
	if !s.Registry || s.Slots != 2 || s.Commands.String() != "track, train" || *s.GPUMemoryMB != 24000 || s.NeedsGPU() {
		t.Errorf("got %+v", s)
	}
	if h, a := s.OwnRhythm(); h != 200*time.Millisecond || a != 600*time.Millisecond {
		t.Errorf("rhythm %v, %v", h, a)
	}
}

func TestLoad_Refuses(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"MOOT_HUB", "", "MOOT_HUB is empty"},
		{"MOOT_HUB", "nats://hub:4222", `MOOT_HUB="nats://hub:4222" is an address of NATS; write the hub's own, http(s)://host:8480`},
		{"MOOT_HUB", "hub:8480", `MOOT_HUB="hub:8480" is not http(s)://host:port`},
		{"MOOT_HUB", "ftp://hub", `MOOT_HUB="ftp://hub" is not http(s)://host:port`},
		{"MOOT_HUB", "http://hub:8480/v1", `MOOT_HUB="http://hub:8480/v1" is not http(s)://host:port`},
		{"MOOT_ROOM", "Lab", `MOOT_ROOM: room "Lab" is not valid: use 1 to 63 of a-z, 0-9, "_" and "-", beginning with a letter or digit`},
		{"MOOT_PEER_ID", "*", `MOOT_PEER_ID: peer id "*" is not valid: use 1 to 63 of a-z, 0-9, "_" and "-", beginning with a letter or digit`},
		{"MOOT_NAME", strings.Repeat("x", 3000), "MOOT_NAME, MOOT_TAGS and MOOT_GPU_MODEL are too long together"},
		{"MOOT_TAGS", "a=1,b,a=2,?=3", `MOOT_TAGS="a=1,b,a=2,?=3": "b" is not name=value, "a" is there twice, "?" is not a name: use letters, digits, ".", "_" and "-"`},
		{"MOOT_GPU_MEMORY_MB", "-1", `MOOT_GPU_MEMORY_MB="-1" is not an amount of memory in MiB`},
		{"MOOT_GPU_MEMORY_MB", "16GiB", `MOOT_GPU_MEMORY_MB="16GiB" is not a whole number`},
		{"MOOT_COMMANDS", "a=/x {args}y; b", `MOOT_COMMANDS="a=/x {args}y; b": command a: {args} in "{args}y" must be a word of its own; "b" is not name=template`},
		{"MOOT_SLOTS", "0", `MOOT_SLOTS="0" is not between 1 and 64`},
		{"MOOT_SLOTS", "65", `MOOT_SLOTS="65" is not between 1 and 64`},
		{"MOOT_MOUNTS", "data=here", `MOOT_MOUNTS="data=here": path "here" of data does not begin with /`},
		{"MOOT_MOUNTS", "data=/does/not/exist", "MOOT_MOUNTS: data: there is no folder /does/not/exist"},
		{"MOOT_MOUNTS", "data=/dev/null", "MOOT_MOUNTS: data: /dev/null is not a folder"},
		{"MOOT_JOB_PROCESSES", "15", `MOOT_JOB_PROCESSES="15" is not between 16 and 4000000`},
		{"MOOT_JOB_USER", "no-such-user", `MOOT_JOB_USER="no-such-user": there is no user "no-such-user" here`},
		{"MOOT_HEARTBEAT", "5", `MOOT_HEARTBEAT="5" is not a duration; write 5s`},
		{"MOOT_HEARTBEAT", "1ms", `MOOT_HEARTBEAT="1ms" is less than 100ms`},
		{"MOOT_HEARTBEAT", "6s", `2 settings are wrong: MOOT_HEARTBEAT="6s" is more than 5s; MOOT_STALE_AFTER="15s" is less than 3 heartbeats; with MOOT_HEARTBEAT="6s" write at least 18s`},
		{"MOOT_STALE_AFTER", "14s", `MOOT_STALE_AFTER="14s" is less than 3 heartbeats; with MOOT_HEARTBEAT="5s" write at least 15s`},
		{"MOOT_STALE_AFTER", "16s", `MOOT_STALE_AFTER="16s" is more than 15s`},
		{"MOOT_DRAIN_TIMEOUT", "-1s", `MOOT_DRAIN_TIMEOUT="-1s" is negative`},
		{"MOOT_HTTP", "8481", `MOOT_HTTP="8481" is not host:port`},
		{"MOOT_HTTP", ":http", `MOOT_HTTP=":http" is not host:port`},
		{"MOOT_LOG_LEVEL", "loud", `MOOT_LOG_LEVEL="loud" is not one of debug, info, warn, error`},
		{"MOOT_LOG_FORMAT", "xml", `MOOT_LOG_FORMAT="xml" is neither text nor json`},
	} {
		t.Run(tt.name+"="+tt.value[:min(20, len(tt.value))], func(t *testing.T) {
			environ(t, tt.name, tt.value)
			_, err := Load()
			if events.CodeOf(err) != events.CodeConfig || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestLoad_EveryProblemAtOnce(t *testing.T) {
	environ(t, "MOOT_ROOM", "", "MOOT_SLOTS", "two", "MOOT_HEARTBEAT", "5", "MOOT_HTTP", "x")
	_, err := Load()
	want := `4 settings are wrong: MOOT_ROOM is empty; MOOT_SLOTS="two" is not a whole number; MOOT_HEARTBEAT="5" is not a duration; write 5s; MOOT_HTTP="x" is not host:port`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if cli.ExitCode(err) != 78 || events.AsError(err).Try == "" {
		t.Errorf("exit %d, advice %q", cli.ExitCode(err), events.AsError(err).Try)
	}
}

func TestLoad_StateFolderOfTheUser(t *testing.T) {
	environ(t, "MOOT_STATE_DIR", "", "XDG_STATE_HOME", "/var/state")
	if s, err := Load(); err != nil || s.StateDir != "/var/state/moot-worker" {
		t.Errorf("got %+v, %v", s, err)
	}
	environ(t, "MOOT_STATE_DIR", "", "XDG_STATE_HOME", "", "HOME", "/home/ada")
	if s, err := Load(); err != nil || s.StateDir != "/home/ada/.local/state/moot-worker" {
		t.Errorf("got %+v, %v", s, err)
	}
	environ(t, "MOOT_STATE_DIR", "", "XDG_STATE_HOME", "", "HOME", "")
	if _, err := Load(); events.CodeOf(err) != events.CodeConfig {
		t.Errorf("got %v", err)
	}
}

func TestWarnings_KnowTheOtherPrograms(t *testing.T) {
	environ(t, "MOOT_SLOT", "2", "MOOT_CLIENT_DIR", "/x", "MOOT_TOKEN_FILE", "")
	want := []string{"MOOT_SLOT is not a setting; did you mean MOOT_SLOTS?"}
	if diff := cmp.Diff(want, Warnings()); diff != "" {
		t.Error(diff)
	}
}

// The table of --env-help, the struct that it is made of, and the page for owners
// say the same.
func TestHelp_IsTheTableOfTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/worker_environment.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```text\n")
	table, _, _ := strings.Cut(rest, "```")
	if diff := cmp.Diff(Help(), table); diff != "" {
		t.Errorf("docs/worker_environment.md (-program +page):\n%s", diff)
	}
}

// The names and defaults are the interface's.
func TestHelp_NamesAndDefaults(t *testing.T) {
	var got [][]string
	for line := range strings.Lines(Help()) {
		got = append(got, strings.Fields(line)[:2])
	}
	want := [][]string{
		{"NAME", "DEFAULT"}, {"MOOT_HUB", "required"}, {"MOOT_ROOM", "required"}, {"MOOT_TOKEN[_FILE]", "required"},
		{"ENABLE_ROOM_REGISTRY", "false"}, {"MOOT_PEER_ID", "worker-"}, {"MOOT_NAME", "the"}, {"MOOT_TAGS", "none"},
		{"MOOT_GPU_MEMORY_MB", "from"}, {"MOOT_GPU_MODEL", "from"}, {"MOOT_COMMANDS", "none"}, {"MOOT_SLOTS", "1"},
		{"MOOT_MOUNTS", "none"}, {"MOOT_JOB_USER", "the"}, {"MOOT_JOB_PROCESSES", "4096"}, {"MOOT_STATE_DIR", "the"}, {"MOOT_ROOM_SECRET[_FILE]", "none"}, {"MOOT_HEARTBEAT", "5s"},
		{"MOOT_STALE_AFTER", "15s"}, {"MOOT_DRAIN_TIMEOUT", "30s"}, {"MOOT_HTTP", "off"}, {"MOOT_LOG_LEVEL", "info"},
		{"MOOT_LOG_FORMAT", "text"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEffective_ShowsNoSecret(t *testing.T) {
	environ(t, "MOOT_TOKEN", "canary-token", "MOOT_ROOM_SECRET", "canary-secret")
	s, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range s.Effective() {
		if strings.Contains(v.Value, "canary") {
			t.Errorf("%s is shown as %q", v.Name, v.Value)
		}
	}
}

func TestMetadata_TheOwnerGoesBeforeNvidiaSmi(t *testing.T) {
	found := gpu.Info{MemoryMB: 24564, Model: "RTX A5000", Count: 1}
	mb := int64(8000)
	for _, tt := range []struct {
		name  string
		s     Settings
		found gpu.Info
		want  events.Properties
	}{
		{"found", Settings{}, found, events.Properties{GPUMemoryMB: 24564, GPUModel: "RTX A5000"}},
		{"set", Settings{GPUMemoryMB: &mb, GPUModel: "half a card"}, found, events.Properties{GPUMemoryMB: 8000, GPUModel: "half a card"}},
		{"memory set", Settings{GPUMemoryMB: &mb}, found, events.Properties{GPUMemoryMB: 8000, GPUModel: "RTX A5000"}},
		{"memory set to 0", Settings{GPUMemoryMB: new(int64)}, found, events.Properties{GPUModel: "RTX A5000"}},
		{"none", Settings{}, gpu.Info{Model: gpu.None}, events.Properties{GPUModel: "cpu"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.s.Metadata(tt.found).Properties
			tt.want.Hostname, _ = os.Hostname()
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOwnRhythm_DefaultsGiveWayToTheHub(t *testing.T) {
	environ(t)
	s, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if h, a := s.OwnRhythm(); h != 0 || a != 0 {
		t.Errorf("got %v, %v", h, a)
	}
}

func TestLockState(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "worker")
	lock, err := LockState(dir)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v", info.Mode(), err)
	}
	_, err = LockState(dir)
	e := events.AsError(err)
	if e.Code != events.CodeConfig || !strings.Contains(e.Message, dir) || !strings.Contains(e.Message, "process ") || !strings.Contains(e.Try, "MOOT_STATE_DIR") {
		t.Errorf("a second worker got %+v", e)
	}
	lock.Release()
	again, err := LockState(dir)
	if err != nil {
		t.Fatal(err)
	}
	again.Release()
}

func TestLockState_UnusableFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LockState(filepath.Join(file, "state")); events.CodeOf(err) != events.CodeConfig {
		t.Errorf("got %v", err)
	}
}
