package jobs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/transfer"
)

// An offer is what a client says of a job's inputs on a link over which they can come.
type offer struct {
	files    []events.JobInput
	bulk     Channel
	salt     []byte        // of what the client knows of the files
	evidence chan []string // what it answers when it is to prove that; bounded by one
	need     func(context.Context, events.JobNeeds) error
}

// inputs offers a job its inputs over this link.
func (c *conversation) inputs(_ context.Context, r events.JobInputs) error {
	j, err := c.service.open(c.claim(events.ActionSend, r.JobID, r.Signature))
	if err != nil {
		return err
	}
	defer c.service.close(j)
	if state := j.log.now(); j.inputs == 0 || state != "" && state != events.JobSending {
		return events.Errorf(events.CodeInvalid, "job %s awaits no inputs", j.id)
	}
	if c.offered = append(c.offered, r.Files...); len(c.offered) > j.inputs {
		c.offered = nil // or they pile up
		return events.Errorf(events.CodeInvalid, "more inputs came than the %d that were announced", j.inputs)
	}
	if r.More {
		return nil
	}
	c.offer = &offer{
		files: c.offered, bulk: c.link.Bulk, evidence: make(chan []string, 1),
		salt: events.JobKnowledge{Room: c.service.config.Room, Worker: c.service.config.Worker, From: c.client, Nonce: c.drawNonce()}.Salt(),
		need: func(ctx context.Context, n events.JobNeeds) error { return c.send(ctx, events.FrameNeeds, n) },
	}
	c.offered = nil
	j.offer(c.offer)
	return nil
}

func (c *conversation) evidence(_ context.Context, r events.JobEvidence) error {
	if c.offer != nil {
		select {
		case c.offer.evidence <- r.Sums:
			return nil
		default:
		}
	}
	return events.Errorf(events.CodeInvalid, "job %s asked for no evidence", r.JobID)
}

// offersAhead is how many offers wait for a job; only the newest counts.
const offersAhead = 1

// offer hands an offer over. It never blocks.
func (j *job) offer(o *offer) {
	for {
		select {
		case j.offers <- o:
			return
		default:
		}
		select {
		case <-j.offers:
		default:
		}
	}
}

// receive takes the inputs in, over as many links as that needs: what has arrived over
// one that broke is gone on with over the next. Its cause is none when all are there; else
// no part of a file stays.
func (j *job) receive(ctx context.Context) cause {
	var last *offer
	c := j.takeOffers(ctx, &last)
	if !c.none() && last != nil {
		if err := j.dropParts(last.files); err != nil {
			j.troubled("remove parts of the inputs of job "+j.id, err)
		}
	}
	return c
}

func (j *job) dropParts(files []events.JobInput) error {
	root, err := os.OpenRoot(j.folder.in)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range files {
		if transfer.CheckName(f.Name) == nil {
			err = errors.Join(err, transfer.Drop(root, f.Name))
		}
	}
	return err
}

// takeOffers is receive; last is the offer that came last.
func (j *job) takeOffers(ctx context.Context, last **offer) cause {
	idle := time.NewTimer(j.limits.InputIdle)
	defer idle.Stop()
	var in intake
	defer in.stop()
	for {
		select {
		case o := <-j.offers:
			*last = o
			in.stop()
			idle.Reset(j.limits.InputIdle)
			in = j.begin(ctx, o, func() { idle.Reset(j.limits.InputIdle) })
		case err := <-in.done:
			in.over()
			switch {
			case err == nil:
				return cause{}
			case ctx.Err() != nil:
				return shutDown
			case !transfer.CutShort(err):
				return failing("the inputs did not arrive whole: %v", err)
			}
		case <-j.pings:
			j.alive()
		case <-j.asked:
			return canceled
		case <-idle.C:
			return failing("no input came for %s", j.limits.InputIdle)
		case <-ctx.Done():
			return shutDown
		}
	}
}

// An intake is an offer that is being taken in, on a goroutine of its own; the zero
// value is none.
type intake struct {
	cancel context.CancelFunc
	done   chan error // one value
}

