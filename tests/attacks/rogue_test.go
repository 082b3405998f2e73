package attacks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/scripts/stage"
	"github.com/moothall/moothall/signaling/link"
	"github.com/moothall/moothall/tests/process"
)

// A rogue is a member that plays a worker, the admin of its room, and says and sends to
// clients what it likes. What it does to a client goes by the command that this one asks
// for, so that many may be at it at once.
type rogue struct {
	*insider
	auth events.RegisteredAuth

	mu      sync.Mutex // guards all below
	acts    map[string]act
	links   map[string]int // that a job had
	meeting sync.WaitGroup
}

// An act is what a rogue does; what is nil is done honestly.
type act struct {
	on      func(*visit)               // what it does on a link, once the client has said what it wants
	reserve func() (any, error)        // its answer to a reservation
	jobs    func(events.ListJobs) any  // its list of jobs
	workers func(l *events.WorkerList) // alters its list of workers
}

// A visit is one link of a client, on the rogue's side.
type visit struct {
	*rogue
	link  *link.Link
	job   string
	nth   int // link of this job, from 1 on
	asked events.JobAttach
	kind  events.FrameType // of the client's first frame
	seq   uint64
}

func newRogue(t *testing.T) *rogue {
	t.Helper()
	s, err := stage.Open(t.Context(), stage.Config{Bin: process.Bin, Dir: t.TempDir(), Room: lab, Tied: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	r := &rogue{insider: newInsider(t, s, events.RoleWorker, "heron"), acts: map[string]act{}, links: map[string]int{}}
	room := r.learn(map[string]string{})
	r.auth.Standing, r.auth.Certificate = room.Standing, room.Certificate
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(r.meeting.Wait)
	t.Cleanup(cancel)
	r.meeting.Go(func() { r.renew(ctx) })
	r.serve(events.QuerySubject(lab, "heron", events.Any), r.workers)
	r.serve(events.WorkSubject(lab, "heron", events.Any), r.work)
	accept := func(ctx context.Context, offer events.Signal) (events.Signal, error) {
		answer, l, err := r.endpoint.Accept(ctx, offer, r.signals)
		if err == nil {
			r.meeting.Go(func() { r.meet(l) })
		}
		return answer, err
	}
	if _, err := r.signals.Serve(accept, r.endpoint.Candidate, nil); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rogue) serve(subject string, answer func(data []byte) (any, error)) {
	if _, err := r.session.Respond(subject, func(_ string, data []byte) (any, error) { return answer(data) }); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rogue) renew(ctx context.Context) {
	lease := events.Lease{V: events.ProtocolVersion, Seat: r.seat, Instance: r.session.Peer(), Connection: r.session.Connection()}
	tick := time.NewTicker(events.LeaseInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = r.session.Publish(events.ServiceSubject(lab, events.VerbLease, "heron"), lease)
		case <-ctx.Done():
			return
		}
	}
}

func (r *rogue) act(name string) act {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.acts[name]
}

// will says what is to be done to who asks for a command of that name.
func (r *rogue) will(name string, a act) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acts[name] = a
}

// workers is the admin's answer; the act "workers" alters it.
func (r *rogue) workers([]byte) (any, error) {
	now := time.Now()
	l := events.WorkerList{
		Type: events.TypeWorkerList, V: events.ProtocolVersion, RoomID: lab, Source: events.SourceAdmin, Standing: r.auth.Standing,
		Certificate: r.auth.Certificate, AsOf: events.At(now), Timestamp: events.Unix(now), Total: 1, Rejected: []events.Rejected{},
		Workers: []events.Worker{{
			PeerID: "heron", Name: "heron", Status: events.StatusAvailable, IsAdmin: true, Registry: true, Incarnation: r.seat.Incarnation,
			NKey: r.session.Key(), LastHeartbeat: events.At(now), Slots: events.Slots{Total: 99, Free: 99}, Path: "self",
			Metadata: events.Metadata{Name: "heron", Properties: events.Properties{GPUMemoryMB: 16000}},
		}},
	}
	if alter := r.act("workers").workers; alter != nil {
		alter(&l)
	}
	return l, nil
}

// work answers reservations and questions for jobs. The job of the command x is j-x.
func (r *rogue) work(data []byte) (any, error) {
	var q struct {
		Type, Command string
		JobID         string `json:"job_id"`
	}
	if err := json.Unmarshal(data, &q); err != nil {
		return nil, err
	}
	switch q.Type {
	case events.TypeReserve:
		if answer := r.act(q.Command).reserve; answer != nil {
			return answer()
		}
		return events.Reserved{V: events.ProtocolVersion, Lease: events.JobLease{Incarnation: r.seat.Incarnation, Seq: 1}, TTLMS: 30_000}, nil
	case events.TypeListJobs:
		var ask events.ListJobs
		if err := json.Unmarshal(data, &ask); err != nil {
			return nil, err
		}
		if list := r.act(strings.TrimPrefix(q.JobID, "j-")).jobs; list != nil {
			return list(ask), nil
		}
		return events.JobList{V: events.ProtocolVersion, Jobs: []events.JobInfo{r.info(q.JobID)}}, nil
	}
	return struct{}{}, nil
}

