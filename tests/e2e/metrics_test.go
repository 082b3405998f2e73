package e2e

import (
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/moothall/moothall/scripts/stage"
)

// metric is a value of a worker's /metrics, -1 if it is not there.
func (h hall) metric(peer, name string) float64 {
	h.t.Helper()
	response, err := http.Get(strings.Replace(h.worker(peer).URL, "/v1/room", "/metrics", 1))
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindSubmatch(text)
	if found == nil {
		return -1
	}
	value, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		h.t.Fatal(err)
	}
	return value
}

// A worker tells of its links, the document, the questions of clients and the files of
// their jobs. INTERFACE names these.
func TestMetrics_OfAWorker(t *testing.T) {
	t.Parallel()
	h := open(t, stage.Spec{PeerID: "heron", MemoryMB: 24000}, stage.Spec{PeerID: "otter", MemoryMB: 8000, Commands: anything})
	input := filepath.Join(t.TempDir(), "in")
	randomFile(t, input, 3000)
	run := h.moot(nil, "run", "--worker", "otter", "-i", input, "--to", t.TempDir(), "--", "sh", "-c", `head -c 2000 "$MOOT_IN/in" >"$MOOT_OUT/out"`)
	if code := run.end(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, run.err)
	}
	for name, want := range map[string]float64{
		`moot_transfer_bytes_total{direction="in"}`:   3000,
		`moot_transfer_bytes_total{direction="out"}`:  2000,
		`moot_mesh_links{path="direct",state="open"}`: 1,
		`moot_mesh_links{path="",state="down"}`:       0,
		`moot_jobs_total{result="done"}`:              1,
	} {
		await(t, name, soon, func() bool { return h.metric("otter", name) == want })
	}
	for _, of := range []struct{ peer, name string }{
		{"heron", `moot_discovery_seconds_count{source="admin"}`}, {"otter", `moot_merge_seconds_count`}, {"heron", `moot_propagation_seconds_count`},
	} {
		if got := h.metric(of.peer, of.name); got < 1 {
			t.Errorf("%s of %s is %v", of.name, of.peer, got)
		}
	}
	if got := h.metric("otter", "moot_document_bytes"); got < 100 {
		t.Errorf("the document has %v bytes", got)
	}
}
