package roster

import (
	"crypto/sha256"
	"encoding/binary"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/automerge/automerge-go"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster/guard"
)

// What one message of a peer may cost at most, whatever it says.
const (
	fuzzTime   = time.Second // of the processor
	fuzzMemory = 256 << 20   // by which the process may grow
)

// bounded fails if what it does takes more of the processor than limit, or more memory
// than fuzzMemory.
func bounded(t testing.TB, limit time.Duration, do func()) {
	t.Helper()
	before := usage(t)
	do()
	after := usage(t)
	if took := cpu(after) - cpu(before); took > limit {
		t.Errorf("took %v of the processor, at most %v allowed", took, limit)
	}
	if grown := (int64(after.Maxrss) - int64(before.Maxrss)) * rssUnit(); grown > fuzzMemory {
		t.Errorf("the process grew by %d MiB, at most %d allowed", grown>>20, fuzzMemory>>20)
	}
}

func usage(t testing.TB) (u syscall.Rusage) {
	t.Helper()
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return u
}

func cpu(u syscall.Rusage) time.Duration { return time.Duration(u.Utime.Nano() + u.Stime.Nano()) }

// rssUnit is what Maxrss counts: KiB, but for macOS.
func rssUnit() int64 {
	if runtime.GOOS == "darwin" {
		return 1
	}
	return 1 << 10
}

// sealed puts content into a chunk with the right length and checksum, as anybody can.
// A compressed change has the checksum of the plain one.
func sealed(t testing.TB, kind byte, content []byte) []byte {
	if kind == kindCompressed {
		return compressed(t, sealed(t, kindChange, content))
	}
	hashed := append(binary.AppendUvarint([]byte{kind}, uint64(len(content))), content...)
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
func fuzzRoom(t testing.TB) (w1 *Roster, seeds [][]byte) {
	replicas := newRoom(t).join("w1", "w2")
	w1, w2 := replicas[0], replicas[1]
	write(t, w1, events.StatusAvailable)
	seeds = append(seeds, write(t, w2, events.StatusAvailable), write(t, w2, events.StatusBusy))
	return w1, seeds
}

// FuzzGuardThenAutomerge gives automerge every change that the guard alone lets
// through, on top of a real document: any actor, numbers, keys, values and
// predecessors, far beyond what the rules allow. The process must live. The guard
// accepts only what it encodes itself, so changes stand for all accepted bytes.
// Dependencies are set right: automerge only queues a change that lacks one.
func FuzzGuardThenAutomerge(f *testing.F) {
	w1, _ := fuzzRoom(f)
	base, key := w1.present.document.doc, "w/w1/1/"
	f.Add(byte(2), uint64(1), uint64(5), key+"s", "x", uint64(3), byte(1), key+"d", "y", uint64(4), byte(1))
	f.Add(byte(1), uint64(2), uint64(5), key+"d", "x", uint64(4), byte(1), "", "", uint64(0), byte(0))
	f.Add(byte(0), uint64(guard.MaxCounter-1), uint64(guard.MaxCounter-1), "admin", "", uint64(1), byte(0), "new", "", uint64(0), byte(0))
	f.Fuzz(func(t *testing.T, actor byte, seq, startOp uint64, key1, value1 string, pred1 uint64, of1 byte, key2, value2 string, pred2 uint64, of2 byte) {
		actors := []guard.Actor{genesisActor, w1.present.own, {1}, {255}}
		op := func(key, value string, pred uint64, of byte) guard.Op {
			op := guard.Op{Key: strings.ToValidUTF8(key, "?"), Value: strings.ToValidUTF8(value, "?")}
			if pred > 0 {
				op.Pred = guard.OpID{Counter: pred, Actor: actors[int(of)%len(actors)]}
			}
			return op
		}
		c := guard.Change{
			Actor: actors[int(actor)%len(actors)], Seq: 1 + seq%guard.MaxCounter, StartOp: 1 + startOp%guard.MaxCounter,
			Deps: []guard.Hash{w1.present.hash}, Ops: []guard.Op{op(key1, value1, pred1, of1)},
		}
		if key2 != "" {
			c.Ops = append(c.Ops, op(key2, value2, pred2, of2))
		}
		chunk, _ := c.Encode()
		if _, err := guard.Parse(chunk); err == nil {
			bounded(t, fuzzTime, func() { useInAutomerge(t, base, chunk) })
		}
	})
}

// useInAutomerge loads a chunk into a copy of a document and does with it all that
// a replica does. Errors are automerge's good right.
func useInAutomerge(t *testing.T, base *automerge.Doc, chunk []byte) {
	t.Helper()
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
}

// FuzzApply gives a replica any content under a right checksum, the known killers
// among it: nothing is accepted, since nobody can sign, and what the replica writes
// afterwards stands in a document that saves and loads.
func FuzzApply(f *testing.F) {
	w1, seeds := fuzzRoom(f)
	for _, s := range seeds {
		f.Add(kindChange, content(s))
	}
	apply(f, w1, seeds...)
	for _, k := range killers(f) {
		f.Add(k.kind, k.content)
	}
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		bounded(t, fuzzTime, func() {
			if a := w1.Apply([][]byte{sealed(t, kind, data)}); a.Accepted > 0 {
				t.Errorf("accepted %x", data)
			}
		})
		if len(data)%64 != 0 {
			return
		}
		if w1.Full() { // of own rows; the seeds are genuine until they are applied
			w1, seeds = fuzzRoom(t)
			apply(t, w1, seeds...)
		}
		goesOn(t, w1)
	})
}

// goesOn has a replica write, save and load.
func goesOn(t testing.TB, r *Roster) (chunk []byte) {
	t.Helper()
	status := []events.Status{events.StatusBusy, events.StatusAvailable}[r.Changes()%2]
	if chunk = write(t, r, status); chunk == nil {
		t.Error("nothing written")
	}
	wantSound(t, r)
	return chunk
}

// wantSound saves and loads the document and compares heads and every row.
func wantSound(t testing.TB, r *Roster) {
	t.Helper()
	d := r.present.document
	if err := d.check(r.present.history.heads()); err != nil {
		t.Fatal(err)
	}
	loaded, err := automerge.Load(d.doc.Save())
	if err != nil {
		t.Fatal(err)
	}
	for seat, state := range r.present.seats {
		for kind, want := range map[string]string{kindStatic: state.row.Signed.Static, kindDynamic: state.row.Signed.Dynamic} {
			if got, err := automerge.As[string](loaded.RootMap().Get(rowKey(seat, kind))); err != nil || got != want {
				t.Fatalf("%s/%s reads %.40q after loading, want %.40q: %v", seat, kind, got, want, err)
			}
		}
	}
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
