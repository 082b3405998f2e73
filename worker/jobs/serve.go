package jobs

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/transfer"
)

// A Channel of a client's link: signaling/link.Channel is one. Frames is closed
// at the link's end.
type Channel interface {
	SendWait(ctx context.Context, frame []byte) error
	Frames() <-chan []byte
}

// A Link is what a client's link offers to the job protocol: control carries the
// frames of events/job.go, bulk the files.
type Link struct {
	Control, Bulk Channel
}

// Serve speaks the job protocol with client until its link or ctx ends, or until
// the client breaks the protocol or has followed no job for a while: links are few.
// One link starts one job at most. Jobs go on after it. The error says why the client
// was cut off, nil if it left.
func (s *Service) Serve(ctx context.Context, client string, l Link) error {
	ctx, cancel := context.WithCancel(ctx)
	c := &conversation{service: s, client: client, link: l, follows: map[string]*following{}, bulk: make(chan struct{}, 1)}
	defer c.hangUp()
	defer c.readers.Wait()
	defer cancel()
	idle := time.NewTimer(s.config.Limits.IdleLink)
	defer idle.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-idle.C:
			if len(c.follows) == 0 {
				return events.Errorf(events.CodeTimeout, "it followed no job within %s", s.config.Limits.IdleLink)
			}
		case frame, open := <-l.Control.Frames():
			if !open {
				return nil
			}
			if err := c.take(ctx, frame); err != nil {
				return err
			}
		}
	}
}

// A conversation is one client on one link. Its goroutine is Serve's; each job
// that the client follows has one of its own.
type conversation struct {
	service *Service
	client  string
	link    Link
	nonce   string // "" until the client asks for it
	begun   bool
	follows map[string]*following
	offered []events.JobInput // of a list that goes on
	offer   *offer            // the last; nil before it
	bulk    chan struct{}     // held by who sends outputs
	readers sync.WaitGroup
}

// A following is a job whose events go to the client.
type following struct {
	job     *job
	since   uint64
	outputs chan struct{} // closed when the client wants them
	wanted  bool
	want    []events.JobWant // valid once outputs is closed
}

// take handles one frame. What the client may not do is answered by an Error; an
// error of take ends the conversation.
func (c *conversation) take(ctx context.Context, frame []byte) error {
	t, payload, err := events.ParseFrame(frame)
	if err != nil {
		return err
	}
	switch t {
	case events.FrameStart:
		err = handle(ctx, payload, c.start)
	case events.FrameAttach:
		err = handle(ctx, payload, c.attach)
	case events.FrameHello:
		err = handle(ctx, payload, c.hello)
	case events.FrameSignal:
		err = handle(ctx, payload, c.signal)
	case events.FrameInputs:
		err = handle(ctx, payload, c.inputs)
	case events.FrameEvidence:
		err = handle(ctx, payload, c.evidence)
	case events.FrameList:
		err = handle(ctx, payload, c.list)
	default:
		err = events.Errorf(events.CodeInvalid, "frame type %d is not of the job protocol", t)
	}
	if err == nil {
		return nil
	}
	return c.send(ctx, events.FrameError, events.AsError(err))
}

func handle[T any](ctx context.Context, payload []byte, do func(context.Context, T) error) error {
	var m T
	if err := events.Unpack(payload, &m); err != nil {
		return err
	}
	return do(ctx, m)
}

func (c *conversation) send(ctx context.Context, t events.FrameType, v any) error {
	return c.link.Control.SendWait(ctx, events.Pack(t, v))
}

// hello gives the client the nonce of this link.
func (c *conversation) hello(ctx context.Context, r events.JobHello) error {
	if err := checkVersion(r.V); err != nil {
		return err
	}
	return c.send(ctx, events.FrameHello, events.JobHello{V: events.ProtocolVersion, Nonce: c.drawNonce()})
}

func (c *conversation) drawNonce() string {
	if c.nonce == "" {
		c.nonce = rand.Text()
	}
	return c.nonce
}

// claim is the client's claim to act on a job.
func (c *conversation) claim(action, id, signature string) claim {
	return claim{signature: signature, proof: events.JobProof{
		Room: c.service.config.Room, Worker: c.service.config.Worker, Incarnation: c.service.config.Incarnation(),
		Action: action, JobID: id, From: c.client, Nonce: c.nonce,
	}}
}

func (c *conversation) start(ctx context.Context, r events.JobStart) error {
	if err := checkVersion(r.V); err != nil {
		return err
	}
	if c.begun {
		return events.Errorf(events.CodeInvalid, "this link has started a job already")
	}
	j, err := c.service.begin(ctx, c.client, r)
	if err != nil {
		return err
	}
	c.begun = true
	if err := c.send(ctx, events.FrameAck, events.JobAck{V: events.ProtocolVersion, JobID: j.id, Nonce: c.drawNonce()}); err != nil {
		return err
	}
	_, err = c.follow(ctx, c.claim(events.ActionLogs, j.id, ""), 1)
	return err
}

