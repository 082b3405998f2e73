package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moothall/moothall/scripts/stage"
)

// A file of a mount is used where it is, by name or through a mapping of a local folder;
// who has no such mount is no candidate for the first and is sent the second.
func TestMounts_FilesAreUsedInPlaceListedAndMapped(t *testing.T) {
	share := t.TempDir()
	videos := filepath.Join(share, "videos")
	if err := os.Mkdir(videos, 0o755); err != nil {
		t.Fatal(err)
	}
	movie := filepath.Join(videos, "a.mp4")
	writeFile(t, movie, "frames")
	writeFile(t, filepath.Join(share, "b.txt"), "b")
	if err := os.Symlink("/etc/passwd", filepath.Join(videos, "out")); err != nil {
		t.Fatal(err)
	}
	h := open(t,
		stage.Spec{PeerID: "near", MemoryMB: 8000, Commands: anything, Settings: []string{"MOOT_MOUNTS=data=" + share}},
		stage.Spec{PeerID: "far", MemoryMB: 24000, Commands: anything},
	)
	const show = `readlink "$MOOT_IN/a.mp4" || echo sent; cat "$MOOT_IN/a.mp4"`

	await(t, "the worker with the mount is the only candidate", soon, func() bool { // once both rows are there
		dry := h.moot(nil, "run", "--dry-run", "--json", "-i", "data:/videos/a.mp4", "--", "sh")
		dry.end()
		var p plan
		decode(t, dry.out.String(), &p)
		return p.Worker == "near" && p.why("far") == "has no mount data" && p.InputBytes == 0
	})
	in := h.moot(nil, "run", "-i", "data:/videos/a.mp4", "--", "sh", "-c", show)
	if code := in.end(); code != 0 || in.out.String() != movie+"\nframes\n" {
		t.Errorf("exit code %d, %q\n%s", code, in.out, in.err)
	}
	h.moot(nil, "run", "-i", "data:/videos/out", "--", "sh", "-c", show).refuses(74, "data:/videos/out cannot be used")
	h.moot(nil, "run", "-i", "data:/videos/../../x", "--", "sh", "-c", show).refuses(64, "data:/videos/../../x", "it contains ..")
	h.moot(nil, "run", "-i", "attic:/x", "--", "sh").refuses(75, "matches: mount attic", "2 lack the mount (far, near)")

	var l struct {
		Entries []struct {
			Name, Kind string
			Size       int64
		}
	}
	h.ask(&l, "ls", "near", "data:/")
	if len(l.Entries) != 2 || l.Entries[0].Name != "b.txt" || l.Entries[0].Size != 1 || l.Entries[1].Name != "videos" || l.Entries[1].Kind != "folder" {
		t.Errorf("%+v", l)
	}
	h.moot(nil, "ls", "far", "data:/").refuses(74, `there is no mount "data" here`)
	h.moot(nil, "ls", "near", "data:/videos/out").refuses(74, "data:/videos/out cannot be used")

	dir := []string{"MOOT_CLIENT_DIR=" + t.TempDir()}
	if c := h.moot(dir, "mount", "add", share, "data:/"); c.end() != 0 {
		t.Fatalf("%s", c.err)
	}
	if c := h.moot(dir, "mount", "ls"); c.end() != 0 || c.out.String() != share+"  data:/\n" {
		t.Errorf("%s%s", c.out, c.err)
	}
	for worker, want := range map[string]string{"near": movie + "\nframes\n", "far": "sent\nframes\n"} {
		c := h.moot(dir, "run", "--worker", worker, "-i", movie, "--", "sh", "-c", show)
		if code := c.end(); code != 0 || c.out.String() != want {
			t.Errorf("%s: exit code %d, %q\n%s", worker, code, c.out, c.err)
		}
	}
	if c := h.moot(dir, "mount", "rm", share); c.end() != 0 {
		t.Errorf("%s", c.err)
	}
	c := h.moot(dir, "run", "--worker", "near", "-i", movie, "--", "sh", "-c", show)
	if c.end(); !strings.HasPrefix(c.out.String(), "sent\n") {
		t.Errorf("after moot mount rm: %q", c.out)
	}
}
