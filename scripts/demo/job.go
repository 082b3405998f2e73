package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/scripts/stage"
)

// A jobReport is what `moot run --json` prints.
type jobReport struct {
	JobID    string          `json:"job_id"`
	Worker   string          `json:"worker"`
	State    events.JobState `json:"state"`
	ExitCode *int            `json:"exit_code"`
	Outputs  []output        `json:"outputs"`
	Timings  struct {
		SendMS    float64 `json:"send_ms"`
		RunMS     float64 `json:"run_ms"`
		ReceiveMS float64 `json:"receive_ms"`
	} `json:"timings"`
}

type output struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Path   string `json:"path"`
}

// query asks `moot workers --json` for the workers that match.
func query(ctx context.Context, s *stage.Stage, filters ...string) (list workerList, err error) {
	out, err := moot(ctx, s, nil, append([]string{"workers", "--json"}, filters...)...)
	if err == nil {
		err = json.Unmarshal(out, &list)
	}
	return list, err
}

type workerList struct {
	events.WorkerList
	QueryMS float64 `json:"query_ms"`
}

// moot runs a client command and returns its stdout; its stderr goes to notices,
// or into the error if that is nil.
func moot(ctx context.Context, s *stage.Stage, notices *os.File, args ...string) ([]byte, error) {
	cmd, err := s.Moot(ctx, args...)
	if err != nil {
		return nil, err
	}
	if notices != nil {
		cmd.Stderr = notices
	}
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return out, fmt.Errorf("moot %s: %w\n%s", strings.Join(args, " "), err, bytes.TrimSpace(exit.Stderr))
	}
	return out, err
}

// check compares the outputs with what the worker hashed, and returns the accuracy
// that the trainer came to.
func (r jobReport) check() (accuracy float64, err error) {
	paths := map[string]string{}
	for _, o := range r.Outputs {
		got, err := hashOf(o.Path)
		if err != nil {
			return 0, err
		}
		if got != o.SHA256 {
			return 0, fmt.Errorf("%s has sha256 %s, the worker sent %s", o.Path, got, o.SHA256)
		}
		paths[o.Name] = o.Path
	}
	for _, name := range []string{"model.json", "metrics.csv", "learning-curve.svg", "confusion.svg"} {
		if paths[name] == "" {
			return 0, fmt.Errorf("%s did not come back", name)
		}
	}
	return lastAccuracy(paths["metrics.csv"])
}

// lastAccuracy is the test_accuracy of the last epoch.
func lastAccuracy(path string) (float64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	if len(rows) < 2 || rows[0][len(rows[0])-1] != "test_accuracy" {
		return 0, fmt.Errorf("%s has no test_accuracy", path)
	}
	last := rows[len(rows)-1]
	return strconv.ParseFloat(last[len(last)-1], 64)
}
