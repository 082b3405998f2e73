package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A target is a function that go test can fuzz.
type target struct{ folder, name string }

var declaration = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(f \*testing\.F\)`)

// targets are those of a tree, by folder.
func targets(root string) (all []target, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range declaration.FindAllSubmatch(source, -1) {
			all = append(all, target{filepath.ToSlash(filepath.Dir(path)), string(m[1])})
		}
		return err
	})
	return all, err
}

// limitMemory is what a process that fuzzes may have, for the sake of what inputs leave
// behind. What a single one may cost, the targets assert themselves. go test's engine
// has its share: 235 MiB after 128,000 inputs of a target that keeps nothing.
const limitMemory = 1 << 30

// overtime is for the inputs already known and for the last one.
const overtime = 2 * time.Minute

// outcome is what a target came to.
type outcome struct {
	execs, crashes int
	memory         int64 // of the largest process
}

// fuzz builds the target and runs it. It runs outside of go test, so that the largest
// process is one of the target's and not the compiler.
func (t target) fuzz(ctx context.Context, duration string) (outcome, error) {
	dir, err := os.MkdirTemp("", "fuzz-*")
	if err != nil {
		return outcome{}, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "fuzz.test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-fuzz", "^"+t.name+"$", "-o", program, "./"+t.folder)
	if said, err := build.CombinedOutput(); err != nil {
		return outcome{}, fmt.Errorf("build: %w\n%s", err, said)
	}
	cache, err := t.cache(ctx)
	if err != nil {
		return outcome{}, err
	}
	limit := 24 * time.Hour // of a number of executions
	if d, err := time.ParseDuration(duration); err == nil {
		limit = d + overtime
	}
	inTime, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var said bytes.Buffer
	cmd := exec.CommandContext(inTime, program, "-test.run", "^$", "-test.fuzz", "^"+t.name+"$",
		"-test.fuzztime", duration, "-test.fuzzminimizetime", "10x", "-test.fuzzcachedir", cache)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = t.folder, &said, &said, 10*time.Second
	err = cmd.Run()
	if ctx.Err() != nil {
		return outcome{}, context.Cause(ctx)
	}
	r := outcome{execs: executions(said.String())}
	if cmd.ProcessState != nil {
		r.memory = largest(cmd.ProcessState)
	}
	switch {
	case inTime.Err() != nil:
		err = fmt.Errorf("it did not end within %s", limit)
	case err == nil && r.execs == 0:
		err = errors.New("nothing was executed")
	case err == nil && r.memory > limitMemory:
		err = fmt.Errorf("a process had %d MiB, at most %d allowed", r.memory>>20, limitMemory>>20)
	}
	if err != nil {
		r.crashes = 1
		fmt.Fprintf(os.Stderr, "%s%s: %v\n", said.String(), t.name, err)
	}
	return r, nil
}

// cache is where go test itself keeps the inputs that led somewhere new.
func (t target) cache(ctx context.Context) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "env", "GOCACHE").Output()
	if err != nil {
		return "", fmt.Errorf("go env: %w", err)
	}
	path, err := exec.CommandContext(ctx, "go", "list", "./"+t.folder).Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(root)), "fuzz", strings.TrimSpace(string(path))), nil
}

var counted = regexp.MustCompile(`(?m)^fuzz: elapsed: .*execs: (\d+) `)

// executions is the last count that a fuzzing test printed.
func executions(said string) int {
	all := counted.FindAllStringSubmatch(said, -1)
	if len(all) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(all[len(all)-1][1])
	return n
}

// largest is the most memory that an ended process or one of its children had. Linux
// counts it in KiB.
func largest(p *os.ProcessState) int64 {
	usage, ok := p.SysUsage().(*syscall.Rusage)
	switch {
	case !ok:
		return 0
	case runtime.GOOS == "darwin":
		return int64(usage.Maxrss)
	}
	return int64(usage.Maxrss) << 10
}
