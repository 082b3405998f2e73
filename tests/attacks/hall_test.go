package attacks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/scripts/stage"
	"github.com/moothall/moothall/tests/process"
	"github.com/nats-io/nkeys"
)

// Two rooms of one hub. In the first the admin heron and lynx are real workers; the
// second has nobody but attackers.
const (
	lab   = "lab"
	attic = "attic"
)

// hall is the one that all tests attack: nothing that fails harms it.
var hall = &attacked{}

type attacked struct {
	once  sync.Once
	stage *stage.Stage // nil if it could not be opened
}

func (h *attacked) visit(t *testing.T) *stage.Stage {
	t.Helper()
	h.once.Do(func() {
		if err := h.open(t); err != nil {
			t.Error(err)
		}
	})
	if h.stage == nil {
		t.Fatal("there is no hall to attack")
	}
	return h.stage
}

func (h *attacked) open(t *testing.T) error {
	dir, err := os.MkdirTemp("", "attacked-*") // it outlives the test
	if err != nil {
		return err
	}
	s, err := stage.Open(t.Context(), stage.Config{Bin: process.Bin, Dir: dir, Room: lab, Tied: true})
	if err != nil {
		return err
	}
	h.stage = s
	for _, peer := range []string{"heron", "lynx"} {
		spec := stage.Spec{PeerID: peer, Name: peer, MemoryMB: 16000, Commands: map[string]string{"echo": "/bin/echo"}}
		w, err := s.Add(spec)
		if err != nil {
			return err
		}
		process.Await(t, peer+" is in the room", process.Soon, func() bool {
			r, err := w.Room(t.Context())
			return err == nil && r.AdminPeerID == "heron"
		})
	}
	return nil
}

func (h *attacked) close() {
	if h.stage != nil {
		h.stage.Close()
	}
}

// operator runs a command of the hub's owner.
func operator(t *testing.T, s *stage.Stage, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), filepath.Join(process.Bin, "moothall"), append(args, "--data", s.Data())...).Output()
	return strings.TrimSpace(string(out)), err
}

func token(t *testing.T, s *stage.Stage, room string, role events.Role, more ...string) string {
	t.Helper()
	text, err := operator(t, s, append([]string{"token", "new", "--room", room, "--role", string(role)}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func newKey(t *testing.T) (key nkeys.KeyPair, public string) {
	t.Helper()
	key, err := nkeys.CreateUser()
	if err == nil {
		public, err = key.PublicKey()
	}
	if err != nil {
		t.Fatal(err)
	}
	return key, public
}

// knock asks to be admitted; status is HTTP's.
func knock(t *testing.T, s *stage.Stage, room string, q events.JoinRequest) (reply events.JoinReply, status int) {
	t.Helper()
	q.Protocol = events.ProtocolVersion
	body, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(s.HTTP+"/v1/rooms/"+room+"/join", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
			t.Fatal(err)
		}
	}
	return reply, resp.StatusCode
}

// A member is an attacker with credentials of its own.
type member struct {
	*wire
	room, id string
	role     events.Role
	key      nkeys.KeyPair
	jwt      string
}

func (m *member) String() string { return fmt.Sprintf("%s %s/%s", m.role, m.room, m.id) }

// admit joins as a new peer; id "" takes the derived one.
func admit(t *testing.T, s *stage.Stage, room string, role events.Role, id string) *member {
	t.Helper()
	return admitWith(t, s, room, role, id, token(t, s, room, role))
}

func admitWith(t *testing.T, s *stage.Stage, room string, role events.Role, id, token string) *member {
	t.Helper()
	key, public := newKey(t)
	reply, status := knock(t, s, room, events.JoinRequest{Token: token, NKey: public, PeerID: id})
	if status != http.StatusOK {
		t.Fatalf("%s %s is not admitted: %d", role, id, status)
	}
	m := &member{room: room, id: reply.PeerID, role: role, key: key, jwt: reply.JWT}
	m.wire = dialWire(t, natsAddress(s))
	if !m.greet(m.jwt, m.key) {
		t.Fatalf("%s is refused: %v, %v", m, m.errs, m.closed)
	}
	return m
}

func natsAddress(s *stage.Stage) string { return strings.TrimPrefix(s.NATS, "nats://") }

// register takes a seat: the first of a room is its admin.
func (m *member) register(t *testing.T) {
	t.Helper()
	public, err := m.key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	r := m.ask(t, events.ServiceSubject(m.room, events.VerbRegister, m.id), events.Register{
		NKey: public, Instance: m.id, Registry: true, Metadata: events.Metadata{Name: m.id},
	})
	var a events.RegisteredAuth
	if err := events.Decode([]byte(r), &a); err != nil || a.PeerID != m.id {
		t.Fatalf("%s is not registered: %s", m, r)
	}
}

// ask sends a request as an honest peer would and returns the answer; "" if none comes.
func (m *member) ask(t *testing.T, subject string, body any) string {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	const id = 9000
	inbox := events.InboxPrefix(m.room, m.id) + ".ask"
	m.subscribe(inbox, "", id)
	m.publish(subject, inbox, string(data))
	m.send("UNSUB %d 1\r\n", id)
	var rest []message
	answer := ""
	for end := time.Now().Add(patience); answer == "" && m.closed == nil && time.Now().Before(end); {
		if len(m.sync()) > 0 {
			break
		}
		for _, h := range m.take() {
			if h.subject == inbox {
				answer = h.data
			} else {
				rest = append(rest, h)
			}
		}
	}
	m.heard = append(rest, m.heard...)
	return answer
}
