//go:build unix

package transfer

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/moothall/moothall/events"
)

// A pipe that comes in the place of a file before its turn has no writer: nobody waits
// for one.
func TestTransfer_APipeInAFilesPlace(t *testing.T) {
	r := newRun(t)
	r.write("a", make([]byte, chunkSize), 0o644)
	path := r.write("b", []byte("b"), 0o644)
	r.onChunk(1, func() { must(t, errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600))) })
	r.fails(events.CodeFile, events.CodeFile)
	r.arrivedOnly("a")
}
