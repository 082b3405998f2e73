package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

// moot runs a command line with only these variables set.
func moot(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "MOOT") || name == "ENABLE_ROOM_REGISTRY" {
			t.Setenv(name, "")
		}
	}
	for _, name := range []string{"MOOT_HUB", "MOOT_ROOM", "MOOT_TOKEN", "MOOT_TOKEN_FILE", "ENABLE_ROOM_REGISTRY"} {
		t.Setenv(name, env[name]) // flags change them; the test restores them
	}
	for name, value := range env {
		t.Setenv(name, value)
	}
	var out, err bytes.Buffer
	p := &program{out: &out, err: &err, interrupts: unpressed}
	code = p.run(context.Background(), args)
	return code, out.String(), err.String()
}

func TestUsage_Is64(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.mp4")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"bogus"},
		{"workers", "--bogus"},
		{"workers", "more"},
		{"workers", "--status", "idle"},
		{"workers", "--min-gpu-memory", "lots"},
		{"run"},
		{"run", "--wait", "-1s", "--", "track"},
		{"logs"},
		{"get", "j-aaaaaaaa", "j-bbbbbbbb"},
		{"run", "-i", file, "-i", file, "--", "track"},
		{"admin", "--token", "a", "--token-file", "b"},
	} {
		if code, _, stderr := moot(t, nil, args...); code != 64 || !strings.HasPrefix(stderr, "error: ") || !strings.Contains(stderr, "\n  try: ") {
			t.Errorf("moot %s: exit %d\n%s", strings.Join(args, " "), code, stderr)
		}
	}
}

func TestUsage_AsJSONToo(t *testing.T) {
	for _, args := range [][]string{{"workers", "--bogus", "--json"}, {"workers", "--json", "--status", "idle"}} {
		code, stdout, _ := moot(t, nil, args...)
		var doc struct{ Error events.Error }
		if err := json.Unmarshal([]byte(stdout), &doc); err != nil || code != 64 || doc.Error.Code != events.CodeUsage {
			t.Errorf("moot %s: exit %d, %q", strings.Join(args, " "), code, stdout)
		}
	}
}

// A missing input is 74 before anybody is asked.
func TestRun_MissingInputIs74(t *testing.T) {
	code, _, stderr := moot(t, nil, "run", "-i", filepath.Join(t.TempDir(), "gone.mp4"), "--", "track")
	if code != 74 || !strings.Contains(stderr, "gone.mp4") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
}

// Wrong settings are 78, every problem in one message.
func TestConfig_Is78WithEveryProblem(t *testing.T) {
	code, _, stderr := moot(t, map[string]string{"MOOT_HUB": "hub:8480", "MOOT_ROOM": "Lab 1", "ENABLE_ROOM_REGISTRY": "perhaps"}, "workers")
	if code != 78 {
		t.Errorf("exit %d", code)
	}
	for _, part := range []string{"4 settings are wrong", "MOOT_HUB=", "MOOT_ROOM", "MOOT_TOKEN is ", `ENABLE_ROOM_REGISTRY="perhaps"`} {
		if !strings.Contains(stderr, part) {
			t.Errorf("%q is missing in\n%s", part, stderr)
		}
	}
}

func TestConfig_FlagsWin(t *testing.T) {
	env := map[string]string{"MOOT_HUB": "not a hub", "MOOT_TOKEN_FILE": "/nowhere"}
	code, _, stderr := moot(t, env, "workers", "--hub", closedPort(t), "--room", "lab", "--token", "secret-token-of-some-length")
	if code != 69 || strings.Contains(stderr, "secret") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
}

func TestConfig_WarnsOfNamesThatMeanNothing(t *testing.T) {
	_, _, stderr := moot(t, map[string]string{"MOOT_HUBS": "x", "MOOT_SLOTS": "2"}, "workers")
	if !strings.Contains(stderr, "warning: MOOT_HUBS is not a setting; did you mean MOOT_HUB?") || strings.Contains(stderr, "MOOT_SLOTS") {
		t.Errorf("%s", stderr)
	}
}

// The hub is down: 69 within 5 s, by every command.
func TestHubDown_Is69Within5s(t *testing.T) {
	env := map[string]string{"MOOT_HUB": closedPort(t), "MOOT_ROOM": "lab", "MOOT_TOKEN": "x", "ENABLE_ROOM_REGISTRY": "true"}
	for _, args := range [][]string{{"workers"}, {"admin"}, {"watch"}, {"run", "--", "track"}} {
		begun := time.Now()
		code, stdout, stderr := moot(t, env, args...)
		if code != 69 || stdout != "" || !strings.HasPrefix(stderr, "error: no answer from the hub at "+env["MOOT_HUB"]) {
			t.Errorf("moot %s: exit %d\n%s%s", args[0], code, stdout, stderr)
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("moot %s took %s", args[0], took)
		}
	}
}

// closedPort is the URL of a port where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

func TestVersionAndCompletion(t *testing.T) {
	if code, out, _ := moot(t, nil, "version"); code != 0 || !strings.HasPrefix(out, "moot ") {
		t.Errorf("version: exit %d, %q", code, out)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if code, out, _ := moot(t, nil, "completion", shell); code != 0 || !strings.Contains(out, "moot") {
			t.Errorf("completion %s: exit %d", shell, code)
		}
	}
}

// unpressed is a keyboard on which nobody presses Ctrl-C.
func unpressed() (<-chan os.Signal, func()) { return nil, func() {} }
