package transfer

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/moothall/moothall/events"
)

// Issue, bad input: "A file that changes or vanishes while it is sent: 74, nothing
// half-written kept as if whole."
func TestTransfer_AFileThatChangesOrVanishesWhileItIsSent(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, path string){
		"grows": func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			must(t, err)
			_, err = f.WriteString("more")
			must(t, err)
			must(t, f.Close())
		},
		"shrinks":  func(t *testing.T, path string) { must(t, os.Truncate(path, 5*chunkSize)) },
		"empties":  func(t *testing.T, path string) { must(t, os.Truncate(path, 0)) },
		"vanishes": func(t *testing.T, path string) { must(t, os.Remove(path)) },
		"is written anew": func(t *testing.T, path string) {
			info, err := os.Stat(path)
			must(t, err)
			must(t, os.WriteFile(path, make([]byte, info.Size()), 0o644))
		},
		"is replaced": func(t *testing.T, path string) {
			info, err := os.Stat(path)
			must(t, err)
			must(t, os.WriteFile(path+".new", make([]byte, info.Size()), 0o644))
			must(t, os.Chtimes(path+".new", info.ModTime(), info.ModTime()))
			must(t, os.Rename(path+".new", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t)
			r.write("before", []byte("whole"), 0o644)
			path := r.write("b", bytes.Repeat([]byte{1}, 20*chunkSize), 0o644)
			r.write("after", []byte("never sent"), 0o644)
			r.onChunk(10, func() { change(t, path) })
			r.fails(events.CodeFile, events.CodeFile)
			r.arrivedOnly("before")
		})
	}
}

func TestTransfer_AFileThatIsNotThere(t *testing.T) {
	r := newRun(t)
	r.names = []string{"missing"}
	r.fails(events.CodeFile, events.CodeFile)
}

func TestTransfer_AFileThatVanishesBeforeItsTurn(t *testing.T) {
	r := newRun(t)
	r.write("a", make([]byte, chunkSize), 0o644)
	path := r.write("b", []byte("b"), 0o644)
	r.onChunk(1, func() { must(t, os.Remove(path)) })
	r.fails(events.CodeFile, events.CodeFile)
	r.arrivedOnly("a")
}

func TestTransfer_AFolderIsNotAFile(t *testing.T) {
	r := newRun(t)
	must(t, os.Mkdir(filepath.Join(r.from, "d"), 0o755))
	r.names = []string{"d"}
	r.fails(events.CodeFile, events.CodeFile)
}

func TestTransfer_ADamagedChunkIsFoundAndNothingIsKept(t *testing.T) {
	r := newRun(t)
	r.write("whole", []byte("whole"), 0o644)
	r.write("hurt", make([]byte, 3*chunkSize), 0o644)
	chunks := 0
	r.sender.hook = func(frame []byte) []byte {
		if events.FrameType(frame[0]) == events.FrameChunk {
			if chunks++; chunks == 3 {
				frame[events.FrameHeader+100] ^= 1
			}
		}
		return frame
	}
	r.fails(events.CodeDamaged, events.CodeDamaged)
	r.arrivedOnly("whole")
}

func TestTransfer_CancelEndsBothSides(t *testing.T) {
	for _, who := range []string{"sender", "receiver"} {
		t.Run(who, func(t *testing.T) {
			r := newRun(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if who == "sender" {
				r.sendCtx = ctx
			} else {
				r.recvCtx = ctx
			}
			r.write("a", make([]byte, 50*chunkSize), 0o644)
			r.onChunk(20, cancel)
			r.fails(events.CodeCanceled, events.CodeCanceled)
			r.arrivedOnly()
		})
	}
}

func TestTransfer_LostConnectionEndsBothSides(t *testing.T) {
	r := newRun(t)
	r.write("a", make([]byte, 50*chunkSize), 0o644)
	r.onChunk(20, func() {
		close(r.sender.lost)
		close(r.sender.in)
		close(r.receiver.in)
	})
	r.fails(events.CodeUnreachable, events.CodeUnreachable)
	r.arrivedOnly()
}

func TestTransfer_TheReceiverStopsASenderWhoseConnectionIsFull(t *testing.T) {
	r := newRun(t)
	r.write("a", make([]byte, 500*chunkSize), 0o644)
	r.opts.MaxBytes = 400 * chunkSize
	r.fails(events.CodeTooLarge, events.CodeTooLarge)
	r.arrivedOnly()
}
