package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/moothall/moothall/scripts/stage"
)

// Issue 6.6: MOOT_JOB_USER is refused where it cannot be: without root, for root, for
// nobody known, and where that user may not reach the state folder.
func TestJobUser_IsRefusedWhereItCannotBe(t *testing.T) {
	t.Parallel()
	nobody := another(t)
	h := open(t)
	if err := os.Chmod(h.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string]string{
		"nobody":       "error: jobs run as nobody, who may not pass through the folder ",
		"root":         `error: MOOT_JOB_USER="root" is root, whom nothing holds back`,
		"no-such-user": `error: MOOT_JOB_USER="no-such-user": there is no user "no-such-user" here`,
	} {
		h.serve(stage.Spec{PeerID: "heron", Settings: []string{"MOOT_JOB_USER=" + what}}).refuses(78, want, "try: ")
	}
	cmd, err := h.Worker(t.Context(), stage.Spec{PeerID: "lynx", Settings: []string{"MOOT_JOB_USER=nobody"}})
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "moot-worker") // that the other user may run
	if out, err := exec.CommandContext(t.Context(), "cp", cmd.Path, program).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	passable(t, program)
	check := exec.CommandContext(t.Context(), program, "--check")
	check.Env, check.Dir = cmd.Env, "/"
	check.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := check.CombinedOutput()
	if want := fmt.Sprintf(`error: MOOT_JOB_USER="nobody" needs a worker that runs as root; this one runs as user %d`, nobody); err == nil || check.ProcessState.ExitCode() != 78 || !strings.Contains(string(out), want) {
		t.Errorf("without root: %v, %s", err, out)
	}
}

// The whole way: a worker of root's gives a job to another user, inputs and outputs come
// through, and the worker's key does not.
func TestJobUser_RunsJobsAsAnotherUser(t *testing.T) {
	t.Parallel()
	nobody := another(t)
	h := open(t)
	passable(t, h.Dir)
	h.add(stage.Spec{PeerID: "heron", MemoryMB: 8000, Commands: anything, Settings: []string{"MOOT_JOB_USER=nobody"}})
	h.awaitWorkers(1)
	dir := t.TempDir()
	input := filepath.Join(dir, "in.txt")
	if err := os.WriteFile(input, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(h.Dir, "heron", "key")
	c := h.moot(nil, "run", "-i", input, "--to", filepath.Join(dir, "out"), "--", "sh", "-c",
		`id -u; cat "$MOOT_IN/in.txt" | tr a-z A-Z > "$MOOT_OUT/back"; cat `+key+` 2>/dev/null && echo has the key; exit 0`)
	if code := c.end(); code != 0 || strings.TrimSpace(c.out.String()) != fmt.Sprint(nobody) {
		t.Errorf("exit code %d: %q\n%s", code, c.out.String(), c.err.String())
	}
	if text, err := os.ReadFile(filepath.Join(dir, "out", "back")); err != nil || string(text) != "HELLO" {
		t.Errorf("came back: %q, %v", text, err)
	}
	if _, err := os.Stat(key); err != nil {
		t.Error(err)
	}
}

// another is the number of a user that root can give jobs to.
func another(t *testing.T) uint32 {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("not root")
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	var id uint32
	if _, err := fmt.Sscan(u.Uid, &id); err != nil {
		t.Fatal(err)
	}
	return id
}

// passable lets everybody pass through the tests' folders above a path.
func passable(t *testing.T, path string) {
	t.Helper()
	for dir := path; strings.HasPrefix(dir, os.TempDir()); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}
