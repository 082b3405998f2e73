//go:build linux

package faults

import (
	"os"
	"path/filepath"
	"syscall"

	"github.com/moothall/moothall/tests/process"
)

// A job runs on a worker until it is let go.
type job struct {
	*command
	worker string
	pipe   *os.File
}

// busy starts a job on a worker and returns when the worker itself shows it: from then
// on the status is acknowledged.
func (h *hall) busy(peer string) job {
	h.t.Helper()
	gate := filepath.Join(h.t.TempDir(), "gate")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		h.t.Fatal(err)
	}
	pipe, err := os.OpenFile(gate, os.O_RDWR, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = pipe.Close() })
	c := h.moot("run", "--worker", peer, "--", "sh", "-c", `echo begun; read -r go <"$0"`, gate)
	c.says("begun\n")
	j := job{c, peer, pipe}
	process.Await(h.t, peer+" shows that it is busy", soon, func() bool { return h.of(peer, peer).Status == "busy" })
	return j
}

// end lets the job go and returns when its worker shows that it is available.
func (j job) end() {
	j.h.t.Helper()
	if _, err := j.pipe.WriteString("go\n"); err != nil {
		j.h.t.Fatal(err)
	}
	process.Await(j.h.t, j.worker+" shows that it is available", soon, func() bool { return j.h.of(j.worker, j.worker).Status == "available" })
}

// expectBusy checks that exactly these are busy, and the others available, in the view
// of each of the peers.
func (h *hall) expectBusy(viewers []string, busy ...string) {
	h.t.Helper()
	for _, viewer := range viewers {
		shown := h.room(viewer)
		for _, w := range shown.Workers {
			want := "available"
			if containsAll(busy, []string{w.PeerID}) {
				want = "busy"
			}
			if string(w.Status) != want {
				h.t.Errorf("%s shows %s %s, not %s", viewer, w.PeerID, w.Status, want)
			}
		}
	}
}
