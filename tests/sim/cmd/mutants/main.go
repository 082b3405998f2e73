// Command mutants checks the checker: it switches off one rule of the room at a
// time, in a copy that only the compiler sees (go build -overlay), and plays the
// simulation until an invariant falls. A rule whose absence nobody notices is a
// missing test or a rule to delete; the command exits 1 for it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

func main() {
	runs := flag.Int("runs", 1000, "schedules to play at most, for each rule")
	only := flag.String("only", "", "the one rule to switch off")
	flag.Parse()
	survived := 0
	for _, m := range mutants {
		if *only != "" && *only != m.rule {
			continue
		}
		start := time.Now()
		fell, seed, err := m.play(*runs)
		took := time.Since(start).Round(time.Second)
		switch {
		case err != nil:
			fmt.Fprintf(os.Stderr, "error: %s: %v\n", m.rule, err)
			os.Exit(1)
		case fell == "":
			survived++
			fmt.Printf("SURVIVED %-22s %d schedules, no invariant fell (%s)\n", m.rule, *runs, took)
		default:
			fmt.Printf("caught   %-22s %s (seed %s, %s)\n", m.rule, fell, seed, took)
		}
	}
	fmt.Printf("sim-mutants: rules=%d survived=%d\n", len(mutants), survived)
	if survived > 0 {
		os.Exit(1)
	}
}

// play builds the simulation without the rule and plays it. fell is what fell first.
func (m mutant) play(runs int) (fell, seed string, err error) {
	dir, err := os.MkdirTemp("", "moothall-mutant-*")
	if err != nil {
		return "", "", err
	}
	defer os.RemoveAll(dir)
	overlay, err := m.overlay(dir)
	if err != nil {
		return "", "", err
	}
	bin := filepath.Join(dir, "sim")
	if out, err := exec.Command("go", "build", "-tags", "sim,netgo,osusergo", "-overlay", overlay, "-o", bin, "./tests/sim/cmd/sim").CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("does not build: %s", out)
	}
	out, err := exec.Command(bin, "-runs", fmt.Sprint(runs), "-first").CombinedOutput()
	if found := violation.FindSubmatch(out); found != nil {
		return string(found[2]), string(found[1]), nil
	}
	if err != nil && !strings.Contains(string(out), "violations=0") {
		return "", "", fmt.Errorf("%w: %s", err, out)
	}
	return "", "", nil
}

var violation = regexp.MustCompile(`(?m)^seed (\d+): (.*)$`)

// overlay writes the changed files and the map that the compiler reads.
func (m mutant) overlay(dir string) (string, error) {
	changed := map[string]string{}
	for i, c := range m.changes {
		path, err := filepath.Abs(c.file)
		if err != nil {
			return "", err
		}
		from := path
		if earlier, ok := changed[path]; ok {
			from = earlier
		}
		text, err := os.ReadFile(from)
		if err != nil {
			return "", err
		}
		if n := strings.Count(string(text), c.old); n != 1 {
			return "", fmt.Errorf("%q stands %d times in %s: the rule has moved", c.old, n, c.file)
		}
		copied := filepath.Join(dir, fmt.Sprintf("%d.go", i))
		if err := os.WriteFile(copied, []byte(strings.Replace(string(text), c.old, c.new, 1)), 0o600); err != nil {
			return "", err
		}
		changed[path] = copied
	}
	data, err := json.Marshal(map[string]any{"Replace": changed})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, data, 0o600)
}