func checkVersion(v int) error {
	if v == events.ProtocolVersion {
		return nil
	}
	return events.Errorf(events.CodeVersion, "this worker speaks protocol %d, the client speaks %d", events.ProtocolVersion, v)
}

func (c *conversation) attach(ctx context.Context, r events.JobAttach) error {
	action := events.ActionLogs
	if r.Outputs {
		action = events.ActionGet
	}
	claim := c.claim(action, r.JobID, r.Signature)
	f, ok := c.follows[r.JobID]
	switch {
	case !ok:
		var err error
		if f, err = c.follow(ctx, claim, r.Since); err != nil {
			return err
		}
	case !f.job.allows(claim):
		return events.Errorf(events.CodeForbidden, "job %s belongs to another owner", r.JobID)
	}
	if r.Outputs && !f.wanted {
		f.wanted, f.want = true, r.Want
		close(f.outputs)
	}
	return nil
}

func (c *conversation) signal(_ context.Context, r events.JobSignal) error {
	if r.Action != events.ActionStop && r.Action != events.ActionCancel {
		return events.Errorf(events.CodeInvalid, "%q is no signal for a job", r.Action)
	}
	j, err := c.service.open(c.claim(r.Action, r.JobID, r.Signature))
	if err != nil {
		return err
	}
	defer c.service.close(j)
	j.ask(r.Action)
	return nil
}

// maxFollows bounds the jobs that one link reads at once.
const maxFollows = 16

func (c *conversation) follow(ctx context.Context, by claim, since uint64) (*following, error) {
	if len(c.follows) == maxFollows {
		return nil, events.Errorf(events.CodeTooLarge, "one link follows at most %d jobs", maxFollows)
	}
	j, err := c.service.open(by)
	if err != nil {
		return nil, err
	}
	id := j.id
	f := &following{job: j, since: since, outputs: make(chan struct{})}
	if len(c.follows) == 0 {
		c.service.called(1)
	}
	c.follows[id] = f
	c.readers.Go(func() {
		defer c.service.close(j)
		if err := c.stream(ctx, f); err != nil && ctx.Err() == nil {
			c.service.config.Log.Warn("a client lost track of its job", "job_id", id, "client", c.client, "error", err)
		}
	})
	return f, nil
}

// hangUp ends what the first follow began.
func (c *conversation) hangUp() {
	if len(c.follows) > 0 {
		c.service.called(-1)
	}
}

// stream sends a job's events and, once it has ended and the client wants them,
// its outputs.
func (c *conversation) stream(ctx context.Context, f *following) error {
	r := f.job.log.reader(f.since)
	defer r.close()
	for {
		line, err := r.read(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := c.link.Control.SendWait(ctx, events.Frame(events.FrameEvent, line)); err != nil {
			return err
		}
	}
	outputs := f.job.log.ended().Outputs
	if len(outputs) == 0 {
		return nil
	}
	select {
	case <-f.outputs:
		return c.deliver(ctx, f.job, outputs, f.want)
	case <-ctx.Done():
		return nil
	}
}

// deliver sends the outputs that are wanted, one job's at a time.
func (c *conversation) deliver(ctx context.Context, j *job, outputs []events.FileHeader, want []events.JobWant) error {
	root, err := j.folder.openOutputs()
	if err != nil {
		c.service.troubled("open the outputs of job "+j.id, err)
		return c.send(ctx, events.FrameError, events.Errorf(events.CodeFile, "the outputs of job %s cannot be opened", j.id))
	}
	defer root.Close()
	files, err := j.sources(root, outputs, want)
	if err != nil {
		return c.send(ctx, events.FrameError, events.AsError(err))
	}
	select {
	case c.bulk <- struct{}{}:
		defer func() { <-c.bulk }()
	case <-ctx.Done():
		return nil
	}
	at := map[string]int64{}
	for _, f := range files {
		at[f.Name] = f.Offset
	}
	report := counting(at, func(n int64) { c.service.config.Moved(DirectionOut, n) })
	if _, err := transfer.Send(ctx, c.link.Bulk, files, report); err != nil {
		return err
	}
	c.service.fetched(j)
	return nil
}

// sources are the outputs that are wanted: all if want names none.
func (j *job) sources(root *os.Root, outputs []events.FileHeader, want []events.JobWant) ([]transfer.Source, error) {
	if len(want) == 0 {
		for i := range outputs {
			want = append(want, events.JobWant{File: i})
		}
	}
	var files []transfer.Source
	for i, w := range want {
		if w.File < 0 || w.File >= len(outputs) || i > 0 && w.File <= want[i-1].File {
			return nil, events.Errorf(events.CodeInvalid, "job %s has no output %d at that place", j.id, w.File)
		}
		name := outputs[w.File].Name
		files = append(files, transfer.Source{Name: name, Path: name, Root: root, Offset: w.Offset})
	}
	return files, nil
}