func (j *job) begin(ctx context.Context, o *offer, moved func()) intake {
	ctx, cancel := context.WithCancel(ctx)
	in := intake{cancel, make(chan error, 1)}
	go func() { in.done <- j.takeIn(ctx, o, moved) }()
	return in
}

// over says that done was read.
func (in *intake) over() {
	in.cancel()
	*in = intake{}
}

// stop ends an intake that is not over and waits for it.
func (in *intake) stop() {
	if in.done != nil {
		in.cancel()
		<-in.done //nolint:errcheck // who stops it knows why
		in.over()
	}
}

// takeIn brings in what is missing of the inputs: from what lies here already, and else
// over the link.
func (j *job) takeIn(ctx context.Context, o *offer, moved func()) error {
	if err := j.check(o); err != nil {
		return err
	}
	root, err := os.OpenRoot(j.folder.in)
	if err != nil {
		return err
	}
	defer root.Close()
	missing, err := absent(root, o.files)
	if err != nil {
		return err
	}
	if missing, err = j.copyKept(ctx, root, o, missing, moved); err != nil {
		return err
	}
	want, expected := wanted(root, o.files, missing)
	if err := o.need(ctx, events.JobNeeds{V: events.ProtocolVersion, JobID: j.id, Want: want}); err != nil || len(want) == 0 {
		return err
	}
	_, err = transfer.Receive(ctx, o.bulk, root, transfer.Options{MaxFiles: len(want), Expected: expected, Resume: true}, counting(starts(o.files, want), func(n int64) {
		moved()
		j.moved(n)
	}))
	return err
}

// check refuses an offer of something else than the job awaits.
func (j *job) check(o *offer) error {
	if len(o.files) != j.inputs {
		return events.Errorf(events.CodeInvalid, "%d files came, %d were announced", len(o.files), j.inputs)
	}
	names := map[string]bool{}
	total := int64(0)
	for _, f := range o.files {
		if err := transfer.CheckName(f.Name); err != nil {
			return err
		}
		if names[f.Name] || f.Size < 0 {
			return events.Errorf(events.CodeInvalid, "input %q is named twice, or has %d bytes", f.Name, f.Size)
		}
		names[f.Name] = true
		if f.Size > j.limits.InputBytes-total {
			return events.Errorf(events.CodeTooLarge, "the inputs have more than the %s that are taken", humanize.IBytes(uint64(j.limits.InputBytes)))
		}
		total += f.Size
	}
	return nil
}

// absent are the places of the files that are not here whole. One of another size was
// changed by its owner since.
func absent(root *os.Root, files []events.JobInput) (places []int, err error) {
	for i, f := range files {
		info, err := root.Lstat(f.Name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			places = append(places, i)
		case err != nil:
			return nil, err
		case !info.Mode().IsRegular() || info.Size() != f.Size:
			return nil, events.Errorf(events.CodeFile, "the input %s is there already, and is another", f.Name)
		}
	}
	return places, nil
}

// wanted says from where on the missing files must come, and what they are.
func wanted(root *os.Root, files []events.JobInput, missing []int) (want []events.JobWant, expected []events.FileHeader) {
	for _, i := range missing {
		w := events.JobWant{File: i}
		if part := transfer.Part(root, files[i].Name); part <= files[i].Size {
			w.Offset = part
		}
		want = append(want, w)
		expected = append(expected, events.FileHeader{Name: files[i].Name, Size: files[i].Size})
	}
	return want, expected
}

// starts are where the wanted files begin, by their names.
func starts(files []events.JobInput, want []events.JobWant) map[string]int64 {
	at := map[string]int64{}
	for _, w := range want {
		at[files[w.File].Name] = w.Offset
	}
	return at
}

// counting turns reports of a transfer into bytes that moved since the last; each file
// begins where at says.
func counting(at map[string]int64, moved func(int64)) func(transfer.Progress) {
	return func(p transfer.Progress) {
		moved(p.Done - at[p.Name])
		at[p.Name] = p.Done
	}
}
