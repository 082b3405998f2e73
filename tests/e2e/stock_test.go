package e2e

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/scripts/stage"
	"github.com/moothall/moothall/tests/process"
)

// A stock client is a command called nats in a folder: that of bin/tools if it is
// there (make tools), and in any case one on top of nats.go, see asNATS.
type stockClient struct {
	t    *testing.T
	name string
	path string // for PATH
}

func stockClients(t *testing.T) []stockClient {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, stockName)); err != nil {
		t.Fatal(err)
	}
	all := []stockClient{{t, "nats.go", dir}}
	tools, err := filepath.Abs(filepath.Join(process.Root, "bin", "tools"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(tools, stockName)); err == nil {
		all = append(all, stockClient{t, "natscli", tools})
	}
	return all
}

// does starts a command line as a person would paste it.
func (s stockClient) does(line string) *command {
	s.t.Helper()
	cmd := exec.Command("sh", "-c", "exec "+line)
	cmd.Env = []string{"PATH=" + s.path, "HOME=" + s.t.TempDir()}
	return start(s.t, cmd)
}

// messages are the JSON documents that a command has printed so far, a line each.
func (c *command) messages() (all []string) {
	for line := range strings.Lines(c.out.String()) {
		if strings.HasPrefix(line, "{") && strings.HasSuffix(line, "\n") {
			all = append(all, line)
		}
	}
	return all
}

// Show; work list 2.3, 6.3. With viewer.creds a stock nats command line hears the
// announcement; what it publishes there itself is refused. The commands in the file's
// header work as they are printed.
func TestStockClient_HearsTheAnnouncementAndMayNotMakeOne(t *testing.T) {
	t.Parallel()
	h := open(t)
	var lines []string
	for line := range strings.Lines(h.read(filepath.Join(h.Data(), "viewer.creds"))) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "# nats "); ok {
			lines = append(lines, "nats "+text)
		}
	}
	if len(lines) != 3 {
		t.Fatalf("the header has the commands\n%s", strings.Join(lines, "\n"))
	}
	admin, all, info := lines[0], lines[1], lines[2]

	type hearing struct {
		stockClient
		admin, all *command
	}
	var hearings []hearing
	for _, client := range stockClients(t) {
		hears := hearing{client, client.does(admin), client.does(all)}
		hears.admin.says("Subscribing on room.lab.event.admin")
		hears.all.says("Subscribing on room.lab.event.>")
		hearings = append(hearings, hears)
	}
	h.add(stage.Spec{PeerID: "adder", MemoryMB: 16000})

	for _, client := range hearings {
		t.Run(client.name, func(t *testing.T) {
			client.t, client.admin.t, client.all.t = t, t, t
			await(t, "the announcement comes", soon, func() bool { return len(client.admin.messages()) == 1 })
			var a events.Announcement
			decode(t, client.admin.messages()[0], &a)
			if a.Type != "admin_announcement" || a.RoomID != room || a.AdminPeerID != "adder" || a.Term.N != 1 || a.Reason != "first" || a.Certificate.Term != a.Term {
				t.Errorf("%s", client.admin.out)
			}
			await(t, "the arrival comes, and the announcement", soon, func() bool { return len(client.all.messages()) == 2 })

			asked := client.does(info)
			if code := asked.end(); code != 0 {
				t.Errorf("%s: exit code %d\n%s%s", info, code, asked.out, asked.err)
			}
			var r events.RoomInfo
			if m := asked.messages(); len(m) != 1 || json.Unmarshal([]byte(m[0]), &r) != nil || r.AdminPeerID != "adder" || len(r.Peers) != 1 {
				t.Errorf("%s prints\n%s%s", info, asked.out, asked.err)
			}

			forged := client.does(strings.Replace(admin, " sub ", " pub ", 1) + " '{}'")
			if code := forged.end(); code == 0 {
				t.Errorf("exit code 0 of %s", forged.cmd.Args)
			}
			if said := forged.out.String() + forged.err.String(); !strings.Contains(strings.ToLower(said), `permissions violation for publish to "room.lab.event.admin"`) {
				t.Errorf("a forged announcement is answered by\n%s", said)
			}
		})
	}
	if heard := hearings[0].all.messages(); len(heard) != 2 {
		t.Errorf("the room heard\n%s", strings.Join(heard, ""))
	}
}

