package roster

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/automerge/automerge-go"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster/guard"
)

// sealed puts content into a change chunk with the right length and checksum.
func sealed(content []byte) []byte {
	hashed := append(binary.AppendUvarint([]byte{1}, uint64(len(content))), content...)
	sum := sha256.Sum256(hashed)
	return append(append([]byte{0x85, 0x6f, 0x4a, 0x83}, sum[:4]...), hashed...)
}

// content is a chunk without what sealed adds.
func content(chunk []byte) []byte {
	_, n := binary.Uvarint(chunk[9:])
	return chunk[9+n:]
}

// fuzzRoom is a replica with one row of its own, and what its peers might send:
// w2's first and second change.
func fuzzRoom(f *testing.F) (w1 *Roster, seeds [][]byte) {
	replicas := newRoom(f).join("w1", "w2")
	w1, w2 := replicas[0], replicas[1]
	write(f, w1, events.StatusAvailable)
	seeds = append(seeds, write(f, w2, events.StatusAvailable), write(f, w2, events.StatusBusy))
	return w1, seeds
}

// FuzzGuardThenAutomerge gives automerge every change that the guard alone lets
// through, on top of a real document, whatever its actor, numbers, keys and
// predecessors: the process must live. Dependencies are set right, since
// automerge only queues a change whose dependencies it lacks.
func FuzzGuardThenAutomerge(f *testing.F) {
	w1, seeds := fuzzRoom(f)
	for _, s := range seeds {
		f.Add(content(s))
	}
	f.Add(content(w1.Since(nil)[0]))
	base := w1.present.document.doc
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := guard.Parse(sealed(data))
		if err != nil {
			return
		}
		c.Deps = []guard.Hash{w1.present.hash}
		chunk, _ := c.Encode()
		doc, err := base.Fork()
		if err != nil {
			t.Fatal(err)
		}
		if err := doc.LoadIncremental(chunk); err != nil {
			return
		}
		_ = doc.Heads()
		_, _ = doc.RootMap().Values()
		if err := doc.Path("w/w1/1/d").Set("next"); err == nil {
			_, _ = doc.Commit("")
		}
		_, _ = automerge.Load(doc.Save())
	})
}

// FuzzApply gives a replica any content under a right checksum, and now and then
// has it write: nothing is accepted, since nobody can sign, and the document goes
// on to save and load.
func FuzzApply(f *testing.F) {
	w1, seeds := fuzzRoom(f)
	for _, s := range seeds {
		f.Add(content(s))
		apply(f, w1, s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a := w1.Apply([][]byte{sealed(data)})
		if a.Accepted > 0 {
			t.Errorf("accepted %x", data)
		}
		if len(data)%64 != 0 {
			return
		}
		status := []events.Status{events.StatusBusy, events.StatusAvailable}[w1.Changes()%2]
		if chunk := write(t, w1, status); chunk == nil {
			t.Error("nothing written")
		}
		if _, err := automerge.Load(w1.present.document.doc.Save()); err != nil {
			t.Errorf("the document does not load: %v", err)
		}
	})
}

// FuzzRowText gives the readers of signed texts any text: what they accept is
// written again in the same bytes.
func FuzzRowText(f *testing.F) {
	w1, _ := fuzzRoom(f)
	signed := rowOfPeer(f, w1, "w1").Signed
	f.Add(signed.Static)
	f.Add(signed.Dynamic)
	f.Fuzz(func(t *testing.T, text string) {
		if s, refused := parseStatic(text); refused == nil && encode(s) != text {
			t.Errorf("/s %q is written as %q", text, encode(s))
		}
		if d, refused := parseDynamic(text); refused == nil && encode(d) != text {
			t.Errorf("/d %q is written as %q", text, encode(d))
		}
	})
}
