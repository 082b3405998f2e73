package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/transfer"
)

func TestMain(m *testing.M) {
	Supervise()
	goleak.VerifyTestMain(m)
}

// patience bounds what a test waits for; nothing takes that long, on a machine with much
// else to do either.
const patience = time.Minute

// A rig is a running service with commands to try.
type rig struct {
	*Service
	t    *testing.T
	dir  string
	halt func() // ends Run and waits for it
}

func newRig(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	dir := t.TempDir()
	cs, err := ParseCommands("sh=/bin/sh -c {args}; env=/usr/bin/env; print=/usr/bin/printf '%s\\n' {args}; folders=/bin/echo {in} {out}")
	if err != nil {
		t.Fatal(err)
	}
	c := Config{
		Dir: dir, Commands: cs, Slots: 1, Incarnation: func() uint64 { return 7 },
		Worker: "worker-1", Name: "calm-heron", Room: "lab",
	}
	if change != nil {
		change(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	r := &rig{Service: s, t: t, dir: dir}
	r.halt = func() {
		cancel()
		<-done
	}
	t.Cleanup(func() { r.halt() })
	return r
}

// An end is one side of a channel in memory.
type end struct {
	out  chan<- []byte
	in   chan []byte
	gone <-chan struct{}
}

var errGone = errors.New("link closed")

func (e *end) SendWait(ctx context.Context, frame []byte) error {
	select {
	case e.out <- frame:
		return nil
	case <-e.gone:
		return errGone
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *end) Frames() <-chan []byte { return e.in }

// pipe makes a channel that ends when gone is closed.
func pipe(gone <-chan struct{}) (a, b *end) {
	ab, ba := make(chan []byte, 64), make(chan []byte, 64)
	a = &end{out: ab, in: make(chan []byte), gone: gone}
	b = &end{out: ba, in: make(chan []byte), gone: gone}
	go a.carry(ba)
	go b.carry(ab)
	return a, b
}

func (e *end) carry(from <-chan []byte) {
	defer close(e.in)
	for {
		select {
		case f := <-from:
			select {
			case e.in <- f:
			case <-e.gone:
				return
			}
		case <-e.gone:
			return
		}
	}
}

// A caller is a client on a link of its own.
type caller struct {
	t             *testing.T
	rig           *rig
	name          string
	control, bulk *end
	hangUp        func() // closes the link and waits for Serve
	served        chan error
}

func (r *rig) call(name string) *caller {
	r.t.Helper()
	gone := make(chan struct{})
	ours, theirs := pipe(gone)
	ourBulk, theirBulk := pipe(gone)
	c := &caller{t: r.t, rig: r, name: name, control: ours, bulk: ourBulk, served: make(chan error, 1)}
	go func() {
		c.served <- r.Serve(context.Background(), name, Link{Control: theirs, Bulk: theirBulk})
		close(c.served)
	}()
	c.hangUp = func() {
		close(gone)
		<-c.served
		c.hangUp = func() {}
	}
	r.t.Cleanup(func() { c.hangUp() })
	return c
}

func (c *caller) send(t events.FrameType, v any) {
	c.t.Helper()
	if err := c.control.SendWait(c.t.Context(), events.Pack(t, v)); err != nil {
		c.t.Fatal(err)
	}
}

// next is the next frame from the worker.
func (c *caller) next() (events.FrameType, []byte) {
	c.t.Helper()
	select {
	case frame, ok := <-c.control.Frames():
		if !ok {
			c.t.Fatal("the link ended")
		}
		ft, payload, err := events.ParseFrame(frame)
		if err != nil {
			c.t.Fatal(err)
		}
		return ft, payload
	case <-time.After(patience):
		c.t.Fatal("no frame came")
	}
	return 0, nil
}

// answer is the error with which the worker answers.
func (c *caller) answer() *events.Error {
	c.t.Helper()
	ft, payload := c.next()
	var e events.Error
	if err := json.Unmarshal(payload, &e); ft != events.FrameError || err != nil {
		c.t.Fatalf("frame %d %s, want an error", ft, payload)
	}
	return &e
}

func (c *caller) reserve() events.JobLease {
	c.t.Helper()
	r, err := c.rig.Reserve(c.name, events.Reserve{V: 1, Type: events.TypeReserve, RequestID: newID(), Command: "sh"})
	if err != nil {
		c.t.Fatal(err)
	}
	return r.Lease
}

// start reserves a slot, starts a command without inputs and returns the job's id.
func (c *caller) start(command string, args ...string) string {
	c.t.Helper()
	return c.startWith(events.JobStart{V: 1, Lease: c.reserve(), Command: command, Args: args})
}

func (c *caller) startWith(r events.JobStart) string {
	c.t.Helper()
	c.send(events.FrameStart, r)
	ft, payload := c.next()
	var ack events.JobAck
	if err := json.Unmarshal(payload, &ack); ft != events.FrameAck || err != nil || !idPattern.MatchString(ack.JobID) {
		c.t.Fatalf("frame %d %s, want an ack", ft, payload)
	}
	return ack.JobID
}

// event is the next event; anything else fails the test.
func (c *caller) event() events.JobEvent {
	c.t.Helper()
	ft, payload := c.next()
	var e events.JobEvent
	if err := json.Unmarshal(payload, &e); ft != events.FrameEvent || err != nil {
		c.t.Fatalf("frame %d %s, want an event", ft, payload)
	}
	return e
}

// until reads events up to the first that is wanted, and returns them all.
func (c *caller) until(wanted func(events.JobEvent) bool) (all []events.JobEvent) {
	c.t.Helper()
	for {
		e := c.event()
		all = append(all, e)
		if wanted(e) {
			return all
		}
		if e.State.Final() {
			c.t.Fatalf("the job ended: %+v", e)
		}
	}
}

// end reads events to the job's end.
func (c *caller) end() (all []events.JobEvent, last events.JobEvent) {
	c.t.Helper()
	all = c.until(func(e events.JobEvent) bool { return e.State.Final() })
	return all, all[len(all)-1]
}

func says(line string) func(events.JobEvent) bool {
	return func(e events.JobEvent) bool { return e.Line == line }
}

// lines are the output lines of a stream.
func lines(all []events.JobEvent, stream string) (got []string) {
	for _, e := range all {
		if e.Kind == events.JobEventOutput && e.Stream == stream {
			got = append(got, e.Line)
		}
	}
	return got
}

func states(all []events.JobEvent) (got []events.JobState) {
	for _, e := range all {
		if e.Kind == events.JobEventState {
			got = append(got, e.State)
		}
	}
	return got
}

func wantEnd(t *testing.T, last events.JobEvent, state events.JobState, code int) {
	t.Helper()
	if last.State != state || last.ExitCode == nil || *last.ExitCode != code {
		t.Errorf("ended as %s %v (%s), want %s %d", last.State, text(last.ExitCode), last.Reason, state, code)
	}
}

func text(code *int) any {
	if code == nil {
		return "without a code"
	}
	return *code
}

// eventually polls what has no event of its own.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

// script writes an executable file.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// offer names inputs for a job, with what the client knows of their beginnings.
func (c *caller) offer(id string, files ...transfer.Source) {
	c.t.Helper()
	r := events.JobInputs{V: 1, JobID: id}
	for _, f := range files {
		h, err := f.Look()
		if err != nil {
			c.t.Fatal(err)
		}
		in := events.JobInput{Name: h.Name, Size: h.Size, Mode: h.Mode}
		if h.Size >= events.JobHeadBytes {
			in.Head = c.knows(f, events.JobHeadBytes)
		}
		r.Files = append(r.Files, in)
	}
	c.send(events.FrameInputs, r)
}

// knows is the knowledge of a file's first bytes on this link.
func (c *caller) knows(f transfer.Source, n int64) string {
	c.t.Helper()
	salt := events.JobKnowledge{Room: "lab", Worker: "worker-1", From: c.name, Nonce: c.nonce()}.Salt()
	sum, err := f.Sum(c.t.Context(), salt, n)
	if err != nil {
		c.t.Fatal(err)
	}
	return sum
}

// needs is what the worker says to an offer, past events of the job.
func (c *caller) needs() events.JobNeeds {
	c.t.Helper()
	for {
		ft, payload := c.next()
		var n events.JobNeeds
		if ft == events.FrameEvent {
			continue
		}
		if err := json.Unmarshal(payload, &n); ft != events.FrameNeeds || err != nil {
			c.t.Fatalf("frame %d %s, want what is needed", ft, payload)
		}
		return n
	}
}
