// Package gpu asks nvidia-smi which GPU the machine has. The program is run, not
// linked: a missing or broken driver must not take the worker down.
package gpu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Timeout bounds one question to nvidia-smi.
const Timeout = 5 * time.Second

// Model of a machine without a GPU.
const None = "cpu"

// Info describes the machine's GPUs. A job runs on one GPU, so MemoryMB (MiB) and
// Model are those of the one with the most memory; Count says how many there are.
type Info struct {
	MemoryMB int64
	Model    string
	Count    int
}

// Probe asks nvidia-smi, found through PATH. Without that program the machine has
// no GPU and that is no error; a program that fails, hangs for Timeout or talks
// nonsense is one, and the Info beside it is that of a machine without GPU.
func Probe(ctx context.Context) (Info, error) {
	none := Info{Model: None}
	program, err := exec.LookPath("nvidia-smi")
	if err != nil {
		return none, nil
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits")
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return none, fmt.Errorf("%s: %w", program, failure(ctx, err, stdout.String()+stderr.String()))
	}
	info, err := parse(stdout.String())
	if err != nil {
		return none, fmt.Errorf("%s: %w", program, err)
	}
	return info, nil
}

// failure prefers what the program itself said to its exit status.
func failure(ctx context.Context, err error, said string) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", Timeout)
	}
	if line, _, _ := strings.Cut(strings.TrimSpace(said), "\n"); line != "" {
		return fmt.Errorf("%w: %s", err, line)
	}
	return err
}

// parse reads lines of "model, MiB". A GPU that does not tell its memory ("[N/A]")
// counts as one without.
func parse(csv string) (Info, error) {
	best := Info{Model: None}
	for line := range strings.Lines(csv) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		i := strings.LastIndex(line, ",")
		if i < 0 {
			return best, fmt.Errorf("unexpected line %q", line)
		}
		model, memory := strings.TrimSpace(line[:i]), strings.TrimSpace(line[i+1:])
		mb, err := strconv.ParseInt(memory, 10, 64)
		if err != nil && !strings.HasPrefix(memory, "[") {
			return best, fmt.Errorf("unexpected line %q", line)
		}
		best.Count++
		if best.Model == None || mb > best.MemoryMB {
			best.MemoryMB, best.Model = max(mb, 0), model
		}
	}
	return best, nil
}