// Bad input; work list 9.4.1. With credentials of its own a client may not speak as
// another peer, nor as the hub: the server refuses it.
func TestStockClient_MayNotSpeakForAnother(t *testing.T) {
	t.Parallel()
	h := shop.visit(t)
	for _, client := range stockClients(t) {
		nats, _ := client.as(h, "client")
		for _, subject := range []string{
			"room.lab.query.otter.client-of-another", "room.lab.job.otter", "room.lab.roster.otter", "room.lab.event.peer.left", "room.lab.svc.leave.otter",
		} {
			c := client.does(nats + " pub " + subject + " '{}'")
			c.refuses(1, "Permissions Violation for Publish to", subject)
		}
	}
}

// Work list 9.4.1. With credentials of each role, nothing that a stock command line can ask
// a server for gets farther than to it. The stand-in only subscribes; the rest needs the
// real one (make tools).
func TestStockClient_MayNotLookBehindTheRooms(t *testing.T) {
	t.Parallel()
	h := shop.visit(t)
	for _, client := range stockClients(t) {
		for _, role := range []string{"worker", "client", "viewer"} {
			nats, id := client.as(h, role)
			asks := map[string]string{ // command and what is refused of it
				"sub '>'":                       `Subscription to ">"`,
				"sub '$SYS.>'":                  `Subscription to "$SYS.>"`,
				"sub '$KV.>'":                   `Subscription to "$KV.>"`,
				"sub '_INBOX.>'":                `Subscription to "_INBOX.>"`,
				"sub 'room.lab.signal.otter.>'": `Subscription to "room.lab.signal.otter.>"`,
				"sub 'room.lab.query.otter.*'":  `Subscription to "room.lab.query.otter.*"`,
			}
			if client.name == "natscli" {
				nats += " --timeout 1s --inbox-prefix _INBOX.lab." + id // which it may hear
				maps.Copy(asks, map[string]string{
					"stream ls": `Publish to "$JS.API.STREAM.LIST"`,
					"stream add x --subjects='room.>' --defaults": `Publish to "$JS.API.STREAM.CREATE.x"`,
					"stream purge KV_rooms -f":                    `Publish to "$JS.API.STREAM.INFO.KV_rooms"`,
					"kv get rooms lab":                            `Publish to "$JS.API.STREAM.INFO.KV_rooms"`,
					"kv put rooms lab x":                          `Publish to "$JS.API.STREAM.INFO.KV_rooms"`,
					"server ls":                                   `Publish to "$SYS.REQ.SERVER.PING"`,
					"server report connections":                   `Publish to "$SYS.REQ.SERVER.PING.CONNZ"`,
					"account info":                                `Publish to "$JS.API.INFO"`,
					"micro ls":                                    `Publish to "$SRV.INFO"`,
					"reply 'room.lab.query.otter.*' x":            `Subscription to "room.lab.query.otter.*"`,
					"req room.lab.svc.register.otter '{}'":        `Publish to "room.lab.svc.register.otter"`,
					"req room.attic.svc.info." + id + " '{}'":     `Publish to "room.attic.svc.info.` + id + `"`,
				})
			}
			for line, refused := range asks {
				c := client.does(nats + " " + line)
				c.end() // the tool calls some refusals a success
				if said := c.out.String() + c.err.String(); !strings.Contains(said, "Permissions Violation for "+refused) {
					t.Errorf("%s, a %s: nats %s says\n%s", client.name, role, line, said)
				}
			}
		}
	}
}

// as is the beginning of a command line with credentials of a role in the shop's room, and
// whose they are.
func (s stockClient) as(h hall, role string) (nats, id string) {
	s.t.Helper()
	made := moothall(s.t, "creds", "--data", h.Data(), "--nats", strings.TrimPrefix(h.NATS, "nats://"), "--token", h.token("--room", room, "--role", role))
	creds := filepath.Join(s.t.TempDir(), role+".creds")
	writeFile(s.t, creds, made.out.String())
	head, _, _ := strings.Cut(made.out.String(), "\n")
	_, id, _ = strings.Cut(head, ", as ")
	return "nats --server " + h.NATS + " --creds " + creds, id
}
