package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moothall/moothall/scripts/stage"
)

// processesOf are the processes that a text in their environment tells: those of a job,
// or its supervisor.
func processesOf(t *testing.T, text string) (pids []string) {
	t.Helper()
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range environments {
		if env, err := os.ReadFile(path); err == nil && strings.Contains("\x00"+string(env), "\x00"+text+"\x00") {
			pids = append(pids, filepath.Base(filepath.Dir(path)))
		}
	}
	return pids
}

// The worker is killed with signal 9 in the middle of a job and started again: the
// client that follows goes on at the next line, ends with the job's exit code and its
// verified outputs, and nothing runs on.
func TestTakeUp_WorkerKilledInMidJob(t *testing.T) {
	t.Parallel()
	spec := stage.Spec{PeerID: "dingo", MemoryMB: 16000, Commands: anything}
	h, g, to := open(t, spec), newGate(t), t.TempDir()
	const lines = 500
	c := h.moot(nil, "run", "--json", "--worker", "dingo", "--to", to, "--", "sh", "-c",
		`i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); [ $i = 100 ] && echo begun && read -r go <"$0"; done
		head -c 300000 /dev/zero >"$MOOT_OUT/result"; exit 3`, g.path)
	c.says("begun\n")
	id := c.jobID()
	h.worker("dingo").Kill()
	h.add(spec)
	h.awaitWorkers(1)
	var l workerList
	h.ask(&l, "workers")
	if w := l.Workers[0]; w.Status != "busy" || w.CurrentJob != id {
		t.Errorf("the worker came back as %+v", w)
	}
	g.open()
	code, r := c.end(), c.report()
	if code != 3 || r.State != "failed" || r.JobID != id || r.ExitCode == nil || *r.ExitCode != 3 {
		t.Fatalf("exit code %d: %s\n%s", code, c.out, c.err)
	}
	if len(r.Outputs) != 1 || sumOf(t, r.Outputs[0].Path) != r.Outputs[0].SHA256 || r.Outputs[0].Size != 300000 {
		t.Errorf("outputs %+v", r.Outputs)
	}
	var want strings.Builder
	for i := range lines {
		fmt.Fprintf(&want, "line %d\n", i)
	}
	var got strings.Builder
	for line := range strings.Lines(c.err.String()) {
		if strings.HasPrefix(line, "line ") {
			got.WriteString(line)
		}
	}
	if got.String() != want.String() {
		t.Errorf("lines are missing or came twice:\n%s", c.err)
	}
	await(t, "no process of the job is left", soon, func() bool {
		return len(processesOf(t, "MOOT_JOB_ID="+id)) == 0 &&
			len(processesOf(t, "MOOT_SUPERVISE="+filepath.Join(h.Dir, "dingo", "jobs", id))) == 0
	})
	await(t, "the slot is free", soon, func() bool {
		h.ask(&l, "workers")
		return len(l.Workers) == 1 && l.Workers[0].Status == "available"
	})
}
