package attacks

import (
	"context"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/scripts/stage"
	"github.com/moothall/moothall/signaling/link"
	"github.com/moothall/moothall/signaling/session"
	"github.com/moothall/moothall/tests/process"
)

// An insider speaks on data channels: an honest session and honest links, and frames of
// its own.
type insider struct {
	t        *testing.T
	stage    *stage.Stage
	session  *session.Session
	signals  *session.Signaller
	endpoint *link.Endpoint
	seat     events.Seat // of a worker
	victim   events.Seat // whom a brute attacks
	link     *link.Link
}

func newInsider(t *testing.T, s *stage.Stage, role events.Role, id string) *insider {
	t.Helper()
	key, _ := newKey(t)
	i := &insider{t: t, stage: s}
	var err error
	i.session, err = session.Join(t.Context(), session.Config{
		HubURL: s.HTTP, Room: lab, PeerID: id, Role: role, Key: key, Token: events.Secret(token(t, s, lab, role)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.session.Close(context.Background()) })
	keys := map[string]string{}
	if role == events.RoleWorker {
		i.register(keys)
	} else {
		i.learn(keys)
	}
	i.signals = i.session.Signaller(func() uint64 { return i.seat.Incarnation }, func(peer string) (string, bool) { k, ok := keys[peer]; return k, ok })
	if i.endpoint, err = link.NewEndpoint(link.Config{Loopback: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.endpoint.Close() })
	return i
}

func (i *insider) ask(verb string, in, out any) {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(i.t.Context(), patience)
	defer cancel()
	if err := i.session.Request(ctx, events.ServiceSubject(lab, verb, i.session.Peer()), in, out); err != nil {
		i.t.Fatal(err)
	}
}

func (i *insider) register(keys map[string]string) {
	var a events.RegisteredAuth
	i.ask(events.VerbRegister, events.Register{
		V: events.ProtocolVersion, NKey: i.session.Key(), Instance: i.session.Peer(), Registry: true,
		Connection: i.session.Connection(), Metadata: events.Metadata{Name: i.session.Peer()},
	}, &a)
	i.seat = events.Seat{PeerID: a.PeerID, Incarnation: a.Incarnation}
	for _, p := range a.Peers {
		keys[p.PeerID] = p.NKey
	}
}

func (i *insider) learn(keys map[string]string) events.RoomInfo {
	var r events.RoomInfo
	i.ask(events.VerbInfo, events.InfoRequest{}, &r)
	for _, p := range r.Peers {
		keys[p.PeerID] = p.NKey
	}
	return r
}

// dial links to a worker, as often as it takes: a member is known to it by and by.
func (i *insider) dial(to, purpose string) {
	i.t.Helper()
	seats := map[string]uint64{}
	for _, p := range i.learn(map[string]string{}).Peers {
		seats[p.PeerID] = p.Incarnation
	}
	process.Await(i.t, i.session.Peer()+" has a link to "+to, process.Soon, func() bool {
		l, err := i.endpoint.Dial(i.t.Context(), link.Remote{PeerID: to, Incarnation: seats[to], Purpose: purpose}, i.session.Peer(), i.signals)
		i.link = l
		return err == nil
	})
}

// send sends frames, over new links where the worker ends one, and returns the types of
// all frames that came back.
func (i *insider) send(to, purpose string, frames [][]byte) (answers []events.FrameType) {
	i.t.Helper()
	i.dial(to, purpose)
	hear := func(wait time.Duration) {
		for silence := time.After(wait); ; {
			select {
			case frame, ok := <-i.link.Control().Frames():
				if !ok {
					return
				}
				if kind, _, err := events.ParseFrame(frame); err == nil {
					answers = append(answers, kind)
				}
			case <-silence:
				return
			}
		}
	}
	for _, frame := range frames {
		for {
			ctx, cancel := context.WithTimeout(i.t.Context(), patience)
			err := i.link.Control().SendWait(ctx, frame)
			cancel()
			if err == nil {
				break
			}
			hear(0)
			i.dial(to, purpose)
		}
		hear(0)
	}
	hear(500 * time.Millisecond)
	return answers
}

// malformed are frames that none of the house would send: every type with nothing, with
// nonsense and with far too much; lengths that lie; one byte to 64 KiB.
func malformed() [][]byte {
	var all [][]byte
	for t := range 256 {
		for _, payload := range []string{"", "{}", "[]", "null", `{"v":1,"job_id":"../../x","lease":{"incarnation":-1},"args":["\u0000"]}`, "\x00\xff\xfe", strings.Repeat("[", 10_000)} {
			all = append(all, events.Frame(events.FrameType(t), []byte(payload)))
		}
	}
	for n := range 5 {
		all = append(all, make([]byte, n+1))
	}
	for _, says := range []uint32{0, 1, 1 << 16, 1<<31 - 1, 1<<32 - 1} {
		frame := events.Frame(events.FrameStart, []byte("{}!"))
		binary.BigEndian.PutUint32(frame[1:], says)
		all = append(all, frame)
	}
	for _, size := range []int{1 << 10, 1 << 15, events.MaxMessage - events.FrameHeader} {
		all = append(all, events.Frame(events.FrameStart, make([]byte, size)), events.Frame(events.FrameStateBroadcast, slices.Repeat([]byte(`[`), size)))
	}
	return all
}

// ofJobs are frames in which a client asks for what it has no right to, or out of turn.
func ofJobs() [][]byte {
	start := func(j events.JobStart) []byte { j.V = events.ProtocolVersion; return events.Pack(events.FrameStart, j) }
	lease := events.JobLease{Incarnation: 1, Seq: 1}
	return [][]byte{
		start(events.JobStart{Command: "echo", Lease: lease}), start(events.JobStart{Command: "echo"}),
		start(events.JobStart{Command: "/bin/sh", Lease: lease, Args: []string{"-c", "touch /tmp/pwned"}}), start(events.JobStart{Command: "sh -c id", Lease: lease}),
		start(events.JobStart{Command: "../echo", Lease: lease}), start(events.JobStart{Command: "echo\x00sh", Lease: lease}),
		start(events.JobStart{Command: "echo", Lease: lease, Inputs: -1}), start(events.JobStart{Command: "echo", Lease: lease, Inputs: 1 << 30}),
		start(events.JobStart{Command: "echo", Lease: events.JobLease{Incarnation: 1<<64 - 1, Seq: 1<<64 - 1}}),
		events.Pack(events.FrameAttach, events.JobAttach{V: 1, JobID: "j-abcdefgh", Outputs: true}), events.Pack(events.FrameAttach, events.JobAttach{V: 1, JobID: "../../key"}),
		events.Pack(events.FrameAttach, events.JobAttach{V: 1}), events.Pack(events.FrameAttach, events.JobAttach{V: 99, JobID: "j-abcdefgh"}),
		events.Pack(events.FrameSignal, events.JobSignal{V: 1, JobID: "j-abcdefgh", Action: events.ActionCancel}), events.Pack(events.FrameSignal, events.JobSignal{V: 1, Action: "kill -9 1"}),
	}
}

// ofMembers are frames in which somebody speaks for another, with its own signature.
func (i *insider) ofMembers(victims ...events.Seat) [][]byte {
	i.t.Helper()
	high := events.Term{Store: "~", N: 1 << 40}
	key, err := i.session.Signer(), error(nil)
	certificate, err := events.SeatCertificate{Room: lab, Term: high, Seat: i.seat, Key: i.session.Key()}.Sign(key)
	if err != nil {
		i.t.Fatal(err)
	}
	standing := events.Standing{AdminPeerID: i.session.Peer(), Term: high}
	frames := [][]byte{
		events.Pack(events.FrameFence, certificate),
		events.Pack(events.FrameHeartbeat, events.Heartbeat{V: 1, Type: events.TypeHeartbeat, FromPeerID: i.session.Peer(), Incarnation: i.seat.Incarnation, Standing: standing}),
		events.Pack(events.FrameGenesis, events.Genesis{V: 1, Generation: events.Generation{Term: high}, Certificate: certificate, Hash: strings.Repeat("a", 64)}),
	}
	for _, v := range victims {
		goodbye, err := events.Goodbye{Room: lab, Seat: v}.Sign(key)
		if err != nil {
			i.t.Fatal(err)
		}
		frames = append(frames,
			events.Pack(events.FrameGoodbye, goodbye),
			events.Pack(events.FrameHeartbeat, events.Heartbeat{V: 1, Type: events.TypeHeartbeat, FromPeerID: v.PeerID, Incarnation: v.Incarnation + 9}),
			events.Pack(events.FrameGenesis, events.Genesis{V: 1, Generation: events.Generation{Term: high}, Certificate: certificate, Banned: []events.Seat{v}}),
		)
	}
	for _, kind := range []events.FrameType{events.FrameStateBroadcast, events.FrameStatusUpdate} {
		for _, chunk := range [][]byte{nil, []byte("x"), []byte("\x85\x6f\x4a\x83\x00\x00\x00\x00\x01\x00"), make([]byte, 4<<10), make([]byte, 30<<10)} {
			frames = append(frames, events.Pack(kind, events.State{V: 1, Type: events.TypeStateBroadcast, FromPeerID: "heron", Fence: high, Version: 1 << 40, Chunks: [][]byte{chunk}}))
		}
	}
	return frames
}

// A picture is what a worker shows of the others: what no attacker may change.
func picture(t *testing.T, w *stage.Worker, without string) (shows string, room stage.Room) {
	t.Helper()
	r, err := w.Room(t.Context())
	if err != nil {
		t.Fatalf("%s does not answer any more: %v", w.PeerID, err)
	}
	var b strings.Builder
	b.WriteString(r.AdminPeerID + " of term ")
	b.WriteString(strings.Repeat("I", int(r.Term)))
	for _, other := range r.Workers {
		if other.PeerID != without {
			b.WriteString("; " + other.PeerID + " " + string(other.Status) + " " + other.CurrentJob)
		}
	}
	return b.String(), r
}

// Issue 6, frames: what a client sends over its channel, state and the frames of workers
// among it, starts no job, changes nothing of the room and ends no process.
func TestFrames_OfAClientChangeNothing(t *testing.T) {
	t.Parallel()
	s := besieged(t)
	heron := s.Workers[0]
	before, room := picture(t, heron, "")
	i := newInsider(t, s, events.RoleClient, "")
	frames := slices.Concat(malformed(), ofJobs(), i.ofMembers(events.Seat{PeerID: "heron", Incarnation: room.Incarnation}))
	answers := i.send("heron", events.PurposeJob, frames)
	after, now := picture(t, heron, "")
	harm := before != after || !now.SameState(room) || slices.Contains(answers, events.FrameAck) || slices.Contains(answers, events.FrameEvent)
	for range frames {
		all.attack(t, false, "")
	}
	if harm {
		all.attack(t, true, "before: %s, after: %s; answers %v", before, after, answers)
	}
	if err := s.Fallen(); err != nil {
		all.attack(t, true, "%v", err)
	}
	t.Logf("%d frames, %d answers", len(frames), len(answers))
}

// Issue 6, frames: a member that is not the admin broadcasts, forges terms, goodbyes and
// generations, and sends nonsense: the others keep their state and their admin.
func TestFrames_OfAMemberThatIsNotAdminChangeNothing(t *testing.T) {
	t.Parallel()
	s := besieged(t)
	heron := s.Workers[0]
	const mole = "a-mole" // the lower id dials
	i := newInsider(t, s, events.RoleWorker, mole)
	before, room := picture(t, heron, mole)
	frames := slices.Concat(i.ofMembers(events.Seat{PeerID: "heron", Incarnation: room.Incarnation}), malformed())
	i.send("heron", events.PurposeMesh, frames)
	after, _ := picture(t, heron, mole)
	for range frames {
		all.attack(t, false, "")
	}
	if before != after {
		all.attack(t, true, "before: %s, after: %s", before, after)
	}
	if err := s.Fallen(); err != nil {
		all.attack(t, true, "%v", err)
	}
	r := i.learn(map[string]string{})
	if r.AdminPeerID != "heron" || r.Term.N != 1 {
		all.attack(t, true, "the hub's record: %+v", r.Standing)
	}
	t.Logf("%d frames; %s", len(frames), after)
}
