package client

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/moothall/moothall/events"
)

// The name of a job is its worker's word. Outputs do not go into a folder that stands
// here by that name.
func TestFolder_AJobIsCalledLikeAFolderOfOurs(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("src", 0o755); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]events.Code{"src": events.CodeFile, "j-new": ""} {
		r := newRun(nil, Job{}, nil)
		r.owner, r.result.JobID = "a key", id
		err := r.ownFolder()
		if events.CodeOf(err) != want {
			t.Errorf("%s: %v", id, err)
		}
		if err == nil {
			r.close()
		}
	}
	back := newRun(nil, Job{}, nil) // whose job's name its caller gave
	back.result.JobID = "src"
	if err := back.ownFolder(); err != nil {
		t.Error(err)
	}
	back.close()
}

// Frames that are none are told once.
func TestFollow_GarbageIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := stageJob(t, Job{Command: "track"})
		s.client.log = slog.New(slog.NewTextHandler(&log, nil))
		err := s.play(func(p *peer) {
			for range 100 {
				if err := p.control.SendWait(context.Background(), []byte("garbage")); err != nil {
					t.Error(err)
				}
			}
			p.exited(1, 0)
		})
		if n := strings.Count(log.String(), "refused a frame"); err != nil || n != 1 {
			t.Errorf("%v, told %d times", err, n)
		}
	})
}
