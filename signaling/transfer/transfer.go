// Package transfer sends files over a channel of frames: a manifest, chunks, a
// hash per file, and the receiver's confirmation that it is on disk. It knows no jobs.
package transfer

import (
	"context"
	"os"

	"github.com/moothall/moothall/events"
)

// A Conn carries frames in order; link.Channel is one. Frames is closed at its end.
// While a transfer runs nobody else reads or writes it.
type Conn interface {
	SendWait(ctx context.Context, frame []byte) error
	Frames() <-chan []byte
}

// A Source is a file to send: its slash-separated name at the receiver and where it
// is here.
type Source struct {
	Name string
	Path string
}

// Options bound what a receiver takes. MaxFiles and MaxBytes of 0 mean no bound
// (MaxBytes is the sum over all files). Without Overwrite a file that exists already
// is an error and stays as it is.
type Options struct {
	MaxFiles  int
	MaxBytes  int64
	Overwrite bool
}

// Progress of a transfer: Done of Total bytes of the file Name, which is the File-th
// (from 1) of Files.
type Progress struct {
	Name        string
	Done, Total int64
	File, Files int
}

// Send sends the files and returns their headers, with hashes, when the receiver
// has confirmed each. A file that changes, vanishes or cannot be read is CodeFile at
// both ends; nothing of it is kept as if whole. Whatever the receiver refuses comes
// back as its *events.Error. report may be nil; it is called at most every 100 ms per
// file and once at a file's end, on the calling goroutine.
func Send(ctx context.Context, c Conn, files []Source, report func(Progress)) ([]events.FileHeader, error) {
	return nil, nil
}

// Receive takes one manifest and its files into root: each is written beside its
// place as name.part, compared with the sender's hash, synced and renamed. Names that
// would leave root are refused. It returns when all files are there or at the first
// failure (CodeDamaged if a hash differs, CodeFile, CodeTooLarge, CodeInvalid);
// files received whole before that stay.
func Receive(ctx context.Context, c Conn, root *os.Root, opts Options, report func(Progress)) ([]events.FileHeader, error) {
	return nil, nil
}
