//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server/ats"
	"go.uber.org/goleak"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/tests/bubble"
	"github.com/moothall/moothall/worker"
	"github.com/moothall/moothall/worker/jobs"
)

func TestMain(m *testing.M) {
	jobs.Supervise()
	ats.Register() // else JetStream's clock would stop the virtual time of bubbles
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server/ats.Register.func1"))
}

// A hall is a room of real agents in a bubble, and moot in front of it.
type hall struct {
	*bubble.Cluster
	t       *testing.T
	workers []*bubble.Worker
}

// inHall calls f in a bubble with workers of the given GPU memory; the first is admin.
func inHall(t *testing.T, memory []int64, f func(hall)) {
	for name, value := range map[string]string{
		"MOOT_HUB": "http://hub", "MOOT_ROOM": bubble.Room, "MOOT_TOKEN": "replaced", "MOOT_TOKEN_FILE": "", "ENABLE_ROOM_REGISTRY": "true",
		"MOOT_CLIENT_DIR": t.TempDir(),
	} {
		t.Setenv(name, value)
	}
	commands, err := jobs.ParseCommands(`shout=sh -c 'tr a-z A-Z <"$MOOT_IN/a.txt" >"$MOOT_OUT/a.txt"; echo hello; exit "$0"' {args}`)
	if err != nil {
		t.Fatal(err)
	}
	bubble.Run(t, func(t *testing.T, c *bubble.Cluster) {
		h := hall{Cluster: c, t: t}
		for i, mb := range memory {
			w := c.StartWith(fmt.Sprintf("worker-%d", i+1), mb, func(cfg *worker.Config) { cfg.Commands = commands })
			h.workers = append(h.workers, w)
			if _, ok := c.Until(5*time.Second, h.complete); !ok {
				t.Fatalf("not all of %d workers see each other", i+1)
			}
		}
		f(h)
	})
}

// complete reports whether every worker, the admin among them, has the row of all:
// until then the others are shown as they registered, which names no commands.
func (h hall) complete() bool {
	for _, w := range h.workers {
		all := w.Room().Workers
		if len(all) != len(h.workers) || slices.ContainsFunc(all, func(w events.Worker) bool { return w.Commands == nil }) {
			return false
		}
	}
	return true
}

// program is moot for this room. It is made on the test's goroutine, which alone may
// use the cluster.
func (h hall) program(out, err io.Writer) *program {
	cfg, _ := h.Session(events.RoleClient, "")
	network := h.Net()
	return &program{out: out, err: err, interrupts: unpressed, hooks: func(c *client.Config) {
		c.Token, c.HTTP, c.InProcess, c.Link.Net = cfg.Token, cfg.HTTP, cfg.InProcess, network
	}}
}

// moot runs a command line to its end.
func (h hall) moot(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = h.program(&out, &err).run(context.Background(), args)
	return code, out.String(), err.String()
}

// A feed is a command line that runs until stop; next is its next line on stdout.
type feed struct {
	t     *testing.T
	lines chan string
	stop  func() int
}

func (h hall) feed(args ...string) feed {
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	f := feed{t: h.t, lines: make(chan string, 64)}
	ended, p := make(chan int, 1), h.program(w, io.Discard)
	go func() {
		code := p.run(ctx, args)
		w.Close()
		ended <- code
	}()
	go func() {
		defer close(f.lines)
		for s := bufio.NewScanner(r); s.Scan(); {
			f.lines <- s.Text()
		}
	}()
	f.stop = func() int { cancel(); return <-ended }
	return f
}

// next decodes the next line, which must come within a minute.
func (f feed) next(v any) {
	f.t.Helper()
	select {
	case line := <-f.lines:
		if err := json.Unmarshal([]byte(line), v); err != nil {
			f.t.Fatalf("%v: %s", err, line)
		}
	case <-time.After(time.Minute):
		f.t.Fatal("no line came")
	}
}

func decode(t *testing.T, doc string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(doc), v); err != nil {
		t.Fatalf("%v: %s", err, doc)
	}
}

// Work list 5.1, 5.2, 7.5.
func TestWorkers_OfARealRoomThroughItsAdmin(t *testing.T) {
	inHall(t, []int64{16000, 24000, 16000}, func(h hall) {
		code, stdout, stderr := h.moot("workers", "--json")
		var list workersView
		decode(h.t, stdout, &list)
		if code != 0 || stderr != "" || list.Source != events.SourceAdmin || list.Total != 3 || len(list.Workers) != 3 {
			h.t.Fatalf("exit %d, %s%s", code, stdout, stderr)
		}
		if list.AdminPeerID != "worker-1" || !list.Workers[0].IsAdmin || list.Workers[0].PeerID != "worker-1" {
			h.t.Errorf("admin %s: %+v", list.AdminPeerID, list.Workers[0])
		}
		for _, w := range list.Workers {
			if w.Status != events.StatusAvailable || !w.Registry || w.Slots != (events.Slots{Total: 1, Free: 1}) {
				h.t.Errorf("%+v", w)
			}
		}

		code, stdout, stderr = h.moot("workers", "--min-gpu-memory", "20000")
		if code != 0 || strings.Count(stdout, "\n") != 2 || !strings.Contains(stdout, "worker-2") || !strings.Contains(stderr, "1 of 3 workers match") {
			h.t.Errorf("exit %d\n%s%s", code, stdout, stderr)
		}
	})
}