func (r *rogue) info(id string) events.JobInfo {
	return events.JobInfo{JobID: id, Worker: "heron", Command: "x", State: events.JobDone, Created: events.At(time.Now()), Seq: 2}
}

// meet takes a client's first words on a link and then acts.
func (r *rogue) meet(l *link.Link) {
	defer l.Close()
	v := &visit{rogue: r, link: l}
	for {
		kind, payload, ok := v.next()
		if !ok {
			return
		}
		switch kind {
		case events.FrameHello:
			if act := r.act("hello").on; act != nil {
				act(v)
			}
			v.send(events.FrameHello, events.JobHello{V: events.ProtocolVersion, Nonce: "nonce"})
			continue
		case events.FrameStart:
			var s events.JobStart
			_ = json.Unmarshal(payload, &s)
			v.job = s.Command
		case events.FrameAttach:
			_ = json.Unmarshal(payload, &v.asked)
			v.job = strings.TrimPrefix(v.asked.JobID, "j-")
		case events.FrameList:
			var q events.MountList
			_ = json.Unmarshal(payload, &q)
			v.job = strings.Trim(q.Path, "/")
		default:
			continue
		}
		v.kind = kind
		r.mu.Lock()
		r.links[v.job]++
		v.nth = r.links[v.job]
		r.mu.Unlock()
		if on := r.act(v.job).on; on != nil {
			on(v)
		}
		return
	}
}

// next is the client's next frame; false when the link has ended.
func (v *visit) next() (events.FrameType, []byte, bool) {
	for frame := range v.link.Control().Frames() {
		if kind, payload, err := events.ParseFrame(frame); err == nil {
			return kind, payload, true
		}
	}
	return 0, nil, false
}

// until waits for a frame of a kind, and reports whether it came.
func (v *visit) until(want events.FrameType) bool {
	for {
		if kind, payload, ok := v.next(); !ok || kind == want {
			if kind == events.FrameAttach {
				_ = json.Unmarshal(payload, &v.asked)
			}
			return ok
		}
	}
}

// hold waits for the client to leave.
func (v *visit) hold() {
	for {
		if _, _, ok := v.next(); !ok {
			return
		}
	}
}

// put sends frames and reports whether the client still takes them.
func (v *visit) put(c *link.Channel, frames ...[]byte) bool {
	for _, f := range frames {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		err := c.SendWait(ctx, f)
		cancel()
		if err != nil {
			return false
		}
	}
	return true
}

func (v *visit) send(t events.FrameType, m any) bool {
	return v.put(v.link.Control(), events.Pack(t, m))
}

func (v *visit) id() string { return "j-" + v.job }

// run takes the job, and says that it runs.
func (v *visit) run() {
	if v.kind == events.FrameStart {
		v.send(events.FrameAck, events.JobAck{V: events.ProtocolVersion, JobID: v.id(), Nonce: "nonce"})
	}
	v.event(events.JobEvent{Kind: events.JobEventState, State: events.JobRunning})
}

// event sends what it is given as the job's next event.
func (v *visit) event(e events.JobEvent) bool {
	if e.Seq == 0 {
		v.seq++
		e.Seq = v.seq
	}
	if e.JobID == "" {
		e.JobID = v.id()
	}
	e.Time = events.At(time.Now())
	return v.send(events.FrameEvent, e)
}

func (v *visit) say(stream, line string) bool {
	return v.event(events.JobEvent{Kind: events.JobEventOutput, Stream: stream, Line: line})
}

// done says that the job ended well with these outputs.
func (v *visit) done(outputs ...events.FileHeader) bool {
	code := 0
	return v.event(events.JobEvent{Kind: events.JobEventState, State: events.JobDone, ExitCode: &code, Outputs: outputs})
}

// give is the honest way: the job ends with a file, and it is sent when asked for.
func (v *visit) give(h events.FileHeader, content string) {
	v.run()
	v.done(h)
	if !v.until(events.FrameAttach) {
		return
	}
	v.put(v.link.Bulk(), parcel([]events.FileHeader{h}, content)...)
	v.hold()
}

func header(name, content string) events.FileHeader {
	return events.FileHeader{Name: name, Size: int64(len(content)), SHA256: sum(content)}
}

func sum(content string) string {
	h := sha256.Sum256([]byte(content))
	return hex.EncodeToString(h[:])
}

// parcel is a transfer's frames: a manifest, and of its first file the content.
func parcel(manifest []events.FileHeader, content string) [][]byte {
	named := make([]events.FileHeader, len(manifest))
	for i, h := range manifest {
		h.SHA256 = ""
		named[i] = h
	}
	frames := [][]byte{events.Pack(events.FrameManifest, events.Manifest{Files: named}), events.Pack(events.FrameFile, named[0])}
	for rest := content; rest != ""; {
		n := min(len(rest), 16<<10)
		frames = append(frames, events.Frame(events.FrameChunk, []byte(rest[:n])))
		rest = rest[n:]
	}
	return append(frames, events.Pack(events.FrameFileEnd, events.FileEnd{Name: named[0].Name, Size: named[0].Size, SHA256: sum(content)}))
}

