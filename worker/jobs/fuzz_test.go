package jobs

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

// mute takes all that is said to it.
type mute struct{}

func (mute) SendWait(context.Context, []byte) error { return nil }
func (mute) Frames() <-chan []byte                  { return nil }

// FuzzTake gives a worker any two frames of a client that holds no lease: no job starts,
// and none of another's is followed.
func FuzzTake(f *testing.F) {
	s, err := New(Config{Dir: f.TempDir(), Commands: Commands{{Name: "sh", Words: []string{"/bin/true", arguments}}}, Slots: 1, Incarnation: func() uint64 { return 7 }, Worker: "w", Room: "lab"})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := s.Reserve("alice", events.Reserve{V: 1, RequestID: "x", Command: "sh"}); err != nil { // another client's
		f.Fatal(err)
	}
	lease := events.JobLease{Incarnation: 7, Seq: 1}
	f.Add(events.Pack(events.FrameStart, events.JobStart{V: 1, Command: "sh", Lease: lease}), events.Pack(events.FrameAttach, events.JobAttach{V: 1, JobID: "j-aaaaaaaa"}))
	f.Add(events.Pack(events.FrameHello, events.JobHello{V: 1}), events.Pack(events.FrameList, events.MountList{}))
	f.Add(events.Pack(events.FrameSignal, events.JobSignal{V: 1, JobID: "j-aaaaaaaa", Action: "stop"}), []byte{1})
	f.Fuzz(func(t *testing.T, one, two []byte) {
		c := &conversation{service: s, client: "mallory", link: Link{Control: mute{}, Bulk: mute{}}, follows: map[string]*following{}, bulk: make(chan struct{}, 1)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _ = c.take(ctx, one), c.take(ctx, two)
		if c.begun || len(c.follows) > 0 || len(s.jobs) > 0 {
			t.Fatalf("%q, %q: began %t, follows %d", one, two, c.begun, len(c.follows))
		}
	})
}

// FuzzLocate looks any path up in a mount: what is found lies within it.
func FuzzLocate(f *testing.F) {
	dir := f.TempDir()
	inside := filepath.Join(dir, "mount")
	for _, name := range []string{"a", "sub/b"} {
		path := filepath.Join(inside, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			f.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			f.Fatal(err)
		}
	}
	for link, to := range map[string]string{"out": "..", "etc": "/etc", "up": "sub/../../..", "in": "sub"} {
		if err := os.Symlink(to, filepath.Join(inside, link)); err != nil {
			f.Fatal(err)
		}
	}
	root, err := filepath.EvalSymlinks(inside)
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range []string{"a", "sub/b", "in/b", "/a/", "..", "out/x", "etc/passwd", "in/../../x", "", "a\x00"} {
		f.Add("data", path)
	}
	f.Fuzz(func(t *testing.T, mount, path string) {
		found, err := Mounts{{Name: "data", Path: inside}}.locate(mount, path)
		if err != nil {
			return
		}
		real, err := filepath.EvalSymlinks(found)
		if err != nil || mount != "data" || real != root && !strings.HasPrefix(real, root+"/") {
			t.Fatalf("%q of %q is %q, which is %q, %v", path, mount, found, real, err)
		}
	})
}
