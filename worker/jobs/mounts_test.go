package jobs

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/moothall/moothall/events"
)

// share is a mount "data" with a file, a folder, and all that must not be used.
func share(t *testing.T) (Mounts, string) {
	t.Helper()
	dir := t.TempDir()
	mount, outside := filepath.Join(dir, "data"), filepath.Join(dir, "secret")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(mount, "videos"), 0o755))
	must(os.WriteFile(filepath.Join(mount, "videos", "a.mp4"), []byte("frames"), 0o644))
	must(os.WriteFile(outside, []byte("secret"), 0o600))
	must(os.Symlink("a.mp4", filepath.Join(mount, "videos", "inside")))
	must(os.Symlink(outside, filepath.Join(mount, "videos", "absolute")))
	must(os.Symlink("../../secret", filepath.Join(mount, "videos", "relative")))
	must(os.Symlink("..", filepath.Join(mount, "up")))
	must(syscall.Mkfifo(filepath.Join(mount, "fifo"), 0o600))
	short, err := os.MkdirTemp("", "s") // a socket's path is short
	must(err)
	t.Cleanup(func() { os.RemoveAll(short) })
	l, err := net.Listen("unix", filepath.Join(short, "s"))
	must(err)
	t.Cleanup(func() { l.Close() })
	must(os.Rename(filepath.Join(short, "s"), filepath.Join(mount, "socket")))
	return Mounts{{"data", mount}, {"dev", "/dev"}}, mount
}

func TestMounts_NoPathLeadsOutAndNothingBlocks(t *testing.T) {
	ms, mount := share(t)
	for _, c := range []struct{ mount, path, want string }{
		{"data", "/videos/a.mp4", "videos/a.mp4"},
		{"data", "videos/a.mp4", "videos/a.mp4"},
		{"data", "/videos/", "videos"},
		{"data", "/", ""},
		{"data", "/videos/inside", "videos/inside"},
		{"data", "/videos/absolute", "!"},
		{"data", "/videos/relative", "!"},
		{"data", "/up/secret", "!"},
		{"data", "/videos/../../secret", "!"},
		{"data", "/..", "!"},
		{"data", "/videos/../videos/a.mp4", "!"},
		{"data", mount + "/videos/a.mp4", "!"},
		{"data", "/videos/a.mp4/x", "!"},
		{"data", "/gone", "!"},
		{"data", "/fifo", "!"},
		{"data", "/socket", "!"},
		{"data", "/videos/a\x00.mp4", "!"},
		{"data", "/" + strings.Repeat("x", 2000), "!"},
		{"dev", "/null", "!"},
		{"other", "/", "!"},
	} {
		got, err := ms.locate(c.mount, c.path)
		if c.want == "!" {
			if err == nil {
				t.Errorf("%s:%q gives %s", c.mount, c.path, got)
			} else if strings.Contains(err.Error(), mount) && !strings.Contains(c.path, mount) {
				t.Errorf("%s:%q tells where the mount is: %v", c.mount, c.path, err)
			}
			continue
		}
		if err != nil || got != filepath.Join(mount, c.want) {
			t.Errorf("%s:%q gives %s, %v", c.mount, c.path, got, err)
		}
	}
}

func TestMounts_InputsHaveNamesOfTheirOwn(t *testing.T) {
	ms, _ := share(t)
	in := func(name string) events.MountedInput {
		return events.MountedInput{Name: name, Mount: "data", Path: "/videos/a.mp4"}
	}
	for _, bad := range [][]events.MountedInput{{in("a/b")}, {in("..")}, {in("")}, {in("/etc")}, {in("a"), in("a")}} {
		if got, err := ms.place(bad); events.CodeOf(err) != events.CodeInvalid {
			t.Errorf("%+v gives %v, %v", bad, got, err)
		}
	}
}

