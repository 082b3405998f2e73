//go:build unix

package client_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
)

// diary keeps what a job told.
type diary struct {
	states, lines []string
	kinds         map[string]int
	on            func(client.JobUpdate)
}

func (d *diary) tell(u client.JobUpdate) {
	if d.kinds == nil {
		d.kinds = map[string]int{}
	}
	d.kinds[u.Kind]++
	switch u.Kind {
	case client.UpdateState:
		d.states = append(d.states, string(u.State))
	case client.UpdateOutput:
		d.lines = append(d.lines, u.Event.Stream+":"+u.Event.Line)
	}
	if d.on != nil {
		d.on(u)
	}
}

// Work list 7.5 and the main job: files up, events live, files down with size
// and hash, the job's exit code.
func TestRun_FilesUpEventsLiveFilesDown(t *testing.T) {
	inTown(t, 1, func(h *house, shops []*shop) {
		v := h.visit(onLoopback)
		defer v.Close()
		to := filepath.Join(h.dir, "out")
		var d diary
		r, err := v.Run(context.Background(), client.Job{Command: "shout", Inputs: []string{h.file("a.txt", "hello")}, To: to}, d.tell)
		if err != nil {
			t.Fatal(err)
		}
		if r.State != events.JobDone || r.ExitCode == nil || *r.ExitCode != 0 || r.Worker != "worker-1" || r.Command != "shout" {
			t.Errorf("%+v", r)
		}
		sum := sha256.Sum256([]byte("HELLO"))
		path := filepath.Join(to, "sub", "a.txt")
		want := client.Output{Name: "sub/a.txt", Size: 5, SHA256: hex.EncodeToString(sum[:]), Path: path}
		if len(r.Outputs) != 1 || r.Outputs[0] != want {
			t.Errorf("outputs %+v, want %+v", r.Outputs, want)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != "HELLO" {
			t.Errorf("%q, %v", got, err)
		}
		if got := strings.Join(d.states, " "); got != "matching reserved sending running returning done" {
			t.Errorf("states %s", got)
		}
		if got := strings.Join(d.lines, " "); !strings.Contains(got, "stdout:done") || !strings.Contains(got, "stderr:careful") {
			t.Errorf("lines %s", got)
		}
		for _, kind := range []string{client.UpdateProgress, client.UpdateMetric, client.UpdateSend, client.UpdateReceive} {
			if d.kinds[kind] == 0 {
				t.Errorf("no %s", kind)
			}
		}
		if ts := r.Timings; ts.DiscoverMS <= 0 || ts.ConnectMS <= 0 || ts.SendMS <= 0 || ts.RunMS <= 0 || ts.ReceiveMS <= 0 || ts.TotalMS < ts.RunMS {
			t.Errorf("timings %+v", ts)
		}
	})
}

func TestRun_TheJobsOwnExitCode(t *testing.T) {
	inTown(t, 1, func(h *house, shops []*shop) {
		v := h.visit(onLoopback)
		defer v.Close()
		for _, c := range []struct {
			job  client.Job
			code int
		}{
			{client.Job{Command: "exit", Args: []string{"3"}}, 3},
			{client.Job{Command: "die"}, 137},
		} {
			r, err := v.Run(context.Background(), c.job, nil)
			if err != nil || r.State != events.JobFailed || r.ExitCode == nil || *r.ExitCode != c.code || len(r.Outputs) != 0 {
				t.Errorf("%s: %+v, error %v", c.job.Command, r, err)
			}
		}
	})
}

// Refused or silent: the next candidate gets the job.
func TestRun_GoesOnToTheNextCandidate(t *testing.T) {
	inTown(t, 3, func(h *house, shops []*shop) {
		v := h.visit(onLoopback)
		defer v.Close()
		_, err := shops[0].jobs.Reserve("client-else", events.Reserve{V: events.ProtocolVersion, RequestID: "r", Command: "copy"})
		h.must(err)
		shops[1].line.tear() // listed as available, and not there
		r, err := v.Run(context.Background(), client.Job{Command: "exit", Args: []string{"0"}}, nil)
		if err != nil || r.Worker != "worker-3" || r.State != events.JobDone {
			t.Errorf("%+v, error %v", r, err)
		}
		shops[1].line.mend()
	})
}

func TestRun_AllBusyAtOnceAndWaiting(t *testing.T) {
	inTown(t, 1, func(h *house, shops []*shop) {
		v := h.visit(onLoopback)
		defer v.Close()
		lease, err := shops[0].jobs.Reserve("client-else", events.Reserve{V: events.ProtocolVersion, RequestID: "r", Command: "copy"})
		h.must(err)
		job := client.Job{Command: "exit", Args: []string{"0"}}
		if _, err := v.Run(context.Background(), job, nil); events.CodeOf(err) != events.CodeAllBusy {
			t.Errorf("error %v, want all_busy", err)
		}
		job.Wait = time.Minute
		var d diary
		freed := false
		d.on = func(u client.JobUpdate) {
			if u.Kind == client.UpdateNote && strings.Contains(u.Note, "busy") && !freed {
				freed = true
				h.must(shops[0].jobs.Release("client-else", events.Release{V: events.ProtocolVersion, Lease: lease.Lease}))
			}
		}
		if r, err := v.Run(context.Background(), job, d.tell); err != nil || r.State != events.JobDone || !freed {
			t.Errorf("%+v, error %v", r, err)
		}
	})
}

func TestRun_CommandNotAllowed(t *testing.T) {
	inTown(t, 1, func(h *house, shops []*shop) {
		for _, registry := range []bool{true, false} { // by the list, and by the worker itself
			v := h.visit(onLoopback, func(c *client.Config) { c.Registry = registry })
			_, err := v.Run(context.Background(), client.Job{Command: "bash"}, nil)
			if events.CodeOf(err) != events.CodeNotAllowed || !strings.Contains(err.Error(), `worker-1 does not allow "bash" (allowed: copy, `) {
				t.Errorf("registry %v: %v", registry, err)
			}
			v.Close()
		}
	})
}

// Flag off: found over HTTP, and the job runs all the same.
func TestRun_WithTheFlagOff(t *testing.T) {
	inTown(t, 1, func(h *house, shops []*shop) {
		v := h.visit(onLoopback, func(c *client.Config) { c.Registry = false })
		defer v.Close()
		r, err := v.Run(context.Background(), client.Job{Command: "exit", Args: []string{"0"}}, nil)
		if err != nil || r.State != events.JobDone || shops[0].asked.Load() != 0 {
			t.Errorf("%+v, error %v, the admin was asked %d times", r, err, shops[0].asked.Load())
		}
	})
}

// A file that changes or vanishes while it is sent.
func TestRun_AFileThatChangesOrVanishes(t *testing.T) {
	for _, c := range []struct {
		name, file string
		spoil      func(path string) error
	}{
		{"changes", "large.bin", func(path string) error { return os.Truncate(path, 100) }},
		{"vanishes", "small.bin", os.RemoveAll},
	} {
		t.Run(c.name, func(t *testing.T) {
			inTown(t, 1, func(h *house, shops []*shop) {
				v := h.visit(onLoopback)
				defer v.Close()
				large, small := h.file("large.bin", strings.Repeat("x", 2<<20)), h.file("small.bin", "x")
				var d diary
				d.on = func(u client.JobUpdate) {
					if u.Kind == client.UpdateSend && u.Transfer.File == 1 {
						h.must(c.spoil(filepath.Join(filepath.Dir(large), c.file)))
					}
				}
				r, err := v.Run(context.Background(), client.Job{Command: "copy", Inputs: []string{large, small}}, d.tell)
				if events.CodeOf(err) != events.CodeFile || r.State == events.JobDone || len(r.Outputs) != 0 {
					t.Errorf("state %s, outputs %d, error %v", r.State, len(r.Outputs), err)
				}
				h.must(filepath.WalkDir(filepath.Join(h.dir, "jobs"), func(path string, d fs.DirEntry, err error) error {
					if err == nil && d.Name() == c.file {
						t.Errorf("the worker keeps %s", path)
					}
					return nil
				}))
			})
		})
	}
}

// An input that a job has had already is not sent to the next one's worker again.
func TestRun_AnInputThatIsThereIsNotSentAgain(t *testing.T) {
	inTown(t, 1, func(h *house, shops []*shop) {
		large, small := h.file("large.bin", strings.Repeat("x", 3<<20)), h.file("small.bin", "x")
		for i, want := range [][]string{{"large.bin", "small.bin"}, {"small.bin"}} {
			v := h.visit(onLoopback)
			defer v.Close()
			var sent []string
			var d diary
			d.on = func(u client.JobUpdate) {
				if u.Kind == client.UpdateSend && u.Transfer.Done == u.Transfer.Total {
					sent = append(sent, u.Transfer.Name)
				}
			}
			to := filepath.Join(h.dir, "out", string(rune('a'+i)))
			r, err := v.Run(context.Background(), client.Job{Command: "copy", Inputs: []string{large, small}, To: to}, d.tell)
			if err != nil || r.State != events.JobDone || len(r.Outputs) != 2 || r.Outputs[0].Size != 3<<20 {
				t.Errorf("%+v, error %v", r, err)
			}
			if !slices.Equal(sent, want) {
				t.Errorf("sent %v, want %v", sent, want)
			}
		}
	})
}

func TestRun_ExistingFilesStay(t *testing.T) {
	inTown(t, 1, func(h *house, shops []*shop) {
		v := h.visit(onLoopback)
		defer v.Close()
		to := filepath.Dir(h.file("old/a.txt", "precious"))
		job := client.Job{Command: "copy", Inputs: []string{h.file("a.txt", "new")}, To: to}
		r, err := v.Run(context.Background(), job, nil)
		if events.CodeOf(err) != events.CodeFile || r.State != events.JobDone || !strings.Contains(err.Error(), "1 output is in") {
			t.Errorf("state %s, error %v", r.State, err)
		}
		if got, _ := os.ReadFile(filepath.Join(to, "a.txt")); string(got) != "precious" {
			t.Errorf("the file is now %q", got)
		}
		job.Force = true
		if _, err := v.Run(context.Background(), job, nil); err != nil {
			t.Error(err)
		}
		if got, _ := os.ReadFile(filepath.Join(to, "a.txt")); string(got) != "new" {
			t.Errorf("with --force the file is still %q", got)
		}
	})
}

// Ctrl-C leaves the job; whoever has its owner's key comes back from another client,
// nobody else does.
func TestRun_LeftJobsAreComeBackTo(t *testing.T) {
	inTown(t, 1, func(h *house, shops []*shop) {
		keys := t.TempDir()
		owner := func(c *client.Config) { onLoopback(c); c.OwnerDir = keys }
		v := h.visit(owner)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		d := diary{on: func(u client.JobUpdate) {
			if u.State == events.JobRunning {
				cancel()
			}
		}}
		r, err := v.Run(ctx, client.Job{Command: "sleep", Args: []string{"600"}}, d.tell)
		if events.CodeOf(err) != events.CodeDetached || r.State != events.JobRunning {
			t.Fatalf("state %s, error %v", r.State, err)
		}
		v.Close()

		stranger := h.visit(onLoopback)
		for name, act := range map[string]func(context.Context, string, func(client.JobUpdate)) (client.Result, error){
			"stop": stranger.Stop, "cancel": stranger.Cancel,
			"logs": func(ctx context.Context, id string, report func(client.JobUpdate)) (client.Result, error) {
				return stranger.Logs(ctx, id, false, report)
			},
		} {
			if _, err := act(context.Background(), r.JobID, nil); events.CodeOf(err) != events.CodeForbidden {
				t.Errorf("%s of a stranger: %v", name, err)
			}
		}
		list, err := stranger.Jobs(context.Background())
		if err != nil || len(list.Jobs) != 1 || list.Jobs[0].JobID != r.JobID || list.Jobs[0].State != events.JobRunning || len(list.Unreachable) != 0 {
			t.Errorf("%+v, %v", list, err)
		}
		stranger.Close()

		v = h.visit(owner)
		defer v.Close()
		if r, err := v.Get(context.Background(), r.JobID, t.TempDir(), false, nil); events.CodeOf(err) != events.CodeUnavailable {
			t.Errorf("get while it runs: %+v, %v", r, err)
		}
		if r, err := v.Cancel(context.Background(), r.JobID, nil); err != nil || r.State != events.JobCanceled {
			t.Errorf("%+v, %v", r, err)
		}
		if r, err := v.Run(context.Background(), client.Job{Command: "exit", Args: []string{"0"}, Wait: 10 * time.Second}, nil); err != nil {
			t.Errorf("afterwards: %+v, error %v", r, err)
		}
	})
}

// What a job left is fetched later, with its hashes, and its log read again.
func TestGet_OutputsAndLogsAfterwards(t *testing.T) {
	inTown(t, 1, func(h *house, shops []*shop) {
		keys := t.TempDir()
		owner := func(c *client.Config) { onLoopback(c); c.OwnerDir = keys }
		v := h.visit(owner)
		r, err := v.Run(context.Background(), client.Job{Command: "shout", Inputs: []string{h.file("a.txt", "hello")}, Detach: true}, nil)
		if err != nil || r.State != events.JobRunning {
			t.Fatalf("%+v, %v", r, err)
		}
		v.Close()
		v = h.visit(owner)
		defer v.Close()
		var d diary
		if r, err := v.Logs(context.Background(), r.JobID, true, d.tell); err != nil || r.State != events.JobDone || len(r.Outputs) != 0 {
			t.Errorf("%+v, %v", r, err)
		}
		if got := strings.Join(d.lines, " "); !strings.Contains(got, "stdout:done") || !strings.Contains(got, "stderr:careful") {
			t.Errorf("lines %s", got)
		}
		to := filepath.Join(h.dir, "fetched")
		got, err := v.Get(context.Background(), r.JobID, to, false, nil)
		if err != nil || got.State != events.JobDone || len(got.Outputs) != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
		if text, err := os.ReadFile(filepath.Join(to, "sub", "a.txt")); err != nil || string(text) != "HELLO" {
			t.Errorf("%q, %v", text, err)
		}
		if _, err := v.Get(context.Background(), r.JobID, to, false, nil); events.CodeOf(err) != events.CodeFile {
			t.Errorf("get into files that are there: %v", err)
		}
		if _, err := v.Logs(context.Background(), "j-aaaaaaaa", false, nil); events.CodeOf(err) != events.CodeNoJob {
			t.Errorf("logs of no job: %v", err)
		}
	})
}

// Another room secret on one side: no channel.
func TestRun_AnotherRoomSecret(t *testing.T) {
	inTown(t, 1, func(h *house, shops []*shop) {
		v := h.visit(onLoopback, func(c *client.Config) { c.Secret = "a secret that the worker does not have" })
		defer v.Close()
		r, err := v.Run(context.Background(), client.Job{Command: "exit", Args: []string{"0"}}, nil)
		if err == nil || r.JobID != "" {
			t.Errorf("%+v, error %v", r, err)
		}
		if got := shops[0].jobs.Load(); got.Free != 1 {
			t.Errorf("the reservation was not given back: %+v", got)
		}
	})
}

func TestPlan_AsksNoWorker(t *testing.T) {
	inTown(t, 2, func(h *house, shops []*shop) {
		v := h.visit(onLoopback)
		defer v.Close()
		p, err := v.Plan(context.Background(), client.Job{Command: "copy"})
		if err != nil || len(p.Candidates) != 2 || p.Candidates[0].PeerID != "worker-1" {
			t.Errorf("%+v, error %v", p, err)
		}
		if got := shops[0].jobs.Load(); got.Free != 1 {
			t.Errorf("a slot was taken: %+v", got)
		}
	})
}
