package jobs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moothall/moothall/scripts/stage"
	"github.com/moothall/moothall/tests/process"
)

const (
	room = "lab"
	peer = "dingo"
	// patience is how long a command may run: a lost worker has 30 s to come back, and a
	// machine with much else to do moves less than a mebibyte a second.
	patience = 2 * time.Minute
)

var spec = stage.Spec{PeerID: peer, Name: peer, MemoryMB: 16000, Commands: map[string]string{"sh": "/bin/sh"}}

// A house is a hub with one worker of one slot.
type house struct {
	*stage.Stage
	t     *testing.T
	heard *heard
}

// heard is what the clients of a test said, for when it fails. Of those that were asked
// again and again, with the same words on stderr, it is the last one's stdout.
type heard struct {
	mu    sync.Mutex // guards what follows
	order []string   // of the keys
	last  map[string]string
	times map[string]int
}

func (h *heard) add(c *command) {
	key := fmt.Sprintf("moot %s: %s\n%s", strings.Join(c.Args[1:], " "), c.ProcessState, &c.err)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.times[key]++; h.times[key] == 1 {
		h.order = append(h.order, key)
	}
	h.last[key] = c.out.String()
}

func (h *heard) print(t *testing.T) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, key := range h.order {
		t.Logf("%d x %s%s", h.times[key], key, h.last[key])
	}
}

func open(t *testing.T) house {
	t.Helper()
	s, err := stage.Open(t.Context(), stage.Config{Bin: process.Bin, Dir: t.TempDir(), Room: room, Tied: true})
	if err != nil {
		t.Fatal(err)
	}
	h := house{Stage: s, t: t, heard: &heard{last: map[string]string{}, times: map[string]int{}}}
	t.Cleanup(s.Close)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.Logs(30))
			h.heard.print(t)
		}
	})
	h.hire()
	return h
}

// hire starts the worker, for the first time or again.
func (h house) hire() {
	h.t.Helper()
	if _, err := h.Add(spec); err != nil {
		h.t.Fatal(err)
	}
	h.await("the worker is listed", func() bool {
		var l struct{ Workers []struct{ Status string } }
		return h.ask(&l, "workers") && len(l.Workers) == 1
	})
}

func (h house) await(what string, holds func() bool) {
	h.t.Helper()
	process.Await(h.t, what, process.Soon, holds)
}

func (h house) worker() *stage.Worker { return h.Workers[len(h.Workers)-1] }

// A command is a client that runs beside the test.
type command struct {
	*exec.Cmd
	t        *testing.T
	out, err process.Buffer
	done     chan struct{}
}

func (h house) moot(args ...string) *command {
	h.t.Helper()
	cmd, err := h.Moot(context.Background(), args...)
	if err != nil {
		h.t.Fatal(err)
	}
	c := &command{Cmd: cmd, t: h.t, done: make(chan struct{})}
	c.Stdout, c.Stderr, c.Dir, c.WaitDelay = &c.out, &c.err, h.t.TempDir(), time.Second
	stage.Tie(cmd)
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait() // its end is read from ProcessState
		h.heard.add(c)
		close(c.done)
	}()
	h.t.Cleanup(c.kill)
	return c
}

func (c *command) kill() {
	_ = c.Process.Kill() // it may have ended
	<-c.done
}

// end waits for the client's end.
func (c *command) end() (code int) {
	c.t.Helper()
	select {
	case <-c.done:
	case <-time.After(patience):
		c.t.Fatalf("%s does not end\n%s", strings.Join(c.Args, " "), &c.err)
	}
	return c.ProcessState.ExitCode()
}

// over reports whether the client has ended.
func (c *command) over() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// ask reports whether a client command succeeded, and decodes what it printed.
func (h house) ask(doc any, args ...string) bool {
	h.t.Helper()
	c := h.moot(append(args, "--json")...)
	return c.end() == 0 && json.Unmarshal([]byte(c.out.String()), doc) == nil
}

// A job is how moot shows one: in run --json, get --json and jobs --json.
type job struct {
	JobID    string `json:"job_id"`
	State    string `json:"state"`
	ExitCode *int   `json:"exit_code"`
	Outputs  []struct {
		Size         int64
		SHA256, Path string
	} `json:"outputs"`
}

// jobs are those of the worker, newest first.
func (h house) jobs() []job {
	h.t.Helper()
	var l struct{ Jobs []job }
	if !h.ask(&l, "jobs") {
		return nil
	}
	return l.Jobs
}

// whole fails the test unless the outputs are on disk as their hashes say.
func whole(t *testing.T, j job, want int) {
	t.Helper()
	if len(j.Outputs) != want {
		t.Errorf("%d outputs, want %d: %+v", len(j.Outputs), want, j)
	}
	for _, o := range j.Outputs {
		f, err := os.Open(o.Path)
		if err != nil {
			t.Error(err)
			continue
		}
		sum := sha256.New()
		size, err := io.Copy(sum, f)
		f.Close()
		if err != nil || size != o.Size || hex.EncodeToString(sum.Sum(nil)) != o.SHA256 {
			t.Errorf("%s has %d bytes and another hash than %+v, %v", o.Path, size, o, err)
		}
	}
}

// clean waits until the worker is free and no process of a job is left.
func (h house) clean() {
	h.t.Helper()
	h.await("the slot is free", func() bool {
		var l struct{ Workers []struct{ Status string } }
		return h.ask(&l, "workers") && len(l.Workers) == 1 && l.Workers[0].Status == "available"
	})
	h.await("no process of a job is left", func() bool {
		return !slices.ContainsFunc(environments(), func(env []byte) bool {
			return bytes.Contains(env, []byte("MOOT_OUT="+h.Dir)) || bytes.HasPrefix(env, []byte("MOOT_SUPERVISE="+h.Dir))
		})
	})
}

func environments() (all [][]byte) {
	paths, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range paths {
		if env, err := os.ReadFile(path); err == nil {
			all = append(all, env)
		}
	}
	return all
}

func decode(t *testing.T, c *command, doc any) {
	t.Helper()
	if err := json.Unmarshal([]byte(c.out.String()), doc); err != nil {
		t.Fatalf("%v: %s\n%s", err, &c.out, &c.err)
	}
}
