//go:build linux

package faults

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moothall/moothall/scripts/stage"
	"github.com/moothall/moothall/tests/process"
)

// big is the size of a file that is on its way long enough to be met there.
const big = 64 << 20

// A report is moot run --json, and get --json.
type report struct {
	JobID    string `json:"job_id"`
	State    string `json:"state"`
	ExitCode *int   `json:"exit_code"`
	Outputs  []struct {
		Size         int64
		SHA256, Path string
	} `json:"outputs"`
	Error *struct{ Code, Message string } `json:"error"`
}

// ended waits for the command and reads what it printed.
func (c *command) ended(limit time.Duration) (code int, r report) {
	c.h.t.Helper()
	select {
	case <-c.done:
	case <-time.After(limit):
		c.h.t.Fatalf("%s does not end\n%s", strings.Join(c.cmd.Args, " "), &c.err)
	}
	if err := json.Unmarshal([]byte(c.out.String()), &r); err != nil {
		c.h.t.Fatalf("%v: %s\n%s", err, &c.out, &c.err)
	}
	return c.cmd.ProcessState.ExitCode(), r
}

// exits checks that a job ended by itself with a code, and that its one output is here
// as its hash says.
func (c *command) exits(want int, size int64) {
	c.h.t.Helper()
	code, r := c.ended(2 * time.Minute)
	if code != want || r.ExitCode == nil || *r.ExitCode != want || len(r.Outputs) != 1 || r.Outputs[0].Size != size {
		c.h.t.Errorf("exit code %d: %s\n%s", code, &c.out, &c.err)
		return
	}
	f, err := os.Open(r.Outputs[0].Path)
	if err != nil {
		c.h.t.Fatal(err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil || hex.EncodeToString(sum.Sum(nil)) != r.Outputs[0].SHA256 {
		c.h.t.Errorf("%s is not what its hash says, %v", r.Outputs[0].Path, err)
	}
}

// hole is a file of zeros that takes no disk.
func hole(t *testing.T, size int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hole")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	return path
}

// arrives waits for a part of a file.
func (h *hall) arrives(pattern string) {
	h.t.Helper()
	process.Await(h.t, "a part of a file comes", soon, func() bool {
		found, _ := filepath.Glob(pattern)
		return len(found) > 0
	})
}

// The network between the client and three workers is cut for twenty seconds, and so is
// the workers' to the hub: one receives its inputs, one runs, one's outputs are on their
// way. Afterwards each goes on where it was.
func TestCut_AClientFromItsJobsInEachState(t *testing.T) {
	h := open(t, "adder", "bison", "crane")
	to := t.TempDir()
	job := func(worker string, args ...string) *command {
		return h.moot(append([]string{"run", "--json", "--to", filepath.Join(to, worker), "--worker", worker}, args...)...)
	}
	sending := job("adder", "-i", hole(t, big), "--", "sh", "-c", `cp "$MOOT_IN/hole" "$MOOT_OUT"; exit 3`)
	h.arrives(filepath.Join(h.Dir, "adder", "jobs", "*", "work", "in", "*.part"))
	gate := filepath.Join(t.TempDir(), "gate")
	running := job("bison", "--", "sh", "-c", `echo begun; until [ -e "$0" ]; do sleep 0.02; done; echo x >"$MOOT_OUT/x"; echo over; exit 4`, gate)
	running.says("begun\n")
	returning := job("crane", "--", "sh", "-c", `truncate -s 64M "$MOOT_OUT/x"; exit 5`)
	h.arrives(filepath.Join(to, "crane", "*.part"))
	h.part([]string{stage.HubHost}, h.peers)
	time.Sleep(20 * time.Second) // the fault itself
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.heal()
	running.exits(4, 2)
	if !strings.Contains(running.err.String(), "over\n") {
		t.Errorf("the rest of its output did not come:\n%s", &running.err)
	}
	returning.exits(5, big)
	sending.exits(3, big)
}

// small mounts a disk of that many bytes.
func small(t *testing.T, path string, size string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// A disk that is full, at the client: what it was for is said, the outputs stay at the
// worker, and another folder takes them.
func TestDiskFull_AtTheClient(t *testing.T) {
	h := open(t, "adder")
	to := filepath.Join(t.TempDir(), "to")
	small(t, to, "8m")
	c := h.moot("run", "--json", "--to", to, "--", "sh", "-c", `truncate -s 16M "$MOOT_OUT/x"; exit 3`)
	code, r := c.ended(time.Minute)
	if code != 74 || r.Error == nil || !strings.Contains(r.Error.Message, "no room for the files: they have 16 MiB") || r.State != "failed" {
		t.Errorf("exit code %d: %s\n%s", code, &c.out, &c.err)
	}
	get := h.moot("get", "--json", "--to", t.TempDir(), r.JobID)
	if code, r := get.ended(time.Minute); code != 0 || len(r.Outputs) != 1 || r.Outputs[0].Size != 16<<20 {
		t.Errorf("exit code %d: %s\n%s", code, &get.out, &get.err)
	}
}

// And at the worker: an input that has no room is refused, a job that fills the disk
// ends by itself, and the worker takes the next one.
func TestDiskFull_AtTheWorker(t *testing.T) {
	h := open(t, "adder")
	h.signal("adder", syscall.SIGKILL)
	small(t, filepath.Join(h.Dir, "adder", "jobs"), "8m")
	h.again("adder")
	h.whole(soon, "adder")
	run := func(args ...string) *command {
		return h.moot(append([]string{"run", "--json", "--to", t.TempDir(), "--wait", "20s", "--worker", "adder"}, args...)...)
	}
	refused := run("-i", hole(t, 16<<20), "--", "sh", "-c", "true")
	if code, r := refused.ended(time.Minute); code != 74 || r.Error == nil || !strings.Contains(r.Error.Message, "no room for the files") {
		t.Errorf("exit code %d: %s\n%s", code, &refused.out, &refused.err)
	}
	full := run("--", "sh", "-c", `head -c 16M /dev/zero >"$MOOT_OUT/x"; code=$?; rm "$MOOT_OUT/x"; exit $code`)
	if code, r := full.ended(time.Minute); code == 0 || r.State != "failed" || r.ExitCode == nil {
		t.Errorf("exit code %d: %s\n%s", code, &full.out, &full.err)
	}
	run("--", "sh", "-c", `echo x >"$MOOT_OUT/x"; exit 3`).exits(3, 2)
}