// A victim is a client with a folder of its own: what lies there is its user's, and to is
// where outputs may come.
type victim struct {
	t    *testing.T
	s    *stage.Stage
	home string
}

// Of a victim's files: what they hold, and where the links of to lead.
const belongings = "mine"

func newVictim(t *testing.T, s *stage.Stage) *victim {
	t.Helper()
	v := &victim{t: t, s: s, home: t.TempDir()}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(v.home, "work", "to"), 0o755))
	for _, name := range []string{"bait", "work/bait", "work/to/bait", "input"} {
		must(os.WriteFile(filepath.Join(v.home, name), []byte(belongings), 0o600))
	}
	must(os.Symlink("../..", filepath.Join(v.home, "work", "to", "up")))
	must(os.Symlink("../../bait", filepath.Join(v.home, "work", "to", "link")))
	return v
}

// An ending is what came of a command.
type ending struct {
	code     int // -1: it had to be killed
	out, err string
	mib      int // most memory that it held
}

// moot runs a command of the built client to its end. After the time until, unless that
// is 0, it is interrupted as by Ctrl-C, twice.
func (v *victim) moot(until time.Duration, args ...string) ending {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), 3*process.Soon)
	defer cancel()
	cmd, err := v.s.Moot(ctx, args...)
	if err != nil {
		v.t.Fatal(err)
	}
	cmd.Dir = filepath.Join(v.home, "work")
	var out, said limited
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	var e ending
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	pulse := time.NewTicker(20 * time.Millisecond)
	defer pulse.Stop()
	interrupt := make(<-chan time.Time)
	if until > 0 {
		interrupt = time.After(until)
	}
	for running := true; running; {
		select {
		case err := <-ended:
			if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
				v.t.Fatal(err)
			}
			running = false
		case <-interrupt:
			_ = cmd.Process.Signal(os.Interrupt)
		case <-pulse.C:
			e.mib = max(e.mib, peak(cmd.Process.Pid))
		}
	}
	e.code, e.out, e.err = cmd.ProcessState.ExitCode(), out.String(), said.String()
	return e
}

// peak is the most memory that a process has held, in MiB; 0 where there is no /proc.
func peak(pid int) int {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
			kib, _ := strconv.Atoi(f[1])
			return kib >> 10
		}
	}
	return 0
}

// limited keeps the beginning of what is written to it.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if room := 1<<20 - l.Len(); room > 0 {
		l.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// most is the memory that a client may hold, whatever a worker sends. MiB.
const most = 160

// harm is what was done to a victim, "" if nothing: kept are the contents of the files that
// may have come to to.
func (v *victim) harm(e ending, passes bool, kept map[string]string) string {
	if found := v.touched(kept); found != "" {
		return found
	}
	texts := map[string]string{"stderr": e.err}
	if !passes {
		texts["stdout"] = e.out
	}
	for where, text := range texts {
		if i := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) && !strings.ContainsRune("\n\t\r", r) }); i >= 0 {
			return where + " drives the terminal: " + strconv.Quote(text[max(0, i-20):min(len(text), i+20)])
		}
	}
	switch {
	case e.mib > most:
		return "it held " + strconv.Itoa(e.mib) + " MiB"
	case strings.Contains(e.err, "goroutine ") || strings.Contains(e.err, "panic"):
		return "it panics: " + e.err
	case e.code < 0:
		return "it does not end"
	case e.code != 0 && e.code != 7 && !strings.Contains(e.err+e.out, "error") && !strings.Contains(e.err, "job j-"):
		return "it does not say what is wrong: " + e.err
	}
	return ""
}

// touched looks for files that should not be there, or are not as they were.
func (v *victim) touched(kept map[string]string) string {
	expected := map[string]string{"bait": belongings, "work/bait": belongings, "work/to/bait": belongings, "input": belongings}
	for name, content := range kept {
		expected["work/to/"+name] = content
	}
	var wrong string
	err := filepath.WalkDir(v.home, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(v.home, path)
		name = filepath.ToSlash(name)
		link := d.Type()&fs.ModeSymlink != 0
		if d.IsDir() || link && (name == "work/to/up" || name == "work/to/link") {
			return nil
		}
		text, _ := os.ReadFile(path)
		want, ok := expected[name]
		if !ok || link || want != string(text) {
			wrong = strconv.Quote(name) + " holds " + strconv.Itoa(len(text)) + " bytes"
		}
		delete(expected, name)
		return nil
	})
	switch {
	case err != nil:
		return err.Error()
	case wrong != "":
		return wrong
	}
	for name := range expected {
		return name + " is gone"
	}
	return ""
}
