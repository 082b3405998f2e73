package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestTargets_OfATree(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("a/a_test.go", "package a\n\nfunc FuzzOne(f *testing.F) {\n}\n\nfunc FuzzTwo(f *testing.F) {}\n")
	write("a/a.go", "package a\n\nfunc FuzzNone(f *testing.F) {}\n")
	write("b/b_test.go", "package b\n\nfunc TestFuzzing(t *testing.T) {}\n")
	got, err := targets(root)
	a := filepath.ToSlash(filepath.Join(root, "a"))
	if want := []target{{a, "FuzzOne"}, {a, "FuzzTwo"}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("targets %v, %v; want %v", got, err, want)
	}
}

func TestExecutions_TheLastCount(t *testing.T) {
	said := `fuzz: elapsed: 0s, gathering baseline coverage: 0/120 completed
fuzz: elapsed: 3s, execs: 16058 (5351/sec), new interesting: 1 (total: 121)
fuzz: elapsed: 6s, execs: 44390 (9446/sec), new interesting: 1 (total: 121)
PASS
`
	if n := executions(said); n != 44390 {
		t.Errorf("%d executions", n)
	}
	if n := executions("FAIL\n"); n != 0 {
		t.Errorf("%d executions of none", n)
	}
}

func TestDuration_LongerForTheState(t *testing.T) {
	for _, c := range []struct {
		time, folder, want string
	}{{"", "worker/roster/guard", "60s"}, {"", "signaling", "30s"}, {"5s", "worker/roster", "5s"}} {
		if got := (options{c.time}).duration(target{folder: c.folder}); got != c.want {
			t.Errorf("%v: %s", c, got)
		}
	}
}
