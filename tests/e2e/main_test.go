// Package e2e is the last ring of tests: the built programs as processes, on real
// sockets, killed with signal 9 where that is the point. Each test has a hub and
// workers of its own, or the shared ones where it harms nobody; all on free ports
// and in folders that go afterwards.
package e2e

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

const root = "../.." // of the module

// bin is the folder of the programs, set by TestMain.
var bin string

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == stockName {
		if err := asNATS(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "nats: error:", err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		code = 1
	}
	os.Exit(code)
}

// run runs the tests in a temporary folder of their own. Processes that still run
// afterwards are an error.
func run(m *testing.M) (code int, err error) {
	tmp, err := os.MkdirTemp("", "moothall-e2e-*")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(tmp)
	if err := os.Setenv("TMPDIR", tmp); err != nil {
		return 1, err
	}
	if bin, err = findPrograms(tmp); err != nil {
		return 1, err
	}
	// These tests wait more than they compute.
	if err := flag.Set("test.parallel", "6"); err != nil {
		return 1, err
	}
	code = m.Run()
	shop.close()
	return code, endLeftovers(tmp)
}

// findPrograms is bin/, or if something there is missing or older than the sources a
// folder with all of them.
func findPrograms(tmp string) (string, error) {
	built, err := filepath.Abs(filepath.Join(root, "bin"))
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
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
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
		cmd.Dir = root
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
