package gpu

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fake puts a shell script named nvidia-smi alone on PATH.
func fake(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if script != "" {
		if err := os.WriteFile(filepath.Join(dir, "nvidia-smi"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
}

func TestProbe(t *testing.T) {
	tests := []struct {
		name, script string
		want         Info
		err          string
	}{
		{"one GPU", `echo "NVIDIA RTX A5000, 24564"`, Info{24564, "NVIDIA RTX A5000", 1}, ""},
		{"largest of several", `printf 'Quadro P400, 2048\nNVIDIA A100-SXM4-80GB, 81920\nTesla T4, 15360\n'`,
			Info{81920, "NVIDIA A100-SXM4-80GB", 3}, ""},
		{"first of equals", `printf 'A, 100\nB, 100\n'`, Info{100, "A", 2}, ""},
		{"a comma in the name", `echo "Acme, Inc. X1, 4096"`, Info{4096, "Acme, Inc. X1", 1}, ""},
		{"memory not told", `echo "NVIDIA GB10, [N/A]"`, Info{0, "NVIDIA GB10", 1}, ""},
		{"no GPU behind the driver", `exit 0`, Info{0, None, 0}, ""},
		{"no nvidia-smi", "", Info{0, None, 0}, ""},
		{"driver broken", `echo "NVIDIA-SMI has failed because it couldn't communicate with the driver."; exit 9`,
			Info{0, None, 0}, "couldn't communicate"},
		{"nonsense", `echo hello`, Info{0, None, 0}, `unexpected line "hello"`},
		{"another unit", `echo "Tesla T4, 15360 MiB"`, Info{0, None, 0}, "unexpected line"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fake(t, tt.script)
			got, err := Probe(context.Background())
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

func TestProbe_AsksForNameAndMemory(t *testing.T) {
	fake(t, `[ "$*" = "--query-gpu=name,memory.total --format=csv,noheader,nounits" ] || exit 1; echo "T4, 15360"`)
	if _, err := Probe(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestProbe_EndsWithItsContext(t *testing.T) {
	fake(t, `exec /bin/sleep 60`)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := Probe(ctx); err == nil {
		t.Error("a hung nvidia-smi is no error")
	}
	if d := time.Since(start); d > Timeout {
		t.Errorf("took %v", d)
	}
}
