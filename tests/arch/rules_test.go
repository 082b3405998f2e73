package arch

import (
	"strings"
	"testing"
)

// The rules are tried on imports that break them, so that a rule which no longer
// bites is noticed.
func TestRules_Bite(t *testing.T) {
	const (
		pion      = "github.com/pion/webrtc/v4"
		server    = "github.com/nats-io/nats-server/v2/server"
		automerge = "github.com/automerge/automerge-go"
		env       = "github.com/kelseyhightower/envconfig"
	)
	cases := []struct {
		name, from, imp string
		why             string // part of the reason; "" where the import is fine
	}{
		{"the protocol knows nobody", "events", module + "/client", "imports point down"},
		{"worker and client are strangers", "worker", module + "/client", "imports point down"},
		{"client and worker are strangers", "client", module + "/worker", "imports point down"},
		{"client and hub are strangers", "client", module + "/signaling", "imports point down"},
		{"the hub knows no session", "signaling", module + "/signaling/session", "imports point down"},
		{"a part of the hub is the hub", "signaling/registry", module + "/worker", "imports point down"},
		{"the server knows no rooms", "embedded", module + "/signaling", "imports point down"},
		{"the roster knows no election", "worker/roster", module + "/worker/election", "imports point down"},
		{"the mesh knows no roster", "worker/mesh", module + "/worker/roster", "imports point down"},
		{"jobs know no roster", "worker/jobs", module + "/worker/roster", "imports point down"},
		{"the client may dial", "client", module + "/signaling/link", ""},
		{"the agent may do all below it", "worker", module + "/worker/replica", ""},
		{"a package inside a room is the room's", "client", module + "/client/view", ""},
		{"tests drive everything", "tests/cluster", module + "/worker", ""},
		{"the hub links no server", "signaling", server, "only embedded may"},
		{"the embedded server is embedded's", "embedded", server, ""},
		{"the client has no automerge", "client", automerge, "only worker/roster may"},
		{"the agent has no automerge", "worker", automerge, "only worker/roster may"},
		{"the guard stands before automerge", "worker/roster/guard", automerge, "only worker/roster may"},
		{"the roster has automerge", "worker/roster", automerge, ""},
		{"the agent has no WebRTC", "worker/mesh", pion, "only signaling/link may"},
		{"the link has WebRTC", "signaling/link", pion, ""},
		{"the hub serves TURN", "embedded", "github.com/pion/turn/v5", ""},
		{"and no other WebRTC", "embedded", pion, "only signaling/link may"},
		{"settings are read in one place", "worker/cmd/moot-worker", env, "only events/cli may"},
		{"the brain has no logger", "worker/replica", "log/slog", "is pure"},
		{"the brain has no NATS", "worker/replica", "github.com/nats-io/nats.go/jetstream", "is pure"},
		{"elections have no I/O", "worker/election", "os", "is pure"},
		{"durations are values", "worker/liveness", "time", ""},
		{"the command line hears the environment", "events/cli", "os", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := strings.Join(violations([]goPackage{{ImportPath: module + "/" + c.from, Imports: []string{c.imp}}}), "\n")
			if (got == "") != (c.why == "") || !strings.Contains(got, c.why) {
				t.Errorf("%s importing %s gives %q, want a reason with %q", c.from, c.imp, got, c.why)
			}
		})
	}
}
