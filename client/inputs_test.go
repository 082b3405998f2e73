package client

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moothall/moothall/events"
)

func TestJob_ValidatesBeforeAnybodyIsAsked(t *testing.T) {
	dir := t.TempDir()
	write := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a, sameName := write("a.mp4"), write("other/a.mp4")
	cases := []struct {
		name string
		job  Job
		code events.Code
	}{
		{"fine", Job{Command: "track", Inputs: []string{a}}, ""},
		{"no command", Job{}, events.CodeUsage},
		{"two inputs of one base name", Job{Command: "track", Inputs: []string{a, sameName}}, events.CodeUsage},
		{"an input that is not there", Job{Command: "track", Inputs: []string{a + ".gone"}}, events.CodeFile},
		{"a folder as input", Job{Command: "track", Inputs: []string{dir}}, events.CodeFile},
		{"arguments that fill a frame", Job{Command: "track", Args: []string{strings.Repeat("x", events.MaxMessage)}}, events.CodeUsage},
	}
	for _, c := range cases {
		if got := events.CodeOf(c.job.Validate()); got != c.code {
			t.Errorf("%s: %q, want %q", c.name, got, c.code)
		}
	}
}

// A worker's job id becomes a folder here.
func TestAccepted_RefusesAJobIDThatLeavesTheFolder(t *testing.T) {
	for _, id := range []string{"../evil", "/etc", "", ".", "a/b"} {
		if _, err := accepted(events.Pack(events.FrameAck, events.JobAck{JobID: id})); events.CodeOf(err) != events.CodeInvalid {
			t.Errorf("job id %q gives %v", id, err)
		}
	}
	if ack, err := accepted(events.Pack(events.FrameAck, events.JobAck{JobID: "j-4K2Q"})); err != nil || ack.JobID != "j-4K2Q" {
		t.Errorf("%+v, %v", ack, err)
	}
}
