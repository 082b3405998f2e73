package transfer

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/moothall/moothall/events"
)

// cutAfter makes a run whose connection ends before the n-th chunk of the one file.
func cutAfter(t *testing.T, n int, data []byte) *run {
	t.Helper()
	r := newRun(t)
	r.opts.Resume = true
	r.write("big.bin", data, 0o644)
	r.onChunk(n, func() {
		close(r.sender.lost)
		close(r.receiver.in)
	})
	sent, received := r.do()
	if sent.err == nil || received.err == nil {
		t.Fatalf("sender %v, receiver %v", sent.err, received.err)
	}
	r.sender, r.receiver = newPipe()
	return r
}

// again goes on with what has arrived.
func (r *run) again(offset int64) (sent, received result) {
	r.t.Helper()
	root, err := os.OpenRoot(r.to)
	must(r.t, err)
	defer root.Close()
	done := make(chan result)
	go func() {
		headers, err := Receive(r.recvCtx, r.receiver, root, r.opts, nil)
		done <- result{headers, err}
	}()
	sent.headers, sent.err = Send(r.sendCtx, r.sender, []Source{{Name: "big.bin", Path: filepath.Join(r.from, "big.bin"), Offset: offset}}, nil)
	return sent, <-done
}

func (r *run) part() int64 {
	root, err := os.OpenRoot(r.to)
	must(r.t, err)
	defer root.Close()
	return Part(root, "big.bin")
}

// After a break a file goes on where it was cut, and its hash is that of the whole.
func TestResume_GoesOnWhereItWasCut(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 10_000)
	r := cutAfter(t, 6, data)
	offset := r.part()
	if offset == 0 || offset > 5*chunkSize {
		t.Fatalf("%d bytes have arrived", offset)
	}
	chunks := 0
	r.sender.hook = func(frame []byte) []byte {
		if events.FrameType(frame[0]) == events.FrameChunk {
			chunks++
		}
		return frame
	}
	sent, received := r.again(offset)
	must(t, sent.err)
	must(t, received.err)
	if sent.headers[0] != received.headers[0] || received.headers[0].Size != int64(len(data)) || received.headers[0].Offset != 0 {
		t.Errorf("sent %+v, received %+v", sent.headers, received.headers)
	}
	if got, err := os.ReadFile(filepath.Join(r.to, "big.bin")); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if most := len(data)/chunkSize + 1 - int(offset)/chunkSize; chunks > most {
		t.Errorf("%d chunks were sent again, at most %d are missing", chunks, most)
	}
	r.arrivedOnly("big.bin")
}

// Nothing is missing but the end.
func TestResume_OfAWholePart(t *testing.T) {
	r := newRun(t)
	r.opts.Resume = true
	r.write("big.bin", []byte("all of it"), 0o644)
	must(t, os.WriteFile(filepath.Join(r.to, "big.bin.part"), []byte("all of it"), 0o600))
	sent, received := r.again(9)
	must(t, sent.err)
	must(t, received.err)
	r.arrivedOnly("big.bin")
}

// A part that is not the file's beginning is found out by the hash, and goes.
func TestResume_PartThatDoesNotFitIsDamaged(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 10_000)
	r := cutAfter(t, 6, data)
	part := filepath.Join(r.to, "big.bin.part")
	had, err := os.ReadFile(part)
	must(t, err)
	had[3] ^= 1
	must(t, os.WriteFile(part, had, 0o600))
	sent, received := r.again(int64(len(had)))
	if events.CodeOf(sent.err) != events.CodeDamaged || events.CodeOf(received.err) != events.CodeDamaged {
		t.Errorf("sender %v, receiver %v", sent.err, received.err)
	}
	r.arrivedOnly()
}

func TestResume_Refusals(t *testing.T) {
	for name, tt := range map[string]struct {
		resume bool
		part   string
		offset int64
		sender events.Code
	}{
		"not asked for":         {false, "0123", 4, events.CodeInvalid},
		"the part is gone":      {true, "", 4, events.CodeFile},
		"the part is shorter":   {true, "012", 4, events.CodeFile},
		"more than the file is": {true, "0123", 1000, events.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t)
			r.opts.Resume = tt.resume
			r.write("big.bin", []byte("0123456789"), 0o644)
			if tt.part != "" {
				must(t, os.WriteFile(filepath.Join(r.to, "big.bin.part"), []byte(tt.part), 0o600))
			}
			if sent, _ := r.again(tt.offset); events.CodeOf(sent.err) != tt.sender {
				t.Errorf("%v", sent.err)
			}
		})
	}
}

// A receiver that does not resume leaves nothing, as before.
func TestResume_OffLeavesNothing(t *testing.T) {
	r := newRun(t)
	r.write("big.bin", bytes.Repeat([]byte("x"), 10*chunkSize), 0o644)
	r.onChunk(5, func() {
		close(r.sender.lost)
		close(r.receiver.in)
	})
	r.do()
	r.arrivedOnly()
}

// Files for which there is no room are refused before the first byte.
func TestReceive_ChecksTheDiskFirst(t *testing.T) {
	r := newRun(t)
	path := r.write("huge", nil, 0o644)
	if err := os.Truncate(path, 1<<43); err != nil { // a hole
		t.Skipf("this file system has no such files: %v", err)
	}
	root, err := os.OpenRoot(r.to)
	must(t, err)
	defer root.Close()
	if free, known := available(root); !known || free > 1<<43 {
		t.Skip("there is room")
	}
	sent, received := r.do()
	if events.CodeOf(sent.err) != events.CodeFile || events.CodeOf(received.err) != events.CodeFile {
		t.Errorf("sender %v, receiver %v", sent.err, received.err)
	}
	r.arrivedOnly()
}
