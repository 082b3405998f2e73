package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
)

// A suite is a part of the tests that runs with flags of its own. Without a
// needed one the later suites say nothing new.
type suite struct {
	name   string
	needed bool
	run    func(context.Context) result
}

var suites = []suite{
	{"build", true, build},
	{"house", false, house},
	{"sim", false, tests(ringSim, "-timeout=4m")},
	{"core", false, tests(ringCore, "-race", "-timeout=4m")},
	{"runner", false, tests(ringRunner, "-race", "-timeout=4m")},
	{"bubbles", false, both(tests(ringBubble, "-race", "-count=1", "-timeout=6m"), tests(ringBubble, "-count=2", "-timeout=6m"))},
	{"e2e", false, tests(ringProcesses, "-count=1", "-timeout=6m")},
	{"jobs", false, tests(ringJobs, "-count=1", "-timeout=4m")},
	{"faults", false, tests(ringFaults, "-count=1", "-timeout=4m")},
	{"security", false, tests(ringAttacks, "-count=1", "-timeout=3m")},
}

func names() []string {
	var all []string
	for _, s := range suites {
		all = append(all, s.name)
	}
	return all
}

// build makes the binaries: the last ring starts them as processes.
func build(ctx context.Context) result {
	var r result
	r.check(command(ctx, "make", "--silent", "build"))
	return r
}

// house looks at the code without running it.
func house(ctx context.Context) result {
	var r result
	unformatted, err := command(ctx, "gofmt", "-l", ".")
	if err == nil && unformatted != "" {
		err = errors.New("not formatted")
	}
	r.check(unformatted, err)
	r.check(command(ctx, "go", "vet", "./..."))
	r.add(tests(ringHouse, "-count=1")(ctx))
	return r
}

// A ring is where a package's tests run: the cheaper ones first.
type ring int

const (
	ringHouse     ring = iota // about the code and the documents
	ringSim                   // the deciders under a seeded scheduler; one goroutine a schedule
	ringCore                  // one goroutine, or few
	ringRunner                // real jobs under real supervisors, alone: they are given time limits
	ringBubble                // real NATS, WebRTC and automerge in virtual time
	ringProcesses             // the built binaries
	ringJobs                  // the same, killed at each state of a job
	ringFaults                // the same, each on a host of its own whose network breaks
	ringAttacks               // the built binaries, attacked
)

// testPackage is the part of `go list -json` that tells a package's ring.
type testPackage struct {
	ImportPath                string
	TestGoFiles, XTestGoFiles []string
	TestImports, XTestImports []string
}

func (p testPackage) tested() bool { return len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 }

func (p testPackage) ring() ring {
	_, folder, _ := strings.Cut(p.ImportPath, "/moothall/moothall/")
	switch {
	case folder == "tests/arch" || folder == "tests/worklist":
		return ringHouse
	case folder == "tests/sim":
		return ringSim
	case folder == "tests/e2e" || strings.HasPrefix(folder, "tests/e2e/"):
		return ringProcesses
	case folder == "tests/jobs":
		return ringJobs
	case folder == "worker/jobs":
		return ringRunner
	case folder == "tests/faults":
		return ringFaults
	case folder == "tests/attacks":
		return ringAttacks
	case slices.Contains(slices.Concat(p.TestImports, p.XTestImports), "testing/synctest"):
		return ringBubble
	}
	return ringCore
}

// tests runs the packages of a ring.
func tests(of ring, flags ...string) func(context.Context) result {
	return func(ctx context.Context) result {
		var r result
		packages, err := list(ctx)
		if err != nil {
			r.check(err.Error(), err)
			return r
		}
		var paths []string
		for _, p := range packages {
			if p.tested() && p.ring() == of {
				paths = append(paths, p.ImportPath)
			}
		}
		if len(paths) > 0 {
			r.add(goTest(ctx, append(flags, paths...)))
		}
		return r
	}
}

// both runs one after the other. So every bubble is played three times, and the race
// detector, which costs the most, looks at one of them.
func both(one, other func(context.Context) result) func(context.Context) result {
	return func(ctx context.Context) result {
		r := one(ctx)
		r.add(other(ctx))
		return r
	}
}

func list(ctx context.Context) ([]testPackage, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-e", "-json=ImportPath,TestGoFiles,XTestGoFiles,TestImports,XTestImports", "./...").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var all []testPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p testPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		all = append(all, p)
	}
}

func goTest(ctx context.Context, args []string) result {
	// What go vet finds, the house suite says once of all; each way of building would be
	// looked through again, with all that it imports.
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json", "-vet=off"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	pipe, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return result{failures: err.Error() + "\n", failed: 1}
	}
	r := digest(pipe)
	if err := cmd.Wait(); err != nil && r.ok() {
		r.check(stderr.String(), err)
	}
	return r
}
