package roster

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"testing"
	"time"

	"github.com/automerge/automerge-go"

	"github.com/moothall/moothall/events"
)

// Kinds of chunk, as automerge numbers them.
const (
	kindDocument byte = iota
	kindChange
	kindCompressed
)

// A killer is a chunk's content that aborts automerge 0.5 (recover does not help), or
// takes its time without end, when it reaches it unread.
type killer struct {
	name    string
	kind    byte
	content []byte
	want    Reason
}

func killers(t testing.TB) []killer {
	bomb := runBomb(1_000_000)
	return []killer{
		{"a start op at the end of 32 bits, at which the next own write aborts", kindChange, lastStartOp(), "chunk_bounds"},
		{"a million operations in a few bytes", kindChange, bomb, "chunk_bounds"},
		{"the same, compressed", kindCompressed, bomb, "chunk_type"},
		{"a document with an action that is none", kindDocument, actionOfNone(t), "chunk_type"},
	}
}

// changeOf is a change without dependencies by the actor aa.
func changeOf(startOp string, columns ...string) []byte {
	ids := []byte{0x15, 0x34, 0x42, 0x56, 0x57, 0x70} // key, insert, action, kind of value, value, predecessors
	head := append([]byte("\x00\x01\xaa\x01"+startOp+"\x00\x00\x00"), byte(len(columns)))
	for i, c := range columns {
		head = append(head, ids[i], byte(len(c)))
	}
	for _, c := range columns {
		head = append(head, c...)
	}
	return head
}

func lastStartOp() []byte {
	return changeOf("\xff\xff\xff\xff\x0f", "\x7f\x01a", "\x01", "\x7f\x01", "\x7f\x16", "x", "\x7f\x00")
}

// runBomb sets the key "a" to nothing n times, in runs.
func runBomb(n uint64) []byte {
	count := string(binary.AppendUvarint(nil, n)) // as a signed number, n being below the sign's bit
	columns := []string{count + "\x01a", count, count + "\x01", count + "\x00", "", count + "\x00"}
	return changeOf("\x01", columns...)
}

// actionOfNone is a document of one change in which one byte is wrong.
func actionOfNone(t testing.TB) []byte {
	t.Helper()
	d := newDocument(genesisActor).doc
	if err := d.RootMap().Set("a", "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Commit("", automerge.CommitOptions{Time: &time.Time{}}); err != nil {
		t.Fatal(err)
	}
	c := content(d.Save())
	const tail = "\x01\x7f\x16x\x7f\x00\x00" // action, kind of value, value, successors, last
	if !bytes.HasSuffix(c, []byte(tail)) {
		t.Fatalf("the document ends otherwise: %q", c)
	}
	c[len(c)-len(tail)] = 99
	return c
}

func deflate(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Work list 4.4: bytes that kill automerge do not reach it, and cost nothing.
func TestApply_KnownKillersDoNotReachAutomerge(t *testing.T) {
	for _, k := range killers(t) {
		t.Run(k.name, func(t *testing.T) {
			s := newScene(t)
			chunk := sealed(t, k.kind, k.content)
			if len(chunk) > events.MaxChange {
				t.Fatalf("%d bytes: it would be refused for its size alone", len(chunk))
			}
			bounded(t, fuzzTime, func() { refused(t, s.w2, chunk, k.want) })
			apply(t, s.w2, write(t, s.w1, events.StatusAvailable))
		})
	}
}
