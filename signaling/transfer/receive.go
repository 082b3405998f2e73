package transfer

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/dustin/go-humanize"

	"github.com/moothall/moothall/events"
)

// Receive takes one manifest and its files into root: each is written beside its
// place as name.part, compared with the sender's hash, synced and renamed. Names that
// would leave root are refused. It returns when all files are there or at the first
// failure (CodeDamaged if a hash differs, CodeFile, CodeTooLarge, CodeInvalid);
// files received whole before that stay. report is as in Send. Every error is an
// *events.Error; when ctx ends both sides return at once.
func Receive(ctx context.Context, c Conn, root *os.Root, opts Options, report func(Progress)) ([]events.FileHeader, error) {
	r := &receiver{conn: c, root: root, opts: opts, list: newList(opts), report: reporter{report: report}}
	err := r.receive(ctx)
	if err == nil {
		return whole(r.list.files), nil
	}
	failure := ended(ctx, err)
	if !r.theirs {
		tell(ctx, c, failure)
	}
	return nil, failure
}

type receiver struct {
	conn   Conn
	root   *os.Root
	opts   Options
	list   *list
	report reporter
	theirs bool // the sender knows of the failure
}

func (r *receiver) receive(ctx context.Context) error {
	for more := true; more; {
		payload, err := r.next(ctx, events.FrameManifest)
		if err != nil {
			return err
		}
		if more, err = r.list.add(payload); err != nil {
			return err
		}
	}
	if err := r.free(); err != nil {
		return err
	}
	for i := range r.list.files {
		if err := r.receiveFile(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// next waits for a frame of a kind.
func (r *receiver) next(ctx context.Context, kind events.FrameType) ([]byte, error) {
	got, payload, err := r.frame(ctx)
	if err == nil && got != kind {
		err = events.Errorf(events.CodeInvalid, "frame %d came instead of %d", got, kind)
	}
	return payload, err
}

// frame waits for a frame. The sender's failure is an error.
func (r *receiver) frame(ctx context.Context) (events.FrameType, []byte, error) {
	select {
	case <-ctx.Done():
		return 0, nil, ctx.Err()
	case frame, ok := <-r.conn.Frames():
		if !ok {
			r.theirs = true
			return 0, nil, errNoFrames
		}
		kind, payload, err := events.ParseFrame(frame)
		if err == nil && kind == events.FrameFileError {
			r.theirs = true
			err = told(payload)
		}
		return kind, payload, err
	}
}

// room refuses to begin if the disk has no room for what is to come.
func (r *receiver) room() error {
	var need int64
	for _, f := range r.list.files {
		need += f.Size - f.Offset
	}
	free, known := available(r.root)
	if !known || need <= free {
		return nil
	}
	return events.Errorf(events.CodeFile, "no room for the files: they have %s, %s are free", humanize.IBytes(uint64(need)), humanize.IBytes(uint64(free))).
		WithTry("again when there is room")
}

// free refuses to begin if there is no room, or a file is in the way of one that is to
// come.
func (r *receiver) free() error {
	if err := r.room(); err != nil {
		return err
	}
	if r.opts.Overwrite {
		return nil
	}
	for _, f := range r.list.files {
		if err := r.absent(f.Name); err != nil {
			return err
		}
	}
	return nil
}

func (r *receiver) absent(name string) error {
	_, err := r.root.Lstat(name)
	switch {
	case err == nil:
		return events.Errorf(events.CodeFile, "%s exists already and is kept", name).WithTry("--force, or another folder with --to")
	case errors.Is(err, fs.ErrNotExist):
		return nil
	default:
		return unwritable(name, err)
	}
}

func (r *receiver) receiveFile(ctx context.Context, i int) error {
	payload, err := r.next(ctx, events.FrameFile)
	if err != nil {
		return err
	}
	var header events.FileHeader
	if err := events.Unpack(payload, &header); err != nil {
		return err
	}
	if header != r.list.files[i] {
		return events.Errorf(events.CodeInvalid, "file %.80q came instead of %q", header.Name, r.list.files[i].Name)
	}
	end, err := r.receivePart(ctx, i)
	if err != nil {
		return err
	}
	r.list.files[i].SHA256 = end.SHA256
	return r.conn.SendWait(ctx, events.Pack(events.FrameFileOK, end))
}

// receivePart puts the file in its place. Else it leaves nothing of it, or, to be resumed,
// what came before the transfer was cut short.
func (r *receiver) receivePart(ctx context.Context, i int) (end events.FileEnd, err error) {
	part, err := newPart(r.root, r.list.partOf(i), r.list.files[i])
	if err != nil {
		return events.FileEnd{}, err
	}
	defer func() {
		if r.opts.Resume && CutShort(err) {
			part.leave()
			return
		}
		part.discard()
	}()
	p := Progress{Name: part.header.Name, Done: part.size, Total: part.header.Size, File: i + 1, Files: len(r.list.files)}
	for {
		kind, payload, err := r.frame(ctx)
		if err != nil {
			return events.FileEnd{}, err
		}
		if kind != events.FrameChunk {
			return r.complete(part, r.list.hash(i), kind, payload, p)
		}
		if err := part.write(payload); err != nil {
			return events.FileEnd{}, err
		}
		if p.Done = part.size; p.Done < p.Total {
			r.report.say(p)
		}
	}
}

// CutShort reports whether a transfer ended for no fault of the file: another one may go
// on with it.
func CutShort(err error) bool {
	if errors.Is(err, errNoFrames) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	switch events.CodeOf(err) {
	case events.CodeCanceled, events.CodeUnreachable, events.CodeTimeout:
		return true
	}
	return false
}

func (r *receiver) complete(part *part, hash string, kind events.FrameType, payload []byte, p Progress) (events.FileEnd, error) {
	var end events.FileEnd
	if kind != events.FrameFileEnd {
		return end, events.Errorf(events.CodeInvalid, "frame %d came within %s", kind, part.header.Name)
	}
	if err := events.Unpack(payload, &end); err != nil {
		return end, err
	}
	if !r.opts.Overwrite {
		if err := r.absent(part.header.Name); err != nil {
			return end, err
		}
	}
	if err := part.keep(end, hash); err != nil {
		return end, err
	}
	p.Done = part.size
	r.report.say(p)
	return end, nil
}