// The admin crashes: the strongest follows within 5 s, and a watch says so once.
func TestAdmin_TheStrongestFollowsACrash(t *testing.T) {
	inHall(t, []int64{16000, 24000, 16000}, func(h hall) {
		watch, admins := h.feed("watch", "--json"), h.feed("admin", "--watch", "--json")
		var first, second client.AdminInfo
		if admins.next(&first); first.AdminPeerID != "worker-1" || first.Reason != events.ReasonFirst {
			h.t.Errorf("%+v", first)
		}
		time.Sleep(time.Second)
		killed := time.Now()
		h.workers[0].Kill()
		admins.next(&second)
		if took := time.Since(killed); second.AdminPeerID != "worker-2" || second.Term <= first.Term || took > 5*time.Second {
			h.t.Errorf("after %s: %+v", took, second)
		}
		_, stdout, _ := h.moot("admin", "--json")
		var now client.AdminInfo
		if decode(h.t, stdout, &now); now != second {
			h.t.Errorf("asked: %+v, told: %+v", now, second)
		}
		time.Sleep(time.Minute)
		if code := watch.stop(); code != 130 {
			h.t.Errorf("exit %d", code)
		}
		elected := 0
		for line := range watch.lines {
			var e client.Head
			if decode(h.t, line, &e); e.Type == client.TypeAdminElected {
				elected++
			}
		}
		if elected != 1 {
			h.t.Errorf("%d elections told of, want 1", elected)
		}
		admins.stop()
	})
}

// moot workers --watch: the list, and again when it is another one.
func TestWorkers_WatchPrintsTheListAgainWhenItChanges(t *testing.T) {
	inHall(t, []int64{16000, 24000}, func(h hall) {
		f := h.feed("workers", "--watch", "--json")
		var list workersView
		if f.next(&list); list.Total != 2 {
			h.t.Errorf("%+v", list)
		}
		h.Start("worker-3", 8000)
		for list.Total != 3 {
			f.next(&list)
		}
		time.Sleep(30 * time.Second)
		if code := f.stop(); code != 130 {
			h.t.Errorf("exit %d", code)
		}
		for line := range f.lines {
			h.t.Errorf("nothing changed, and it printed %s", line)
		}
	})
}

func TestRun_OnARealWorker(t *testing.T) {
	inHall(t, []int64{16000, 24000}, func(h hall) {
		input, to := filepath.Join(h.t.TempDir(), "a.txt"), filepath.Join(h.t.TempDir(), "out")
		if err := os.WriteFile(input, []byte("hello"), 0o644); err != nil {
			h.t.Fatal(err)
		}
		code, stdout, stderr := h.moot("run", "--json", "-i", input, "--to", to, "--", "shout", "3")
		var r resultView
		decode(h.t, stdout, &r)
		if code != 3 || r.State != events.JobFailed || r.Worker != "worker-2" || *r.ExitCode != 3 || len(r.Outputs) != 1 || r.Error != nil {
			h.t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
		}
		if got, err := os.ReadFile(filepath.Join(to, "a.txt")); err != nil || string(got) != "HELLO" || !strings.Contains(stderr, "hello\n") {
			h.t.Errorf("the file is %q (%v), stderr\n%s", got, err, stderr)
		}

		code, stdout, stderr = h.moot("run", "-i", input, "--to", to, "--force", "--", "shout", "0")
		if code != 0 || stdout != "hello\n" {
			h.t.Errorf("exit %d, stdout %q\n%s", code, stdout, stderr)
		}
	})
}

// No worker, none matches, not allowed: the message, the code and the exit code.
func TestRun_Refusals(t *testing.T) {
	inHall(t, []int64{16000}, func(h hall) {
		for _, c := range []struct {
			args []string
			exit int
			code events.Code
		}{
			{[]string{"run", "--min-gpu-memory", "32GiB", "--", "shout"}, 75, events.CodeNoMatch},
			{[]string{"run", "--", "bash"}, 77, events.CodeNotAllowed},
			{[]string{"run", "--worker", "nobody", "--", "shout"}, 75, events.CodeNoMatch},
		} {
			code, stdout, _ := h.moot(append([]string{c.args[0], "--json"}, c.args[1:]...)...)
			var doc events.ErrorReply
			if decode(h.t, stdout, &doc); code != c.exit || doc.Error == nil || doc.Error.Code != c.code {
				h.t.Errorf("%v: exit %d, %s", c.args, code, stdout)
			}
		}
		code, stdout, _ := h.moot("run", "--dry-run", "--json", "--", "shout")
		var plan planView
		if decode(h.t, stdout, &plan); code != 0 || plan.Worker != "worker-1" || len(plan.Candidates) != 1 {
			h.t.Errorf("exit %d, %s", code, stdout)
		}
		if got := h.workers[0].Room().Workers[0].Status; got != events.StatusAvailable {
			h.t.Errorf("after a dry run the worker is %s", got)
		}
	})
	inHall(t, nil, func(h hall) {
		if code, _, stderr := h.moot("run", "--", "shout"); code != 75 || !strings.HasPrefix(stderr, `error: room "lab" has no workers`) {
			h.t.Errorf("exit %d\n%s", code, stderr)
		}
	})
}
