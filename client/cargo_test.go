package client

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/moothall/moothall/events"
)

func TestParseMountRef(t *testing.T) {
	for text, want := range map[string]string{
		"data:/videos/a.mp4": "data:/videos/a.mp4", "data:/": "data:/", "my-data.2:/x": "my-data.2:/x",
		"data": "", "/data:/x": "", "./data:/x": "", "data:x": "", ":/x": "", "http://x": "http://x",
	} {
		if ref, ok := ParseMountRef(text); ok != (want != "") || ok && ref.String() != want {
			t.Errorf("%q gives %v, %t", text, ref, ok)
		}
	}
}

// Of two mappings the longer counts; a folder that only begins alike is none of it.
func TestCargo_IsUsedInPlaceWhereTheWorkerHasTheMountAndSentElsewhere(t *testing.T) {
	share := filepath.Join(t.TempDir(), "lab")
	movie, beside := filepath.Join(share, "deep", "a.mp4"), filepath.Join(share+"2", "b.mp4")
	for _, path := range []string{movie, beside} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	j := Job{Command: "x", Inputs: []string{movie, beside, "models:/m"}, Mounts: []MountMapping{
		{Local: share, Ref: MountRef{"data", "/"}}, {Local: filepath.Join(share, "deep"), Ref: MountRef{"deep", "/d"}},
	}}
	divide := func(mounts ...string) (sent, mounted []string) {
		s, m, err := j.cargo(events.Worker{Commands: []string{"x"}, Mounts: mounts})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range s {
			sent = append(sent, x.Path)
		}
		for _, x := range m {
			mounted = append(mounted, x.Name+"="+x.Mount+":"+x.Path)
		}
		return sent, mounted
	}
	for _, c := range []struct{ mounts, sent, mounted []string }{
		{[]string{"deep", "models"}, []string{beside}, []string{"a.mp4=deep:/d/a.mp4", "m=models:/m"}},
		{[]string{"data", "models"}, []string{movie, beside}, []string{"m=models:/m"}},
	} {
		if sent, mounted := divide(c.mounts...); !slices.Equal(sent, c.sent) || !slices.Equal(mounted, c.mounted) {
			t.Errorf("a worker with %v is sent %v and uses %v", c.mounts, sent, mounted)
		}
	}
	if got := j.lacks(events.Worker{Commands: []string{"x"}, Mounts: []string{"deep"}}); got != "models" {
		t.Errorf("it lacks %q", got)
	}
	if got := j.lacks(events.Worker{}); got != "" {
		t.Errorf("a worker whose row has not arrived lacks %q", got)
	}
}

// Only workers that have the mount are candidates; of one whose row has not arrived
// nobody knows it.
func TestChoose_RejectsWhoLacksTheMount(t *testing.T) {
	near, far, unknown := worker("near", 8000, events.StatusAvailable, "x"), worker("far", 24000, events.StatusAvailable, "x"), worker("unknown", 1, events.StatusAvailable)
	near.Mounts, unknown.Commands = []string{"data"}, nil
	p, err := choose(events.WorkerList{RoomID: "lab", Workers: []events.Worker{near, far, unknown}}, Job{Command: "x", Inputs: []string{"data:/a"}})
	if err != nil || len(p.Candidates) != 2 || p.Candidates[0].PeerID != "near" || !slices.Contains(p.Rejected, events.Rejected{PeerID: "far", Reason: "has no mount data"}) {
		t.Errorf("%+v, %v", p, err)
	}
	_, err = choose(events.WorkerList{RoomID: "lab", Workers: []events.Worker{far}}, Job{Command: "x", Inputs: []string{"data:/a"}})
	if e := events.AsError(err); e.Code != events.CodeNoMatch || e.Message != `no worker in room "lab" matches: mount data` || e.Facts[0] != "1 worker is here: 1 lacks the mount (far)." {
		t.Errorf("%+v", err)
	}
}

func TestMappings_AreRememberedForEachHub(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "client")
	open := func() *Mappings {
		m, err := OpenMappings(dir)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, path := range []string{"/old", "/new"} {
		if err := open().Add("http://a", MountMapping{"/lab", MountRef{"data", path}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := open().Of("http://a"); !slices.Equal(got, []MountMapping{{"/lab", MountRef{"data", "/new"}}}) || open().Of("http://b") != nil {
		t.Errorf("%v", got)
	}
	for _, want := range []bool{true, false} {
		if got, err := open().Remove("http://a", "/lab"); got != want || err != nil {
			t.Errorf("removed %t, %v", got, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, mappingsFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenMappings(dir); events.CodeOf(err) != events.CodeFile {
		t.Errorf("a damaged file gives %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("drafts are left: %v, %v", left, err)
	}
}
