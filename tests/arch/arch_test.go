// Package arch keeps the house in shape: who may import whom, which library
// belongs to which room, what builds without a C compiler, and what stands at
// the top of the tree. A failure says the reason for the rule.
package arch

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

const maxMainLines = 100

func TestImports_PointDown(t *testing.T) {
	for _, v := range violations(packages(t)) {
		t.Error(v)
	}
}

func TestMains_StayShort(t *testing.T) {
	mains, err := filepath.Glob(root + "/*/cmd/*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range mains {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if lines := bytes.Count(text, []byte("\n")); lines > maxMainLines {
			t.Errorf("%s has %d lines, at most %d: commands stand in files beside it", name, lines, maxMainLines)
		}
	}
}

func TestHubAndClient_NeedNoCgo(t *testing.T) {
	for _, p := range packages(t) {
		static := within(p.room(), "client") || within(p.room(), "signaling") || within(p.room(), "embedded") || within(p.room(), "events")
		for _, dep := range p.Deps {
			if static && within(dep, "github.com/automerge") {
				t.Errorf("%s needs %s, which is cgo: hub and client are static binaries, and the client also builds for Windows", p.room(), dep)
			}
		}
	}
	for _, main := range []string{"signaling/cmd/moothall", "client/cmd/moot"} {
		if !exists(main) {
			continue
		}
		t.Run(main, func(t *testing.T) {
			if with := goTool(t, "list", "-deps", "-tags=netgo,osusergo", "-f", "{{if .CgoFiles}}{{.ImportPath}}{{end}}", "./"+main); len(with) > 0 {
				t.Errorf("%s is not static, as the Makefile builds it: it needs\n%s", main, with)
			}
		})
	}
}

// The five libraries that the project was asked to stand on.
func TestGoMod_RequiresTheFiveDirectly(t *testing.T) {
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(goTool(t, "mod", "edit", "-json"), &mod); err != nil {
		t.Fatal(err)
	}
	direct := map[string]bool{}
	for _, r := range mod.Require {
		direct[r.Path] = !r.Indirect
	}
	for _, path := range []string{
		"github.com/nats-io/nats-server/v2",
		"github.com/nats-io/nats.go",
		"github.com/pion/webrtc/v4",
		"github.com/automerge/automerge-go",
		"github.com/kelseyhightower/envconfig",
	} {
		if !direct[path] {
			t.Errorf("go.mod does not require %s directly", path)
		}
	}
}

func TestTopLevel_HoldsOnlyWhatThePlanNames(t *testing.T) {
	allowed := append(ignoredFolders(t),
		"signaling", "worker", "client", "events", "embedded", "scripts", "tests", "docs",
		"Makefile", "go.mod", "go.sum", "README.md", "ARCHITECTURE.md", "SECURITY.md", "LICENSE")
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) {
			t.Errorf("%s stands at the top of the tree: put it into one of the rooms, or docs, scripts, tests", e.Name())
		}
	}
}

// ignoredFolders are the top-level folders that .gitignore names.
func ignoredFolders(t *testing.T) []string {
	f, err := os.Open(root + "/.gitignore")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var names []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if line := lines.Text(); strings.HasPrefix(line, "/") {
			names = append(names, strings.Trim(line, "/"))
		}
	}
	return names
}

// packages lists the module's packages. Those that do not compile are listed too:
// the build reports them better.
func packages(t *testing.T) []goPackage {
	t.Helper()
	out := goTool(t, "list", "-e", "-json=ImportPath,Dir,Name,GoFiles,CgoFiles,Imports,Deps", "./...")
	var all []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func goTool(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}

func exists(path string) bool {
	_, err := os.Stat(filepath.Join(root, path))
	return err == nil
}
