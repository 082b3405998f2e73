package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/scripts/stage"
)

const (
	runner    = "runner"
	storedJob = 1000
	fileSize  = 256 << 20
	logLines  = 1_000_000
)

// jobs measures a room of its own with one worker, in whose store lie a thousand jobs.
func (b *bench) jobs(ctx context.Context) (all []sample, err error) {
	dir, err := os.MkdirTemp("", "moothall-bench-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := fillStore(filepath.Join(dir, runner, "jobs")); err != nil {
		return nil, err
	}
	st, err := stage.Open(ctx, stage.Config{Bin: b.bin, Dir: dir, Room: "bench", Tied: true})
	if err != nil {
		return nil, err
	}
	defer st.Close()
	w, err := st.Add(stage.Spec{
		PeerID: runner, Name: runner, MemoryMB: 8000, Commands: map[string]string{"sh": "/bin/sh", "true": "/bin/true"},
		Settings: []string{"MOOT_SLOTS=2"},
	})
	if err != nil {
		return nil, err
	}
	settings, err := st.ClientConfig()
	if err != nil {
		return nil, err
	}
	c, err := client.Join(ctx, client.Config{HubURL: settings.Hub, Room: settings.Room, Token: events.Secret(settings.Token), Registry: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	err = st.Await(ctx, "the worker is listed", func(ctx context.Context) bool {
		list, err := c.Workers(ctx, events.Filters{})
		return err == nil && len(list.Workers) == 1
	})
	if err != nil {
		return nil, err
	}
	for _, part := range []func(context.Context, *client.Client, *stage.Worker) ([]sample, error){listing, firstByte, files, longLog} {
		samples, err := part(ctx, c, w)
		if err != nil {
			return all, err
		}
		all = append(all, samples...)
	}
	room := &bench{options: b.options, stage: st, client: c, workers: map[string]*stage.Worker{runner: w}}
	samples, err := room.meanwhile(ctx)
	return append(all, samples...), err
}

// fillStore lays down jobs that have ended, with an output that nobody fetched.
func fillStore(dir string) error {
	now := time.Now().Add(-time.Hour)
	code := 0
	for i := range storedJob {
		id := jobName(i)
		if err := os.MkdirAll(filepath.Join(dir, id, "work", "out"), 0o700); err != nil {
			return err
		}
		at := events.At(now.Add(time.Duration(i) * time.Second))
		last := events.JobEvent{
			Seq: 1, Time: at, JobID: id, Kind: events.JobEventState, State: events.JobDone, ExitCode: &code,
			Outputs: []events.FileHeader{{Name: "model.bin", Size: 0, SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}},
		}
		for name, v := range map[string]any{
			"events.jsonl": last,
			"job.json":     map[string]any{"job_id": id, "client": "client-bench", "command": "sh", "created": at},
		} {
			text, err := json.Marshal(v)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, id, name), append(text, '\n'), 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

// jobName is a job id for each number: base32 of 40 bits.
func jobName(i int) string {
	const digits = "abcdefghijklmnopqrstuvwxyz234567"
	name := []byte("j-aaaaaaaa")
	for at := len(name) - 1; i > 0; at, i = at-1, i/len(digits) {
		name[at] = digits[i%len(digits)]
	}
	return string(name)
}

func listing(ctx context.Context, c *client.Client, _ *stage.Worker) ([]sample, error) {
	s := sample{what: fmt.Sprintf("list %d jobs of a worker", storedJob), unit: milliseconds, target: 50}
	for range 20 {
		begun := time.Now()
		list, err := c.Jobs(ctx)
		s.took(time.Since(begun))
		if err != nil || len(list.Jobs) != storedJob {
			return nil, fmt.Errorf("%d jobs are listed, want %d: %w", len(list.Jobs), storedJob, err)
		}
	}
	return []sample{s}, nil
}

// firstByte counts from the call, discovery included, to the first line of the output.
func firstByte(ctx context.Context, c *client.Client, _ *stage.Worker) ([]sample, error) {
	s := sample{what: "run to the first line of output", unit: milliseconds, target: 150}
	for range 50 {
		begun := time.Now()
		var first time.Duration
		_, err := c.Run(ctx, client.Job{Command: "sh", Args: []string{"-c", "echo x"}, Wait: time.Minute}, func(u client.JobUpdate) {
			if u.Kind == client.UpdateOutput && first == 0 {
				first = time.Since(begun)
			}
		})
		if err != nil || first == 0 {
			return nil, fmt.Errorf("a job without output: %w", err)
		}
		s.took(first)
	}
	return []sample{s}, nil
}

// files moves a file to a job and back.
func files(ctx context.Context, c *client.Client, _ *stage.Worker) ([]sample, error) {
	dir, err := os.MkdirTemp("", "moothall-bench-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "input")
	const target = fileSize / float64(30<<20)
	sent := sample{what: "send 256 MiB to a job, hashed and synced", unit: seconds, target: target}
	again := sample{what: "the same input to the next job, which is there", unit: seconds}
	back := sample{what: "256 MiB of output back, hashed and synced", unit: seconds, target: target}
	content := make([]byte, fileSize)
	for i := range 3 {
		content[0] = byte(i + 1) // else it is there from the round before
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return nil, err
		}
		to := filepath.Join(dir, fmt.Sprint(i))
		job := client.Job{Command: "sh", Args: []string{"-c", `cp "$MOOT_IN/input" "$MOOT_OUT"`}, Inputs: []string{path}, Wait: time.Minute, To: to}
		first, err := c.Run(ctx, job, nil)
		if err != nil {
			return nil, err
		}
		job.Args[1], job.To = "true", ""
		second, err := c.Run(ctx, job, nil)
		if err != nil {
			return nil, err
		}
		sent.add(first.Timings.SendMS / 1000)
		back.add(first.Timings.ReceiveMS / 1000)
		again.add(second.Timings.SendMS / 1000)
		if err := os.RemoveAll(to); err != nil {
			return nil, err
		}
	}
	return []sample{sent, again, back}, nil
}

// longLog lets a job print a million lines.
func longLog(ctx context.Context, c *client.Client, w *stage.Worker) ([]sample, error) {
	before, err := residentMB(w.PID())
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	_, err = c.Run(ctx, client.Job{Command: "sh", Args: []string{"-c", fmt.Sprintf("seq %d", logLines)}, Wait: time.Minute}, nil)
	if err != nil {
		return nil, err
	}
	took := time.Since(begun)
	after, err := residentMB(w.PID())
	if err != nil {
		return nil, err
	}
	return []sample{
		{what: "a job that prints a million lines", unit: seconds, values: []float64{took.Seconds()}},
		{what: "growth of its worker's resident memory", unit: megabytes, target: 64, values: []float64{after - before}},
	}, nil
}
