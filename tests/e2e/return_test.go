package e2e

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A listing is `moot jobs --json`.
type listing struct {
	RoomID      string   `json:"room_id"`
	Jobs        []report `json:"jobs"`
	Unreachable []string `json:"unreachable"`
}

// listed is a job as moot jobs shows it.
func (h hall) listed(id string) report {
	h.t.Helper()
	var l listing
	h.ask(&l, "jobs")
	for _, j := range l.Jobs {
		if j.JobID == id {
			return j
		}
	}
	h.t.Fatalf("moot jobs does not list %s", id)
	return report{}
}

// detach starts a job with -d and returns its id.
func (h hall) detach(args ...string) string {
	h.t.Helper()
	c := h.moot(nil, append([]string{"run", "-d", "--worker", "otter", "--"}, args...)...)
	if code := c.end(); code != 0 {
		h.t.Fatalf("exit code %d\n%s", code, c.err)
	}
	id := strings.TrimSpace(c.out.String())
	if !strings.Contains(c.err.String(), "moot get "+id) {
		h.t.Errorf("it does not say how to come back: %s", c.err)
	}
	return id
}

// A job is started with -d, listed, followed, and its outputs are fetched, each by
// another process.
func TestReturn_DetachJobsLogsGet(t *testing.T) {
	t.Parallel()
	h, g := shop.visit(t), newGate(t)
	id := h.detach("sh", "-c", wait+`; echo oops >&2; echo "::metric loss 4"; echo "::metric loss 1"; echo data >"$MOOT_OUT/data"; exit 3`, g.path)
	if j := h.listed(id); j.State != "running" || j.Worker != "otter" || j.Command != "sh" || j.ExitCode != nil {
		t.Errorf("%+v", j)
	}
	h.moot(nil, "get", id).refuses(75, id, "try: moot logs -f "+id)
	logs := h.moot(nil, "logs", id) // what is there now
	if code := logs.end(); code != 0 || logs.out.String() != "begun\n" {
		t.Errorf("exit code %d, %q\n%s", code, logs.out, logs.err)
	}
	follow := h.moot(nil, "logs", "-f", id)
	follow.says("begun\n")
	g.open()
	if code := follow.end(); code != 3 || follow.out.String() != "begun\ngo on\n" || !strings.Contains(follow.err.String(), "oops\n") {
		t.Errorf("exit code %d, %q\n%s", code, follow.out, follow.err)
	}
	if j := h.listed(id); j.State != "failed" || *j.ExitCode != 3 || len(j.Outputs) != 1 {
		t.Errorf("%+v", j)
	}
	metrics := h.moot(nil, "logs", "--metrics", id)
	if code := metrics.end(); code != 0 || metrics.out.String() != "loss 4 █▁ 1  (1 to 4)\n" {
		t.Errorf("exit code %d, %q\n%s", code, metrics.out, metrics.err)
	}
	to := t.TempDir()
	get := h.moot(nil, "get", "--json", "--to", to, id)
	if r := get.report(); get.end() != 0 || len(r.Outputs) != 1 || h.read(filepath.Join(to, "data")) != "data\n" || sumOf(t, r.Outputs[0].Path) != r.Outputs[0].SHA256 {
		t.Errorf("%s\n%s", get.out, get.err)
	}
	h.moot(nil, "get", "--to", to, id).refuses(74, "data", "--force")
}

// stop keeps the results, cancel keeps nothing; both say how the job ended.
func TestReturn_StopAndCancel(t *testing.T) {
	t.Parallel()
	h, g := shop.visit(t), newGate(t)
	id := h.detach("sh", "-c", `trap 'echo best >"$MOOT_OUT/weights"; exit 0' INT; `+wait, g.path)
	stop := h.moot(nil, "stop", "--json", id)
	if r := stop.report(); stop.end() != 0 || r.State != "done" || r.JobID != id {
		t.Errorf("%s\n%s", stop.out, stop.err)
	}
	to := t.TempDir()
	if c := h.moot(nil, "get", "--to", to, id); c.end() != 0 || h.read(filepath.Join(to, "weights")) != "best\n" {
		t.Errorf("%s", c.err)
	}

	id = h.detach("sh", "-c", `sleep 1000 & setsid sleep 1000 & `+wait, g.path)
	cancel := h.moot(nil, "cancel", "--json", id)
	if r := cancel.report(); cancel.end() != 0 || r.State != "canceled" {
		t.Errorf("%s\n%s", cancel.out, cancel.err)
	}
	await(t, "no process of the job is left", soon, func() bool { return len(processesOf(t, "MOOT_JOB_ID="+id)) == 0 })
	if j := h.listed(id); j.State != "canceled" || j.ExitCode != nil {
		t.Errorf("%+v", j)
	}
}

// Everybody in the room may list a job; only who holds the owner's key may do more.
func TestReturn_OnlyTheOwner(t *testing.T) {
	t.Parallel()
	h, g := shop.visit(t), newGate(t)
	id := h.detach("sh", "-c", wait, g.path)
	stranger := []string{"MOOT_CLIENT_DIR=" + t.TempDir()}
	for _, command := range []string{"logs", "get", "stop", "cancel"} {
		if command != "get" {
			h.moot(stranger, command, id).refuses(77, id, "MOOT_CLIENT_DIR")
		}
	}
	c := h.moot(stranger, "jobs", "--json")
	if c.end() != 0 || !strings.Contains(c.out.String(), id) {
		t.Errorf("%s", c.out)
	}
	g.open()
	if code := h.moot(nil, "logs", "-f", id).end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	h.moot(stranger, "get", id).refuses(77, id, "MOOT_CLIENT_DIR")
	h.moot(nil, "logs", "j-aaaaaaaa").refuses(64, "j-aaaaaaaa", "try: moot jobs")
	if info, err := os.Stat(filepath.Join(h.Dir, "client", "owner")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// The shape of moot jobs --json is a promise to scripts.
func TestJobs_JSONHasTheFieldsOfTheInterface(t *testing.T) {
	t.Parallel()
	h := shop.visit(t)
	h.detach("sh", "-c", "true")
	c := h.moot(nil, "jobs", "--json")
	c.end()
	var doc struct {
		Jobs []map[string]json.RawMessage `json:"jobs"`
	}
	var top map[string]json.RawMessage
	decode(t, c.out.String(), &doc)
	decode(t, c.out.String(), &top)
	if got, want := slices.Sorted(maps.Keys(top)), []string{"jobs", "room_id", "unreachable"}; !slices.Equal(got, want) {
		t.Errorf("fields %v, want %v", got, want)
	}
	want := []string{"command", "created", "ended", "exit_code", "fetched", "job_id", "outputs", "started", "state", "worker"}
	if got := slices.Sorted(maps.Keys(doc.Jobs[0])); !slices.Equal(got, want) {
		t.Errorf("fields %v, want %v", got, want)
	}
}
