// Package transfer sends files over a channel of frames: a manifest, chunks, a
// hash per file, and the receiver's confirmation that it is on disk. It knows no jobs.
//
// Whichever side fails says so in a FrameFileError, and both ends return. After a
// failure the channel is not fit for another transfer.
package transfer

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/moothall/moothall/events"
)

const (
	chunkSize   = 16 << 10 // of a file in one frame: larger ones are no faster
	reportEvery = 100 * time.Millisecond
	tellTimeout = time.Second // to tell the other side of a failure
)

// DefaultMaxFiles bounds a transfer whose receiver sets no bound.
const DefaultMaxFiles = 10_000

// A Conn carries frames in order; link.Channel is one. Frames is closed at its end.
// While a transfer runs nobody else reads or writes it.
type Conn interface {
	SendWait(ctx context.Context, frame []byte) error
	Frames() <-chan []byte
}

// A Source is a file to send: its slash-separated name at the receiver and where it
// is here, within Root unless that is nil. The receiver has its first Offset bytes, as
// it said by other means.
type Source struct {
	Name   string
	Path   string
	Root   *os.Root
	Offset int64
}

// Options bound what a receiver takes: MaxFiles files (0: DefaultMaxFiles) and
// MaxBytes bytes in all (0: no bound). Without Overwrite a file that exists already
// is an error and stays as it is. With Resume a part stays when the transfer is cut
// short, and the next one may go on with it; see Part. Expected are the files that must
// come, in that order, each of that name and size and, if it has one, of that hash: who
// sends another is refused before any of it is written, or kept.
type Options struct {
	MaxFiles  int
	MaxBytes  int64
	Overwrite bool
	Resume    bool
	Expected  []events.FileHeader // nil: what the manifest names
}

// Progress of a transfer: Done of Total bytes of the file Name, which is the File-th
// (from 1) of Files.
type Progress struct {
	Name        string
	Done, Total int64
	File, Files int
}

// A reporter thins progress out.
type reporter struct {
	report func(Progress)
	last   time.Time
}

func (r *reporter) say(p Progress) {
	if r.report == nil || p.Done < p.Total && time.Since(r.last) < reportEvery {
		return
	}
	r.last = time.Now()
	r.report(p)
}

// tell says to the other side why this one stops.
func tell(ctx context.Context, c Conn, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellTimeout)
	defer cancel()
	_ = c.SendWait(ctx, events.Pack(events.FrameFileError, events.AsError(err))) // the error at hand counts
}

// told is what the other side said, or why it could not be understood.
func told(payload []byte) *events.Error {
	e := &events.Error{}
	if err := events.Unpack(payload, e); err != nil || e.Code == "" {
		return events.Errorf(events.CodeInvalid, "the other side failed without a reason")
	}
	return e
}

// ended is the error of a transfer that was cut short by its connection or caller.
func ended(ctx context.Context, err error) *events.Error {
	var e *events.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(ctx.Err(), context.Canceled):
		return events.Errorf(events.CodeCanceled, "the transfer was canceled")
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return events.Errorf(events.CodeTimeout, "the transfer took too long")
	default:
		return events.Errorf(events.CodeUnreachable, "the connection ended in the middle of a transfer (%v)", err)
	}
}

var errNoFrames = errors.New("no more frames")
