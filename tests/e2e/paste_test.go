package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moothall/moothall/tests/process"
)

// pasted starts a line in a shell that finds our programs.
func pasted(t *testing.T, line string, settings ...string) *command {
	t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{"PATH=" + process.Bin + ":/usr/bin:/bin", "HOME=" + cmd.Dir}, settings...)
	return start(t, cmd)
}

// ending is the line of a text that ends with some words.
func ending(t *testing.T, text, words string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); strings.HasSuffix(line, words) {
			return line
		}
	}
	t.Fatalf("no line ends with %q in\n%s", words, text)
	return ""
}

// What a hub prints to begin with works when it is pasted.
func TestUp_ItsLinesWorkWhenPasted(t *testing.T) {
	t.Parallel()
	hub := start(t, exec.Command(filepath.Join(process.Bin, "moothall"), "up", "--room", room, "--data", t.TempDir(), "--http", "127.0.0.1:0", "--nats", "127.0.0.1:0"))
	hub.says(" moot workers\n")
	said := hub.out.String()
	w := pasted(t, "exec env "+ending(t, said, " moot-worker"), "MOOT_STATE_DIR="+t.TempDir(), "MOOT_PEER_ID=adder", "MOOT_GPU_MEMORY_MB=16000")
	var l workerList
	await(t, "the worker is listed", soon, func() bool {
		c := pasted(t, ending(t, said, " moot workers")+" --json")
		l = workerList{}
		if c.end() == 0 {
			decode(t, c.out.String(), &l)
		}
		return len(l.Workers) == 1 && l.Source == "admin" || !w.runs()
	})
	if l.AdminPeerID != "adder" || l.Total != 1 {
		t.Errorf("%+v\n%s", l, w.err)
	}
}

// Show. The files of --dev are read by a shell as they are.
func TestUp_DevFilesAreReadByAShell(t *testing.T) {
	t.Parallel()
	h := open(t)
	sourced := func(file, program string, settings ...string) *command {
		return pasted(t, "set -a; . "+filepath.Join(h.Data(), file)+"; set +a; exec "+program, settings...)
	}
	var workers []*command
	for _, peer := range []string{"adder", "heron"} {
		w := sourced("worker.env", "moot-worker", "MOOT_STATE_DIR="+t.TempDir(), "MOOT_PEER_ID="+peer, "MOOT_GPU_MEMORY_MB=16000")
		workers = append(workers, w)
	}
	h.awaitWorkers(2)
	c := sourced("client.env", "moot admin --json")
	var a admin
	c.refuses(0)
	if decode(t, c.out.String(), &a); a.Term != 1 || a.Reason != "first" || a.RoomID != room {
		t.Errorf("%s\n%s%s", c.out, workers[0].err, workers[1].err)
	}
}
