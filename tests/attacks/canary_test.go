package attacks

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/moothall/moothall/scripts/stage"
	"github.com/moothall/moothall/tests/process"
)

// Issue 6.7: hub, workers and clients run with marked secrets and say all that they can
// say. Nothing that they print, show or start others with contains one, and every file
// that does is its owner's only.
func TestCanary_NoSecretIsPrintedOrReadable(t *testing.T) {
	t.Parallel()
	const admin, roomSecret, password = "canary-of-the-operator-0123456789", "canary-of-the-room-0123456789", "canary-password"
	dir := t.TempDir()
	s, err := stage.Open(t.Context(), stage.Config{
		Bin: process.Bin, Dir: dir, Room: lab, Tied: true,
		Settings: []string{"MOOTHALL_ADMIN_TOKEN=" + admin, "MOOTHALL_LOG_LEVEL=debug"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	shown := map[string]string{} // what anybody may come to see, by where
	for _, peer := range []string{"heron", "lynx"} {
		w, err := s.Add(stage.Spec{
			PeerID: peer, Name: peer, MemoryMB: 16000, Commands: map[string]string{"sh": "/bin/sh"},
			Settings: []string{"MOOT_ROOM_SECRET=" + roomSecret, "MOOT_LOG_LEVEL=debug"},
		})
		if err != nil {
			t.Fatal(err)
		}
		process.Await(t, peer+" is in the room", process.Soon, func() bool {
			r, err := w.Room(t.Context())
			return err == nil && r.AdminPeerID == "heron" && len(r.Workers) == len(s.Workers)
		})
	}
	moot := func(what string, settings []string, args ...string) {
		t.Helper()
		cmd, err := s.Moot(t.Context(), args...)
		if err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(cmd.Env, append([]string{"MOOT_LOG_LEVEL=debug", "MOOT_ROOM_SECRET=" + roomSecret}, settings...)...)
		out, err := cmd.CombinedOutput()
		shown[fmt.Sprintf("moot %s (%v)", what, err)] = string(out)
	}
	moot("workers", nil, "workers", "--json")
	moot("run", nil, "run", "--", "sh", "-c", "env; cat /proc/self/environ /proc/self/cmdline | tr '\\0' '\\n'; ls -la /proc/self/fd; cat /proc/$PPID/environ /proc/$PPID/cmdline | tr '\\0' '\\n'")
	moot("admin", nil, "admin")
	moot("with another secret", []string{"MOOT_ROOM_SECRET=" + roomSecret + "x"}, "run", "--", "sh", "-c", "true")
	moot("with another token", []string{"MOOT_TOKEN=moot_abcdefgh_" + password + strings.Repeat("a", 20)}, "workers", "--json")
	moot("with a password in the address", []string{"MOOT_HUB=http://me:" + password + "@127.0.0.1:1"}, "workers")
	for what, settings := range map[string][]string{
		"with a password in the address": {"MOOT_HUB=http://me:" + password + "@127.0.0.1:1"}, "with another token": {"MOOT_TOKEN=moot_abcdefgh_" + password},
		"with an address that is none": {"MOOT_HUB=nats://" + password + "@x"},
	} {
		cmd, err := s.Worker(t.Context(), stage.Spec{PeerID: "bad", Settings: settings}, "MOOT_ROOM_SECRET="+roomSecret)
		if err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{nil, {"--check"}} {
			again := exec.CommandContext(t.Context(), cmd.Path, args...)
			again.Env = cmd.Env
			out, err := again.CombinedOutput()
			shown[fmt.Sprintf("moot-worker %v %s (%v)", args, what, err)] = string(out)
		}
	}
	for _, args := range [][]string{{"token", "ls"}, {"token", "ls", "--json"}, {"peer", "ls"}, {"token", "revoke", "nobody"}} {
		out, _ := operator(t, s, args...) // one of them must fail
		shown["moothall "+strings.Join(args, " ")] = out
	}
	for _, path := range []string{"/version", "/metrics", "/healthz", "/"} {
		shown["hub "+path] = get(t, s.HTTP+path, admin)
	}
	for _, w := range s.Workers {
		base := strings.TrimSuffix(w.URL, "/v1/room")
		for _, path := range []string{"/v1/room", "/metrics"} {
			shown[w.PeerID+" "+path] = get(t, base+path, "")
		}
	}
	for _, pid := range s.PIDs() {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			t.Skip("no /proc")
		}
		shown["command line"] += string(bytes.ReplaceAll(line, []byte{0}, []byte("\n")))
	}
	secrets := map[string]string{"the admin token": admin, "the room secret": roomSecret, "a password": password}
	maps.Copy(secrets, secretsOf(t, s))
	s.Close()
	for _, log := range []string{"hub.log", "heron.log", "lynx.log"} {
		text, err := os.ReadFile(filepath.Join(dir, log))
		if err != nil || !strings.Contains(string(text), "DEBUG") {
			t.Fatalf("%s says nothing of DEBUG: %v", log, err)
		}
		// The lines to paste are for who starts the hub, on its standard output.
		shown[log] = pasted.ReplaceAllString(string(text), "")
	}
	if run := shown["moot run (<nil>)"]; !strings.Contains(run, "MOOT_OUT=") || !strings.Contains(run, "moot-worker") {
		t.Errorf("the job does not show its environment and its supervisor's: %s", run)
	}
	for _, where := range slices.Sorted(maps.Keys(shown)) {
		for what, secret := range secrets {
			all.attack(t, strings.Contains(shown[where], secret), "%s is in what %s shows", what, where)
		}
	}
	files := 0
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for what, secret := range secrets {
			if !bytes.Contains(text, []byte(secret)) {
				continue
			}
			files++
			info, err := d.Info()
			if err != nil {
				return err
			}
			all.attack(t, info.Mode().Perm()&0o077 != 0, "%s is in %s, which is %s", what, path, info.Mode())
		}
		return nil
	})
	if err != nil || files < 10 {
		t.Errorf("%d files with secrets were found: %v", files, err)
	}
	t.Logf("%d secrets, %d things that are shown, %d files with secrets", len(secrets), len(shown), files)
}

var pasted = regexp.MustCompile("(?m)^.*MOOT_TOKEN=.*$")

// secretsOf are what the hub and the workers made for themselves.
func secretsOf(t *testing.T, s *stage.Stage) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, name := range []string{"worker.env", "client.env"} {
		text, err := os.ReadFile(filepath.Join(s.Data(), name))
		if err != nil {
			t.Fatal(err)
		}
		_, token, _ := strings.Cut(string(text), "MOOT_TOKEN=")
		token, _, _ = strings.Cut(token, "\n")
		found["the token of "+name] = token[strings.LastIndexByte(token, '_')+1:]
	}
	err := filepath.WalkDir(s.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		line := strings.TrimSpace(string(text))
		if len(line) == 58 && strings.HasPrefix(line, "S") && strings.ToUpper(line) == line {
			found[strings.TrimPrefix(path, s.Dir)] = line
		}
		return err
	})
	if err != nil || len(found) < 9 {
		t.Fatalf("found the secrets %v: %v", slices.Sorted(maps.Keys(found)), err)
	}
	return found
}

func get(t *testing.T, url, token string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Status + "\n" + string(text)
}
