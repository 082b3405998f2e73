package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An input that changes or vanishes while it is sent is 74, and the worker keeps
// nothing of it as if it were whole.
func TestSending_AFileThatChangesOrVanishesIs74(t *testing.T) {
	t.Parallel()
	h := shop.visit(t)
	for _, tt := range []struct {
		name   string
		size   int64 // bytes; long enough on its way for the test to meddle with it
		meddle func(path string) error
		says   string
	}{
		{"cut.bin", 4 << 30, func(path string) error { return os.Truncate(path, 100) }, "cut.bin changed while it was sent"},
		{"gone.bin", 8 << 20, os.Remove, "cannot read gone.bin: no such file or directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := hall{h.Stage, t}
			path := filepath.Join(t.TempDir(), tt.name)
			randomFile(t, path, 0)
			if err := os.Truncate(path, tt.size); err != nil { // a hole, which takes no disk
				t.Fatal(err)
			}
			c := h.moot(nil, "run", "--json", "--worker", "otter", "-i", path, "--", "sh", "-c", "echo it ran")
			arriving := func() []string {
				all, _ := filepath.Glob(filepath.Join(h.Dir, "otter", "jobs", "*", "work", "in", tt.name+"*"))
				return all
			}
			await(t, "a part of the file has come", soon, func() bool { return len(arriving()) == 1 || !c.runs() })
			if err := tt.meddle(path); err != nil {
				t.Fatal(err)
			}
			code, r := c.end(), c.report()
			if code != 74 || r.Error == nil || r.Error.Code != "file" || r.Error.Message != tt.says || r.State != "canceled" && r.State != "failed" {
				t.Errorf("exit code %d: %s\n%s", code, c.out, c.err)
			}
			if strings.Contains(c.err.String(), "it ran") {
				t.Error("the job ran")
			}
			await(t, "nothing is left of the file", soon, func() bool { return len(arriving()) == 0 })
		})
	}
}
