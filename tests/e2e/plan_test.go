package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// A plan is `moot run --dry-run --json`, and what --explain adds.
type plan struct {
	Worker     string `json:"worker"`
	Candidates []struct {
		PeerID string `json:"peer_id"`
	} `json:"candidates"`
	Rejected []struct {
		PeerID string `json:"peer_id"`
		Reason string `json:"reason"`
	} `json:"rejected"`
	Inputs []struct {
		Name string `json:"name"`
		Path string `json:"path"`
		Size int64  `json:"size"`
	} `json:"inputs"`
	InputBytes int64 `json:"input_bytes"`
	Error      *struct {
		Code string `json:"code"`
	} `json:"error"`
}

func (p plan) why(peer string) string {
	for _, r := range p.Rejected {
		if r.PeerID == peer {
			return r.Reason
		}
	}
	return ""
}

// A dry run names the worker, every rejection and what would be sent, and takes nothing
// from anybody.
func TestDryRun_SaysWhereAndWhatAndReservesNothing(t *testing.T) {
	t.Parallel()
	h := shop.visit(t)
	movie := filepath.Join(t.TempDir(), "movie.bin")
	randomFile(t, movie, 4711)
	c := h.moot(nil, "run", "--dry-run", "--json", "--worker", "otter", "-i", movie, "--", "sh", "-c", "exit 0")
	if code := c.end(); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, c.out, c.err)
	}
	var p plan
	decode(t, c.out.String(), &p)
	if p.Worker != "otter" || len(p.Candidates) != 1 || p.why("heron") != "is not otter" || p.why("lynx") != "is not otter" {
		t.Errorf("%s", c.out)
	}
	if len(p.Inputs) != 1 || p.Inputs[0].Name != "movie.bin" || p.Inputs[0].Path != movie || p.Inputs[0].Size != 4711 || p.InputBytes != 4711 {
		t.Errorf("inputs %+v", p.Inputs)
	}
	said := h.moot(nil, "run", "--dry-run", "--worker", "otter", "-i", movie, "--", "sh")
	if code := said.end(); code != 0 || !strings.Contains(said.out.String(), "would send "+movie) || !strings.Contains(said.out.String(), "would run sh on otter") {
		t.Errorf("exit code %d\n%s", code, said.out)
	}
}

// --explain says the ranking and every rejection, for a job that runs and for one that
// does not.
func TestExplain_EveryRejectionAlsoAsJSON(t *testing.T) {
	t.Parallel()
	h := shop.visit(t)
	ran := h.moot(nil, "run", "--explain", "--json", "--worker", "otter", "--", "sh", "-c", "exit 0")
	var done struct {
		State string `json:"state"`
		Plan  plan   `json:"plan"`
	}
	code := ran.end()
	decode(t, ran.out.String(), &done)
	if code != 0 || done.State != "done" || done.Plan.Worker != "otter" || done.Plan.why("lynx") != "is not otter" {
		t.Errorf("exit code %d, %s", code, ran.out)
	}
	if said := ran.err.String(); !strings.Contains(said, "1. otter") || !strings.Contains(said, "lynx rejected: is not otter") {
		t.Errorf("stderr:\n%s", said)
	}
	none := h.moot(nil, "run", "--explain", "--json", "--min-gpu-memory", "20000", "--", "bash")
	code = none.end()
	var p plan
	decode(t, none.out.String(), &p)
	if code != 77 || p.Error == nil || p.Error.Code != "not_allowed" || p.why("otter") != "has 16000 MB GPU memory, less than 20000" || p.why("heron") != "does not allow bash" {
		t.Errorf("exit code %d, %s", code, none.out)
	}
}
