package e2e

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/moothall/moothall/scripts/stage"
)

// Work list 9.2.4. The hub is killed and comes back on the same data: nobody is
// elected, no link breaks, everybody is registered, and what people have in hand still
// works.
func TestHubRestart_NobodyIsElectedAndEverythingStaysValid(t *testing.T) {
	t.Parallel()
	h := open(t, stage.Spec{PeerID: "adder", MemoryMB: 16000}, stage.Spec{PeerID: "heron", MemoryMB: 24000}, stage.Spec{PeerID: "lynx", MemoryMB: 16000})
	peers := []string{"adder", "heron", "lynx"}
	await(t, "the mesh is whole", soon, func() bool { return h.agree(peers...) })
	w := h.watch()
	token := h.token("--room", room, "--role", "client")
	files, links, seats := h.papers(), h.links(peers), h.seats()

	h.Hub().Kill()
	if err := h.Reopen(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, "all are registered again", soon, func() bool {
		c := h.moot([]string{"MOOT_TOKEN=" + token}, "workers", "--json")
		var l workerList
		if c.end() != 0 {
			return false
		}
		decode(t, c.out.String(), &l)
		return l.Source == "admin" && len(l.Workers) == 3 && l.Term == 1 && l.AdminPeerID == "adder"
	})
	await(t, "the mesh is whole", soon, func() bool { return h.agree(peers...) })
	for what, diff := range map[string]string{
		"files": cmp.Diff(files, h.papers()), "links": cmp.Diff(links, h.links(peers)), "seats": cmp.Diff(seats, h.seats()),
	} {
		if diff != "" {
			t.Errorf("%s changed (-before +after):\n%s", what, diff)
		}
	}
	w.says("back at the hub")                         // what happens before is missed
	h.add(stage.Spec{PeerID: "newt", MemoryMB: 8000}) // with the worker.env of before
	w.first("peer_joined", func(e happening) bool { return e.PeerID == "newt" })
	if e := w.seen("admin_elected"); len(e) > 0 {
		t.Errorf("%+v", e)
	}
	if e := w.seen("peer_left"); len(e) > 0 {
		t.Errorf("%+v", e)
	}
}

// papers are the files of the hub that others hold copies of.
func (h hall) papers() map[string]string {
	h.t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"*.env", "*.creds", "keys/*", "tokens/*.json"} {
		paths, err := filepath.Glob(filepath.Join(h.Data(), pattern))
		if err != nil || len(paths) == 0 {
			h.t.Fatalf("%s: %v, %v", pattern, paths, err)
		}
		for _, path := range paths {
			texts[path] = h.read(path)
		}
	}
	return texts
}

// links are the ends of all links: another link between the same two has others.
func (h hall) links(peers []string) map[string]string {
	ends := map[string]string{}
	for _, peer := range peers {
		for _, l := range h.room(peer).Links {
			ends[peer+" to "+l.PeerID] = l.State + " " + l.Local + " " + l.Remote
		}
	}
	return ends
}

func (h hall) seats() map[string]uint64 {
	seats := map[string]uint64{}
	for _, w := range h.workers().Workers {
		seats[w.PeerID] = w.Incarnation
	}
	return seats
}

// Work list 7.1, 9.2.2. A worker that is killed and started again on its state folder
// is a new incarnation of the same peer, and no row of the old one is left.
func TestWorkerRestart_ReplacesItsRow(t *testing.T) {
	t.Parallel()
	heron := stage.Spec{PeerID: "heron", MemoryMB: 24000}
	h := open(t, stage.Spec{PeerID: "adder", MemoryMB: 16000}, heron)
	before := h.workers().of("heron")
	h.worker("heron").Kill()
	heron.MemoryMB = 12000
	h.add(heron)
	await(t, "the new process is listed", soon, func() bool {
		w := h.workers().of("heron")
		return w.Incarnation > before.Incarnation && w.Status == "available"
	})
	await(t, "both agree", soon, func() bool { return h.agree("adder", "heron") })
	for _, peer := range []string{"adder", "heron"} {
		r := h.room(peer)
		if len(r.Workers) != 2 || len(r.Links) != 1 {
			t.Errorf("%s shows %d workers, %d links", peer, len(r.Workers), len(r.Links))
		}
		for _, w := range r.Workers {
			if w.PeerID == "heron" && w.Metadata.Properties.GPUMemoryMB != 12000 {
				t.Errorf("%s shows the old row: %+v", peer, w)
			}
		}
	}
	if l := h.workers(); l.Total != 2 {
		t.Errorf("%+v", l)
	}
}
