package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A report is `moot run --json`.
type report struct {
	JobID    string `json:"job_id"`
	Worker   string `json:"worker"`
	Command  string `json:"command"`
	State    string `json:"state"`
	ExitCode *int   `json:"exit_code"`
	Outputs  []struct {
		Name   string `json:"name"`
		Size   int64  `json:"size"`
		SHA256 string `json:"sha256"`
		Path   string `json:"path"`
	} `json:"outputs"`
	Timings map[string]float64 `json:"timings"`
	Error   *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func (c *command) report() (r report) {
	c.t.Helper()
	c.end()
	decode(c.t, c.out.String(), &r)
	return r
}

// jobID is what the client says that its job is called.
func (c *command) jobID() string {
	c.t.Helper()
	c.says(" runs on ")
	said, _, _ := strings.Cut(c.err.String(), " runs on ")
	return said[strings.LastIndex(said, " ")+1:]
}

// A gate is where a job waits until the test lets it go on, and no longer than the
// test lives: sh -c '… read -r go <"$0" …' GATE.
type gate struct {
	t    *testing.T
	path string
	pipe *os.File
}

func newGate(t *testing.T) gate {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gate")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	pipe, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pipe.Close() }) // the job, if there is one, reads the end
	return gate{t, path, pipe}
}

func (g gate) open() {
	g.t.Helper()
	if _, err := g.pipe.WriteString("go\n"); err != nil {
		g.t.Fatal(err)
	}
}

// wait is a job that says begun and waits at the gate that is its argument.
const wait = `echo begun; read -r go <"$0"; echo "$go on"`

// randomFile makes a file that nothing can shorten on its way.
func randomFile(t *testing.T, path string, size int) (sum string) {
	t.Helper()
	data := make([]byte, size)
	rng := rand.New(rand.NewPCG(1, uint64(size)))
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	writeFile(t, path, string(data))
	return sumOf(t, path)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func sumOf(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Work list 7.5. Two files go up, the job's lines and states come while it runs, and
// what it wrote comes back as --json says.
func TestRun_FilesUpLinesLiveFilesDown(t *testing.T) {
	t.Parallel()
	h, g, dir := shop.visit(t), newGate(t), t.TempDir()
	w := h.watch()
	movie, notes := filepath.Join(dir, "movie.bin"), filepath.Join(dir, "notes.txt")
	movieSum, notesSum := randomFile(t, movie, 3<<20+17), randomFile(t, notes, 11)
	to := filepath.Join(dir, "results")
	c := h.moot(nil, "run", "--json", "--worker", "otter", "-i", movie, "-i", notes, "--to", to, "--", "sh", "-c",
		`echo begun; echo trouble >&2; echo ::progress 1 2 half; read -r go <"$0"; mkdir "$MOOT_OUT/deep"
		cp "$MOOT_IN/movie.bin" "$MOOT_OUT/deep/"; cp "$MOOT_IN/notes.txt" "$MOOT_OUT/"; echo ended`, g.path)
	c.says("begun\n")
	c.says("trouble\n")
	id := c.jobID()
	w.first("job", func(e happening) bool { return e.State == "running" && e.JobID == id && e.Worker == "otter" })
	if !c.runs() || strings.Contains(c.err.String(), "ended\n") {
		t.Fatalf("the job did not wait: %s", c.err)
	}
	g.open()
	if code := c.end(); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, c.out, c.err)
	}
	r := c.report()
	if r.JobID != id || r.Worker != "otter" || r.Command != "sh" || r.State != "done" || r.ExitCode == nil || *r.ExitCode != 0 {
		t.Errorf("%s", c.out)
	}
	want := map[string]string{"deep/movie.bin": movieSum, "notes.txt": notesSum}
	for _, o := range r.Outputs {
		info, err := os.Stat(o.Path)
		if err != nil || info.Size() != o.Size || o.SHA256 != want[o.Name] || sumOf(t, o.Path) != o.SHA256 || o.Path != filepath.Join(to, o.Name) {
			t.Errorf("%+v: %v", o, err)
		}
		delete(want, o.Name)
	}
	if len(want) > 0 {
		t.Errorf("%v did not come back", slices.Collect(maps.Keys(want)))
	}
	if said := c.err.String(); !strings.Contains(said, "ended\n") || strings.Contains(said, "::progress") {
		t.Errorf("stderr:\n%s", said)
	}
	w.first("job", func(e happening) bool { return e.State == "done" && e.JobID == id })
}

// The shape of --json is a promise to scripts.
func TestRun_JSONHasTheFieldsOfTheInterface(t *testing.T) {
	t.Parallel()
	h := shop.visit(t)
	c := h.moot(nil, "run", "--json", "--worker", "otter", "--", "sh", "-c", `echo x >"$MOOT_OUT/x"`)
	c.end()
	var doc map[string]json.RawMessage
	decode(t, c.out.String(), &doc)
	if got, want := slices.Sorted(maps.Keys(doc)), []string{"command", "exit_code", "job_id", "outputs", "state", "timings", "worker"}; !slices.Equal(got, want) {
		t.Errorf("fields %v, want %v", got, want)
	}
	var outputs []map[string]json.RawMessage
	decode(t, string(doc["outputs"]), &outputs)
	if len(outputs) != 1 || !slices.Equal(slices.Sorted(maps.Keys(outputs[0])), []string{"name", "path", "sha256", "size"}) {
		t.Errorf("outputs %s", doc["outputs"])
	}
	if r := c.report(); r.Outputs[0].Path != filepath.Join(r.JobID, "x") { // --to is ./JOB_ID unless given
		t.Errorf("the output is in %s", r.Outputs[0].Path)
	}
}

// The job's own exit code passes through, 128+n for signal n; state tells its 75 from
// ours.
func TestRun_ExitCodeIsTheJobs(t *testing.T) {
	t.Parallel()
	h := shop.visit(t)
	for script, want := range map[string]int{"exit 3": 3, "exit 75": 75, "kill -TERM $$": 128 + 15, "kill -KILL $$": 128 + 9} {
		c := h.moot(nil, "run", "--json", "--worker", "otter", "--", "sh", "-c", script)
		if code := c.end(); code != want {
			t.Errorf("%s: exit code %d, want %d\n%s", script, code, want, c.err)
			continue
		}
		if r := c.report(); r.State != "failed" || r.ExitCode == nil || *r.ExitCode != want || r.Error != nil {
			t.Errorf("%s: %s", script, c.out)
		}
	}
	c := h.moot(nil, "run", "--worker", "otter", "--", "sh", "-c", "echo result; echo ::metric loss 0.5; echo trouble >&2; exit 3")
	if code := c.end(); code != 3 || c.out.String() != "result\n" || !strings.Contains(c.err.String(), "trouble\n") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, c.out, c.err)
	}
}