// A job reads a file of a mount under its input's name; nothing is copied, and when the
// job's folder goes the file stays.
func TestMounts_AJobUsesAFileInPlace(t *testing.T) {
	ms, mount := share(t)
	r := newRig(t, func(c *Config) { c.Mounts = ms })
	a := r.call("alice")
	id := a.startWith(events.JobStart{V: 1, Lease: a.reserve(), Command: "sh", Args: []string{`cat "$MOOT_IN/clip"; echo; cat "$MOOT_IN/all/a.mp4"; readlink "$MOOT_IN/clip"`},
		Mounted: []events.MountedInput{{Name: "clip", Mount: "data", Path: "/videos/a.mp4"}, {Name: "all", Mount: "data", Path: "/videos"}}})
	all, last := a.end()
	wantEnd(t, last, events.JobDone, 0)
	if got := lines(all, events.StreamStdout); !slices.Equal(got, []string{"frames", "frames" + filepath.Join(mount, "videos", "a.mp4")}) {
		t.Errorf("it printed %q", got)
	}
	if err := r.store.remove(id); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(mount, "videos", "a.mp4")); err != nil || string(text) != "frames" {
		t.Errorf("after the job's folder went the file is %q, %v", text, err)
	}
}

// What a mount refuses costs no slot and leaves no folder.
func TestMounts_ARefusalLeavesNothing(t *testing.T) {
	ms, _ := share(t)
	r := newRig(t, func(c *Config) { c.Mounts = ms })
	a := r.call("alice")
	lease := a.reserve()
	a.send(events.FrameStart, events.JobStart{V: 1, Lease: lease, Command: "sh", Mounted: []events.MountedInput{{Name: "s", Mount: "data", Path: "/videos/absolute"}}})
	wantCode(t, a.answer(), events.CodeFile)
	if entries, err := os.ReadDir(r.dir); err != nil || len(entries) != 0 {
		t.Errorf("it left %v, %v", entries, err)
	}
	a.startWith(events.JobStart{V: 1, Lease: lease, Command: "sh", Args: []string{"true"}})
	a.end()
}

func TestList_PagesInOrderWithinAFrame(t *testing.T) {
	dir := t.TempDir()
	const files = 3*pageEntries + 7
	for i := range files {
		name := fmt.Sprintf("%04d-%s", i, strings.Repeat(`"`, i%200)) // JSON doubles them
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, i), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "bad\nname"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(c *Config) { c.Mounts = Mounts{{"data", dir}} })
	a := r.call("alice")
	seen, after, pages := 0, "", 0
	for more := true; more; pages++ {
		a.send(events.FrameList, events.MountList{V: 1, Mount: "data", Path: "/", After: after})
		ft, payload := a.next()
		var l events.MountListing
		if err := events.Unpack(payload, &l); ft != events.FrameListing || err != nil {
			t.Fatalf("frame %d, %v", ft, err)
		}
		for _, e := range l.Entries {
			if !strings.HasPrefix(e.Name, fmt.Sprintf("%04d-", seen)) || e.Size != int64(seen) || e.Kind != events.EntryFile {
				t.Fatalf("entry %d is %+v", seen, e)
			}
			seen++
			after = e.Name
		}
		if more = l.More; l.LeftOut != 1 || more && len(l.Entries) == 0 {
			t.Fatalf("%d left out, %d entries", l.LeftOut, len(l.Entries))
		}
	}
	if seen != files || pages < 4 {
		t.Errorf("%d of %d entries on %d pages", seen, files, pages)
	}
}

func TestList_ShowsKindsAndOpensNothing(t *testing.T) {
	ms, _ := share(t)
	r := newRig(t, func(c *Config) { c.Mounts = ms })
	a := r.call("alice")
	kinds := func(path string) (got []string) {
		a.send(events.FrameList, events.MountList{V: 1, Mount: "data", Path: path})
		_, payload := a.next()
		var l events.MountListing
		if err := events.Unpack(payload, &l); err != nil {
			t.Fatal(err)
		}
		for _, e := range l.Entries {
			got = append(got, e.Name+" "+e.Kind)
		}
		return got
	}
	if got := kinds("/"); !slices.Equal(got, []string{"fifo other", "socket other", "up link", "videos folder"}) {
		t.Errorf("%v", got)
	}
	if got := kinds("/videos"); !slices.Equal(got, []string{"a.mp4 file", "absolute link", "inside link", "relative link"}) {
		t.Errorf("%v", got)
	}
	for _, bad := range []string{"/fifo", "/up", "/..", "/videos/a.mp4", "/gone", "/socket"} {
		a.send(events.FrameList, events.MountList{V: 1, Mount: "data", Path: bad})
		if e := a.answer(); e.Code != events.CodeFile && e.Code != events.CodeInvalid {
			t.Errorf("%s: %+v", bad, e)
		}
	}
}
