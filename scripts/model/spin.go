package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// memoryLimit is what one search may take, in MB; one that needs more is not
// searched to the end.
const memoryLimit = 8000

// An outcome is what a search came to.
type outcome struct {
	states, depth   int
	seconds, memory float64 // MB
	whole           bool    // nothing was left out for want of memory or depth
	fell            string  // the assertion that fell, "" if none
	story           string  // the events up to it, one a line
}

// run has spin write the search as a C program, compiles and runs it.
func (s search) run(ctx context.Context) (outcome, error) {
	dir, err := os.MkdirTemp("", "moothall-model-*")
	if err != nil {
		return outcome{}, err
	}
	defer os.RemoveAll(dir)
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "election.pml"), text, 0o600)
	}
	if err != nil {
		return outcome{}, err
	}
	// One process: partial order reduction has nothing to reduce. Nothing may end
	// (-E) is no rule of the room.
	options := map[kind][]string{complete: {"-DCOLLAPSE"}, hashed: {"-DHC4"}, shortest: {"-DCOLLAPSE", "-DBFS"}}[s.kind]
	optimize := "-O2"
	if s.kind == shortest {
		optimize = "-O0" // compiling takes longer than searching
	}
	cc := append([]string{"cc", optimize, "-w", "-DSAFETY", "-DNOREDUCE", fmt.Sprintf("-DMEMLIM=%d", memoryLimit)}, options...)
	search := []string{"./pan", "-E", "-n", "-m10000"}
	if s.kind == hashed {
		search = append(search, "-w28") // 2 GB of hash table
	}
	var out string
	for _, args := range [][]string{
		append(append([]string{"spin", "-a"}, s.defines()...), "election.pml"),
		append(cc, "-o", "pan", "pan.c"),
		search,
	} {
		if out, err = command(ctx, dir, args); err != nil {
			return outcome{}, err
		}
	}
	o, err := read(out)
	if o.fell != "" {
		o.story, err = s.tell(ctx, dir)
	}
	return o, err
}

// tell replays the way to the violation that was found.
func (s search) tell(ctx context.Context, dir string) (string, error) {
	out, err := command(ctx, dir, append(append([]string{"spin", "-t", "-B"}, s.defines()...), "election.pml"))
	var b strings.Builder
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "      ") {
			b.WriteString("    " + strings.TrimSpace(line) + "\n")
		}
	}
	return b.String(), err
}

func command(ctx context.Context, dir string, args []string) (string, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// number as spin prints it: 0.5, 2048.000, 42139365, and from a thousand seconds on 2.84e+03.
const number = `(\d[\d.]*(?:e\+\d+)?)`

var (
	statesLine  = regexp.MustCompile(number + ` states, stored`)
	depthLine   = regexp.MustCompile(`depth reached (\d+), errors: (\d+)`)
	memoryLine  = regexp.MustCompile(number + `\s+(?:total actual )?memory used|` + number + `\s+total actual memory usage`)
	secondsLine = regexp.MustCompile(`elapsed time ` + number + ` seconds`)
	fellLine    = regexp.MustCompile(`assertion violated .*?\b(I1_ONE_ADMIN|I2_NEVER_FALLS|ANSWERS|RECOVERY)\b`)
)

// read takes the numbers out of what a search printed.
func read(out string) (outcome, error) {
	o := outcome{whole: !strings.Contains(out, "Search not completed") && !strings.Contains(out, "max search depth too small")}
	ends := depthLine.FindStringSubmatch(out)
	states, seconds := statesLine.FindStringSubmatch(out), secondsLine.FindStringSubmatch(out)
	if ends == nil || states == nil || seconds == nil {
		return o, fmt.Errorf("the search printed no result:\n%s", out)
	}
	count, _ := strconv.ParseFloat(states[1], 64)
	o.states = int(count)
	o.depth, _ = strconv.Atoi(ends[1])
	o.seconds, _ = strconv.ParseFloat(seconds[1], 64)
	if m := memoryLine.FindStringSubmatch(out); m != nil {
		o.memory, _ = strconv.ParseFloat(m[1]+m[2], 64)
	}
	if fell := fellLine.FindStringSubmatch(out); fell != nil {
		o.fell = fell[1]
	} else if ends[2] != "0" {
		return o, errors.New("the search found an error that is no invariant:\n" + out)
	}
	return o, nil
}