func TestRun_FilesThatExistStayUnlessForced(t *testing.T) {
	t.Parallel()
	h, to := shop.visit(t), t.TempDir()
	kept := filepath.Join(to, "x")
	writeFile(t, kept, "mine")
	args := []string{"--worker", "otter", "--to", to, "--", "sh", "-c", `echo -n theirs >"$MOOT_OUT/x"`}
	h.moot(nil, append([]string{"run"}, args...)...).refuses(74, "x", "try: --force")
	if text := h.read(kept); text != "mine" {
		t.Errorf("the file holds %q", text)
	}
	c := h.moot(nil, append([]string{"run", "--force"}, args...)...)
	if code := c.end(); code != 0 || h.read(kept) != "theirs" {
		t.Errorf("--force: exit code %d, the file holds %q\n%s", code, h.read(kept), c.err)
	}
	entries, err := os.ReadDir(to)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestRun_EqualBaseNamesAre64(t *testing.T) {
	t.Parallel()
	h := shop.visit(t)
	a, b := filepath.Join(t.TempDir(), "movie.bin"), filepath.Join(t.TempDir(), "movie.bin")
	randomFile(t, a, 10)
	randomFile(t, b, 20)
	h.moot(nil, "run", "--worker", "otter", "-i", a, "-i", b, "--", "sh", "-c", "exit 0").refuses(64, `two input files have the name "movie.bin"`, a, b)
}

// Leaving never changes a job: the client is killed, the job goes on, and the worker
// keeps its outputs and is free again.
func TestRun_OutlivesItsClient(t *testing.T) {
	t.Parallel()
	h, g := shop.visit(t), newGate(t)
	w := h.watch()
	c := h.moot(nil, "run", "--worker", "otter", "--", "sh", "-c", wait+` >"$MOOT_OUT/said"`, g.path)
	c.says("begun\n")
	id := c.jobID()
	c.kill()
	g.open()
	w.first("job", func(e happening) bool { return e.JobID == id && e.State == "done" })
	if text := h.read(filepath.Join(h.Dir, "otter", "jobs", id, "work", "out", "said")); text != "go on\n" {
		t.Errorf("it wrote %q", text)
	}
}

// The first Ctrl-C leaves the job, which goes on, and says how to come back.
func TestRun_InterruptLeavesTheJob(t *testing.T) {
	t.Parallel()
	h, g := shop.visit(t), newGate(t)
	c := h.moot(nil, "run", "--json", "--worker", "otter", "--", "sh", "-c", wait, g.path)
	c.says("begun\n")
	id := c.jobID()
	c.signal(syscall.SIGINT)
	if code := c.end(); code != 130 {
		t.Fatalf("exit code %d\n%s", code, c.err)
	}
	if r := c.report(); r.State != "running" || r.Error == nil || r.Error.Code != "detached" {
		t.Errorf("%s", c.out)
	}
	back := h.moot(nil, "logs", "-f", id)
	back.says("begun\n")
	g.open()
	if code := back.end(); code != 0 || back.out.String() != "begun\ngo on\n" {
		t.Errorf("exit code %d\n%s%s", code, back.out, back.err)
	}
}

// The second Ctrl-C cancels it: its process ends, and the client says so.
func TestRun_SecondInterruptCancelsTheJob(t *testing.T) {
	t.Parallel()
	h, g := shop.visit(t), newGate(t)
	c := h.moot(nil, "run", "--json", "--worker", "otter", "--", "sh", "-c", `trap 'exit 1' TERM; `+wait, g.path)
	c.says("begun\n")
	id := c.jobID()
	c.signal(syscall.SIGINT)
	c.says("Ctrl-C again within 3s cancels it")
	c.signal(syscall.SIGINT)
	if code := c.end(); code != 130 {
		t.Fatalf("exit code %d\n%s", code, c.err)
	}
	if r := c.report(); r.State != "canceled" || r.Error == nil || r.Error.Code != "canceled" {
		t.Errorf("%s", c.out)
	}
	await(t, "no process of the job is left", soon, func() bool { return len(processesOf(t, "MOOT_JOB_ID="+id)) == 0 })
}
