package attacks

import (
	"net/http"
	"testing"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/scripts/stage"
)

// discover asks the old way, over HTTP, and returns the status.
func discover(t *testing.T, s *stage.Stage, token string) int {
	t.Helper()
	return do(t, http.MethodGet, s.HTTP+"/discover-workers?room="+lab, token)
}

func do(t *testing.T, method, url, token string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header["Authorization"] = []string{"Bearer " + token}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0 // Go itself refuses to send some tokens
	}
	resp.Body.Close()
	return resp.StatusCode
}

// HTTP is no side door: what a token does not open over NATS it does not open there.
func TestHTTP_IsNoSideDoor(t *testing.T) {
	t.Parallel()
	s := hall.visit(t)
	tokens := map[string]string{"nobody": "", "a word": "admin"}
	for _, role := range []events.Role{events.RoleWorker, events.RoleClient, events.RoleViewer} {
		tokens["a "+string(role)] = token(t, s, lab, role)
		tokens["a stranger's "+string(role)] = token(t, s, attic, role)
	}
	for who, token := range tokens {
		for _, r := range []struct{ method, path string }{
			{http.MethodGet, "/metrics"}, {http.MethodGet, "/v1/peers"}, {http.MethodDelete, "/v1/rooms/lab/peers/heron"}, {http.MethodGet, "/debug/pprof/"},
			{http.MethodGet, "/debug/vars"}, {http.MethodGet, "/varz"}, {http.MethodGet, "/connz"}, {http.MethodPost, "/v1/tokens"}, {http.MethodGet, "/v1/tokens"}, {http.MethodDelete, "/v1/tokens/client"}, {http.MethodPost, "/v1/keys/rotate"}, {http.MethodGet, "/../hub/keys/operator.nk"},
		} {
			status := do(t, r.method, s.HTTP+r.path, token)
			all.attack(t, status/100 == 2, "%s: %s %s: %d", who, r.method, r.path, status)
		}
	}
	for _, who := range []string{"nobody", "a word", "a stranger's worker", "a stranger's client", "a stranger's viewer"} {
		all.attack(t, discover(t, s, tokens[who]) == http.StatusOK, "%s discovers the workers", who)
	}
	if status := discover(t, s, tokens["a client"]); status != http.StatusOK {
		t.Errorf("a client discovers: %d", status)
	}
}
