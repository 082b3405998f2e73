// Package process is what all tests with real processes share: the built programs, a
// folder that goes afterwards, the end of what was left running, and waiting.
package process

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// programs are what a stage needs.
var programs = map[string]string{
	"moothall": "./signaling/cmd/moothall", "moot-worker": "./worker/cmd/moot-worker", "moot": "./client/cmd/moot",
}

// Root is the folder of the module, as tests in a folder of tests see it.
const Root = "../.."

// Bin is the folder of the programs while the tests of Run run.
var Bin string

// Run runs the tests, that many at the same time, in a temporary folder of their own,
// calls after, and returns the exit code. Processes that still run then are an error.
func Run(m *testing.M, parallel int, after func()) int {
	code, err := run(m, parallel, after)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	return code
}

func run(m *testing.M, parallel int, after func()) (code int, err error) {
	tmp, err := os.MkdirTemp("", "moothall-test-*")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(tmp)
	if err := os.Setenv("TMPDIR", tmp); err != nil {
		return 1, err
	}
	if Bin, err = findPrograms(tmp); err != nil {
		return 1, err
	}
	// These tests wait more than they compute.
	if err := flag.Set("test.parallel", strconv.Itoa(parallel)); err != nil {
		return 1, err
	}
	code = m.Run()
	after()
	return code, endLeftovers(tmp)
}

// findPrograms is bin/, or if something there is missing or older than the sources a
// folder with all of them.
func findPrograms(tmp string) (string, error) {
	built, err := filepath.Abs(filepath.Join(Root, "bin"))
	if err != nil {
		return "", err
	}
	changed, err := sourcesChanged()
	if err != nil {
		return "", err
	}
	for name := range programs {
		info, err := os.Stat(filepath.Join(built, name))
		if err != nil || info.ModTime().Before(changed) {
			return build(filepath.Join(tmp, "bin"))
		}
	}
	return built, nil
}

// sourcesChanged is when a source of the programs was last written.
func sourcesChanged() (last time.Time, err error) {
	for _, dir := range []string{"client", "embedded", "events", "signaling", "worker"} {
		err := filepath.WalkDir(filepath.Join(Root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			info, err := d.Info()
			if err == nil && info.ModTime().After(last) {
				last = info.ModTime()
			}
			return err
		})
		if err != nil {
			return last, err
		}
	}
	return last, nil
}

func build(dir string) (string, error) {
	for name, path := range programs {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, name), path)
		cmd.Dir = Root
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	return dir, nil
}

// endLeftovers kills the processes that still know the folder of this run from their
// environment (Linux) and is an error if there were any.
func endLeftovers(tmp string) error {
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return err
	}
	left := ""
	for _, path := range environments {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		env, readErr := os.ReadFile(path) // of another user, or gone meanwhile: not ours
		if err != nil || readErr != nil || pid == os.Getpid() || !bytes.Contains(env, []byte(tmp)) {
			continue
		}
		line, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		left += fmt.Sprintf("\n  %d %s", pid, bytes.ReplaceAll(line, []byte{0}, []byte(" ")))
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill()
		}
	}
	if left != "" {
		return fmt.Errorf("processes were left running:%s", left)
	}
	return nil
}
