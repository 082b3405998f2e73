package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/moothall/moothall/scripts/stage"
)

// Work list 5.2.4, 6.4, 8.1, 9.3. A worker without ENABLE_ROOM_REGISTRY has no mesh,
// is found over HTTP only, and takes jobs.
func TestFlagOff_FoundOverHTTPAndRuns(t *testing.T) {
	t.Parallel()
	shop := shop.visit(t)
	const attic = "old-days"
	settings := []string{
		"MOOT_ROOM=" + attic, "MOOT_TOKEN=" + shop.token("--room", attic, "--role", "worker"), "ENABLE_ROOM_REGISTRY=", "MOOT_GPU_MEMORY_MB=8000",
	}
	w := shop.serve(stage.Spec{PeerID: "veteran", Name: "veteran", Commands: anything}, settings...)
	token := shop.token("--room", attic, "--role", "client")
	off := []string{"MOOT_ROOM=" + attic, "MOOT_TOKEN=" + token, "ENABLE_ROOM_REGISTRY="}
	on := []string{"MOOT_ROOM=" + attic, "MOOT_TOKEN=" + token}

	var list workerList
	await(t, "the hub lists it", soon, func() bool {
		c := shop.moot(off, "workers", "--json")
		list = workerList{}
		if c.end() == 0 {
			decode(t, c.out.String(), &list)
		}
		return len(list.Workers) == 1 || !w.runs()
	})
	if v := list.of("veteran"); list.Source != "http" || list.AdminPeerID != "" || v.Registry || v.IsAdmin || v.Status != "available" {
		t.Fatalf("%+v\n%s", list, w.err)
	}
	c := shop.moot(off, "run", "--", "sh", "-c", "echo as ever; exit 4")
	if code := c.end(); code != 4 || c.out.String() != "as ever\n" {
		t.Errorf("exit code %d\n%s%s", code, c.out, c.err)
	}

	fallback := shop.moot(on, "workers", "--json")
	fallback.refuses(0, `warning: room "`+attic+`" has no admin yet; asked the hub over HTTP instead`)
	list = workerList{}
	decode(t, fallback.out.String(), &list)
	if list.Source != "http" || len(list.Workers) != 1 {
		t.Errorf("%s", fallback.out)
	}

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, shop.HTTP+"/discover-workers?room="+attic, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	sunset, err := http.ParseTime(resp.Header.Get("Sunset"))
	if resp.StatusCode != http.StatusOK || err != nil || time.Until(sunset) < 0 || resp.Header.Get("Deprecation") == "" || resp.Header.Get("Link") == "" {
		t.Errorf("%s, %v", resp.Status, resp.Header)
	}
}
