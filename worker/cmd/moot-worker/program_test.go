package main

import (
	"encoding/json"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/settings"
)

// call runs moot-worker with arguments and variables (name, value, …) beside those
// of a valid worker.
func call(t *testing.T, args []string, env ...string) (code int, stdout, stderr string) {
	t.Helper()
	set := map[string]string{
		"MOOT_HUB": "http://127.0.0.1:1", "MOOT_ROOM": "lab", "MOOT_TOKEN": "canary-token", "MOOT_STATE_DIR": t.TempDir(),
		"MOOT_COMMANDS": "sh=/bin/sh", "MOOT_GPU_MEMORY_MB": "16000", "MOOT_GPU_MODEL": "fake",
	}
	for i := 0; i < len(env); i += 2 {
		set[env[i]] = env[i+1]
	}
	for k, v := range set {
		t.Setenv(k, v)
	}
	var out, err strings.Builder
	p := &program{out: &out, err: &err}
	code = p.run(t.Context(), args)
	if strings.Contains(out.String()+err.String(), "canary-token") {
		t.Errorf("the token was printed:\n%s%s", out.String(), err.String())
	}
	return code, out.String(), err.String()
}

func TestEnvHelp_NeedsNoEnvironment(t *testing.T) {
	code, stdout, _ := call(t, []string{"--env-help"}, "MOOT_ROOM", "", "MOOT_HUB", "")
	if code != 0 || stdout != settings.Help() {
		t.Errorf("exit %d:\n%s", code, stdout)
	}
}

func TestCheck_PrintsWhatIsInEffect(t *testing.T) {
	code, stdout, stderr := call(t, []string{"--check"}, "MOOT_SLOT", "2", "MOOT_COMMANDS", "x=/does/not/exist")
	if code != 0 || !strings.Contains(stdout, "MOOT_HEARTBEAT        default      5s\n") || !strings.Contains(stdout, "(12 characters, hidden)") {
		t.Errorf("exit %d:\n%s", code, stdout)
	}
	for _, want := range []string{
		"warning: MOOT_SLOT is not a setting; did you mean MOOT_SLOTS?\n",
		`warning: command x: program "/does/not/exist": no such file or directory` + "\n",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr lacks %q:\n%s", want, stderr)
		}
	}
}

func TestCheck_JSON(t *testing.T) {
	code, stdout, stderr := call(t, []string{"--check", "--json"})
	var got struct {
		Settings []struct{ Name, Value, Source string }
		Warnings []string
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 || stderr != "" || len(got.Settings) < 15 || got.Warnings == nil {
		t.Errorf("exit %d, %v:\n%s%s", code, err, stdout, stderr)
	}
}

// Wrong environment: every problem in one message, exit 78.
func TestCheck_WrongEnvironment(t *testing.T) {
	wrong := []string{"MOOT_ROOM", "", "MOOT_SLOTS", "two", "MOOT_HEARTBEAT", "5"}
	want := `3 settings are wrong: MOOT_ROOM is empty; MOOT_SLOTS="two" is not a whole number; MOOT_HEARTBEAT="5" is not a duration; write 5s`
	for _, args := range [][]string{{"--check"}, {}} {
		code, stdout, stderr := call(t, args, wrong...)
		if code != 78 || stdout != "" || stderr != "error: "+want+"\n  try: moot-worker --env-help lists all settings\n" {
			t.Errorf("%v: exit %d: %s%s", args, code, stdout, stderr)
		}
	}
	code, stdout, stderr := call(t, []string{"--check", "--json"}, wrong...)
	var got events.ErrorReply
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 78 || stderr != "" || got.Error.Message != want {
		t.Errorf("exit %d, %v: %s%s", code, err, stdout, stderr)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"--bogus"}, {"fly"}, {"doctor", "now"}, {"version", "--check"}} {
		code, stdout, stderr := call(t, args)
		if code != 64 || stdout != "" || !strings.HasPrefix(stderr, "error: ") || !strings.Contains(stderr, "  try: moot-worker") {
			t.Errorf("%v: exit %d: %s%s", args, code, stdout, stderr)
		}
	}
}

func TestVersion(t *testing.T) {
	if code, stdout, _ := call(t, []string{"version"}); code != 0 || !strings.HasPrefix(stdout, "moot-worker ") {
		t.Errorf("exit %d: %s", code, stdout)
	}
	code, stdout, _ := call(t, []string{"version", "--json"})
	var got map[string]string
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 || got["version"] == "" {
		t.Errorf("exit %d, %v: %s", code, err, stdout)
	}
}

func TestDoctor(t *testing.T) {
	hub, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer hub.Close()
	here := "http://" + hub.Addr().String()
	for _, tt := range []struct {
		name string
		env  []string
		code int
		want []string
	}{
		{"all is well", []string{"MOOT_HUB", here}, 0, []string{"✓ hub", "✓ gpu       fake, 16000 MiB", "✓ disk", "✓ commands  sh"}},
		{"hub away", nil, 75, []string{"! hub       no answer from 127.0.0.1:1 (connection refused)"}},
		{"program missing", []string{"MOOT_HUB", here, "MOOT_COMMANDS", "x=/none"}, 75, []string{`! commands  command x: program "/none"`}},
		{"nothing allowed", []string{"MOOT_HUB", here, "MOOT_COMMANDS", ""}, 75, []string{"! commands  no command is allowed"}},
		{"a typo", []string{"MOOT_HUB", here, "MOOT_SLOT", "2"}, 75, []string{"! settings  MOOT_SLOT is not a setting"}},
		{"settings wrong", []string{"MOOT_SLOTS", "two"}, 78, []string{`✗ settings  MOOT_SLOTS="two" is not a whole number`, "gpu"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, _ := call(t, []string{"doctor"}, tt.env...)
			if code != tt.code {
				t.Errorf("exit %d, want %d", code, tt.code)
			}
			for _, want := range tt.want {
				if !strings.Contains(stdout, want) {
					t.Errorf("no %q in\n%s", want, stdout)
				}
			}
		})
	}
}

func TestDoctor_JSON(t *testing.T) {
	code, stdout, _ := call(t, []string{"doctor", "--json"})
	var got struct{ Findings []finding }
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 75 || len(got.Findings) < 5 {
		t.Errorf("exit %d, %v: %s", code, err, stdout)
	}
}

// A second worker on the same state folder exits 78 and names the holder.
func TestRun_StateFolderInUse(t *testing.T) {
	dir := t.TempDir()
	lock, err := settings.LockState(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	code, _, stderr := call(t, nil, "MOOT_STATE_DIR", dir)
	if code != 78 || !strings.Contains(stderr, "is in use by another worker (process ") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// Hub down: exit 69.
func TestRun_HubDown(t *testing.T) {
	code, _, stderr := call(t, nil)
	if code != 69 || !strings.Contains(stderr, "error: ") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

func TestOnThisMachine(t *testing.T) {
	for hub, want := range map[string]bool{
		"http://127.0.0.1:8480": true, "http://[::1]:8480": true, "http://localhost": true,
		"http://10.0.0.7:8480": false, "https://hub.example.org": false,
	} {
		if onThisMachine(hub) != want {
			t.Errorf("%s: %v", hub, !want)
		}
	}
}

func TestMain(m *testing.M) {
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "MOOT_") {
			os.Unsetenv(name)
		}
	}
	os.Exit(m.Run())
}
