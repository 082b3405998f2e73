package e2e

import (
	"context"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moothall/moothall/scripts/stage"
	"github.com/moothall/moothall/tests/process"
)

// patience is how long a command may run that a test waits for.
const patience = time.Minute

// A command is a program that runs beside the test.
type command struct {
	t        *testing.T
	cmd      *exec.Cmd
	out, err *buffer // what it has printed so far
	begun    time.Time
	done     chan struct{}
	took     time.Duration // valid after done
}

// start runs a program until it ends, and kills it at the test's end, be that a panic.
func start(t *testing.T, cmd *exec.Cmd) *command {
	t.Helper()
	c := &command{t: t, cmd: cmd, out: &buffer{}, err: &buffer{}, begun: time.Now(), done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = c.out, c.err
	cmd.WaitDelay = time.Second
	stage.Tie(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait() // its end is read from cmd.ProcessState
		c.took = time.Since(c.begun)
		close(c.done)
	}()
	t.Cleanup(c.kill)
	return c
}

func (c *command) kill() {
	_ = c.cmd.Process.Kill() // it may have ended
	<-c.done
}

func (c *command) signal(s syscall.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

func (c *command) runs() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// end waits for the command's end and returns its exit code.
func (c *command) end() int {
	c.t.Helper()
	select {
	case <-c.done:
	case <-time.After(patience):
		c.t.Fatalf("%s does not end\n%s", strings.Join(c.cmd.Args, " "), c.err)
	}
	return c.cmd.ProcessState.ExitCode()
}

// says waits until the command has printed a text, on stdout or stderr, and fails if
// it ends before.
func (c *command) says(text string) {
	c.t.Helper()
	said := func() bool { return strings.Contains(c.out.String()+c.err.String(), text) }
	await(c.t, "it prints "+text, soon, func() bool { return said() || !c.runs() })
	if !said() {
		c.t.Fatalf("%s ended (%d) and did not print %q:\n%s%s", strings.Join(c.cmd.Args, " "), c.end(), text, c.out, c.err)
	}
}

// moot starts a client command. Settings are NAME=value beside those of client.env.
func (h hall) moot(settings []string, args ...string) *command {
	h.t.Helper()
	cmd, err := h.Moot(context.Background(), args...)
	if err != nil {
		h.t.Fatal(err)
	}
	cmd.Env = append(cmd.Env, settings...)
	cmd.Dir = h.t.TempDir()
	return start(h.t, cmd)
}

// ask runs a client command that must succeed and decodes what it prints.
func (h hall) ask(doc any, args ...string) {
	h.t.Helper()
	c := h.moot(nil, append(args, "--json")...)
	if code := c.end(); code != 0 {
		h.t.Fatalf("moot %s: exit code %d\n%s%s", strings.Join(args, " "), code, c.out, c.err)
	}
	decode(h.t, c.out.String(), doc)
}

func decode(t *testing.T, text string, doc any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), doc); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

// serve starts a worker that the test waits for.
func (h hall) serve(spec stage.Spec, settings ...string) *command {
	h.t.Helper()
	cmd, err := h.Worker(context.Background(), spec, append([]string{"MOOT_STATE_DIR=" + h.t.TempDir()}, settings...)...)
	if err != nil {
		h.t.Fatal(err)
	}
	return start(h.t, cmd)
}

// moothall runs a command of the hub's program to its end.
func moothall(t *testing.T, args ...string) *command {
	t.Helper()
	c := start(t, exec.Command(process.Bin+"/moothall", args...))
	c.end()
	return c
}

// token makes a join token of this hall's hub.
func (h hall) token(args ...string) string {
	h.t.Helper()
	c := moothall(h.t, append([]string{"token", "new", "--data", h.Data()}, args...)...)
	if code := c.end(); code != 0 {
		h.t.Fatalf("exit code %d\n%s", code, c.err)
	}
	return strings.TrimSpace(c.out.String())
}

// refuses checks that a command ended with a code and said why. The words are those
// that a person would look for.
func (c *command) refuses(code int, words ...string) {
	c.t.Helper()
	if got := c.end(); got != code {
		c.t.Errorf("%s: exit code %d, want %d\n%s%s", strings.Join(c.cmd.Args, " "), got, code, c.out, c.err)
		return
	}
	said := c.err.String()
	if i := slices.IndexFunc(words, func(w string) bool { return !strings.Contains(said, w) }); i >= 0 {
		c.t.Errorf("%s does not say %q:\n%s", strings.Join(c.cmd.Args, " "), words[i], said)
	}
}

// A workerList is `moot workers --json`.
type workerList struct {
	RoomID      string   `json:"room_id"`
	Source      string   `json:"source"`
	AdminPeerID string   `json:"admin_peer_id"`
	Term        uint64   `json:"term"`
	Total       int      `json:"total"`
	Workers     []worker `json:"workers"`
}

type worker struct {
	PeerID      string `json:"peer_id"`
	Status      string `json:"status"`
	IsAdmin     bool   `json:"is_admin"`
	Registry    bool   `json:"registry"`
	Incarnation uint64 `json:"incarnation"`
	CurrentJob  string `json:"current_job"`
}

func (l workerList) ids() []string {
	var ids []string
	for _, w := range l.Workers {
		ids = append(ids, w.PeerID)
	}
	slices.Sort(ids)
	return ids
}

// of is one worker of the list, zero if it is not there.
func (l workerList) of(peer string) worker {
	i := slices.IndexFunc(l.Workers, func(w worker) bool { return w.PeerID == peer })
	if i < 0 {
		return worker{}
	}
	return l.Workers[i]
}

// workers is the list by the room's admin. On a busy machine, or just elected, it may
// miss the 500 ms that a client gives it.
func (h hall) workers() (l workerList) {
	h.t.Helper()
	await(h.t, "the admin lists the workers", soon, func() bool {
		l = workerList{}
		h.ask(&l, "workers")
		return l.Source == "admin"
	})
	return l
}

// awaitWorkers waits until the admin lists so many.
func (h hall) awaitWorkers(n int) {
	h.t.Helper()
	await(h.t, "the admin lists all workers", soon, func() bool { return len(h.workers().Workers) == n })
}

// A happening is a line of `moot watch --json`.
type happening struct {
	Type                string  `json:"type"`
	PeerID              string  `json:"peer_id"`
	Incarnation         uint64  `json:"incarnation"`
	Reason              string  `json:"reason"`
	AdminPeerID         string  `json:"admin_peer_id"`
	PreviousAdminPeerID string  `json:"previous_admin_peer_id"`
	Term                uint64  `json:"term"`
	ElectionTimeMS      float64 `json:"election_time_ms"`
	NumWorkers          int     `json:"num_workers"`
	Status              string  `json:"status"`
	JobID               string  `json:"job_id"`
	Worker              string  `json:"worker"`
	State               string  `json:"state"`
}

// A watcher is `moot watch --json`.
type watcher struct{ *command }

// watch returns when everything that happens from now on will be seen.
func (h hall) watch() watcher {
	h.t.Helper()
	w := watcher{h.moot(nil, "watch", "--json", "--verbose")}
	w.says("watching room " + room)
	return w
}

// seen are the events of a type so far.
func (w watcher) seen(kind string) (all []happening) {
	w.t.Helper()
	for line := range strings.Lines(w.out.String()) {
		var e happening
		if !strings.HasSuffix(line, "\n") {
			break // it comes
		}
		decode(w.t, line, &e)
		if e.Type == kind {
			all = append(all, e)
		}
	}
	return all
}

// first waits for an event of a type and returns the first that fits.
func (w watcher) first(kind string, fits func(happening) bool) happening {
	w.t.Helper()
	var found happening
	await(w.t, "moot watch prints "+kind, soon, func() bool {
		all := w.seen(kind)
		i := slices.IndexFunc(all, fits)
		if i >= 0 {
			found = all[i]
		}
		return i >= 0
	})
	return found
}
