package guard

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/moothall/moothall/events"
)

// Chunks that automerge made (core 0.5.0, through automerge-go).
var made = map[string]string{
	"two keys, one of them new": "856f4a83b12e68f0017a01bad6241e60417abcb43c831a78df88ab975d7acb25d2113110887f79ab259b4810aa00000000000000000000000000000a0103000001106d6f6f7468616c6c2067656e6573697308151134014202560257047003710273027e07772f612f312f7307772f612f312f640202010226533144317e00017f017f02",
	"values of two lengths":     "856f4a83ebc94ccb016301b12e68f089b5d798b32785d9271969967fd3e61b2b7dc7136ec56cbe9d54128410bb00000000000000000000000000000b0105000000061511340142025603570670027e07772f622f312f7307772f622f312f640202017e26465331444444310200",
	"two dependencies":          "856f4a83ca2d8b3d017e02b12e68f089b5d798b32785d9271969967fd3e61b2b7dc7136ec56cbe9d541284ebc94ccbe4b1c0daf750ede8cc839c37e3b59e682aa88b86a18f2f7169cd303d10aa00000000000000000000000000000a020700000008150934014202560257027002710273027f07772f612f312f64017f017f2644327f017f007f04",
	"predecessors going down":   "856f4a83987c6b14016901ca2d8b3da053117df912169437edb14f80f72a887c7fdad1f52d63a4916d70d110aa00000000000000000000000000000a030800000008151134014202560257047002710273037e07772f612f312f6407772f612f312f73020201022644334433020102007e077c",
}

func realChunk(t testing.TB, name string) []byte {
	t.Helper()
	b, err := hex.DecodeString(made[name])
	if err != nil || len(b) == 0 {
		t.Fatalf("%s: %v", name, err)
	}
	return b
}

// repair makes length and checksum right, as anybody can.
func repair(content []byte) []byte {
	hashed := append(binary.AppendUvarint([]byte{typeChange}, uint64(len(content))), content...)
	sum := sha256.Sum256(hashed)
	return slices.Concat(magic, sum[:checksumSize], hashed)
}

// contentOf is the inner part of a real chunk.
func contentOf(t testing.TB, name string) []byte {
	t.Helper()
	content, _, refused := open(realChunk(t, name))
	if refused != nil {
		t.Fatal(refused)
	}
	return content
}

func actorOf(first, last byte) Actor { return Actor{0: first, 15: last} }

func hashOf(t *testing.T, s string) Hash {
	t.Helper()
	h, err := ParseHash(s)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestParse_WhatAutomergeMakes(t *testing.T) {
	a, b, genesis := actorOf(0xaa, 0x0a), actorOf(0xbb, 0x0b), Actor([]byte("moothall genesis"))
	h0 := hashOf(t, "bad6241e60417abcb43c831a78df88ab975d7acb25d2113110887f79ab259b48")
	h1 := hashOf(t, "b12e68f089b5d798b32785d9271969967fd3e61b2b7dc7136ec56cbe9d541284")
	h2 := hashOf(t, "ebc94ccbe4b1c0daf750ede8cc839c37e3b59e682aa88b86a18f2f7169cd303d")
	h3 := hashOf(t, "ca2d8b3da053117df912169437edb14f80f72a887c7fdad1f52d63a4916d70d1")
	want := map[string]Change{
		"two keys, one of them new": {Actor: a, Seq: 1, StartOp: 3, Deps: []Hash{h0}, Hash: h1, Ops: []Op{
			{Key: "w/a/1/s", Value: "S1"}, {Key: "w/a/1/d", Value: "D1", Pred: OpID{2, genesis}}}},
		"values of two lengths": {Actor: b, Seq: 1, StartOp: 5, Deps: []Hash{h1}, Hash: h2, Ops: []Op{
			{Key: "w/b/1/s", Value: "S1"}, {Key: "w/b/1/d", Value: "DDD1"}}},
		"two dependencies": {Actor: a, Seq: 2, StartOp: 7, Deps: []Hash{h1, h2}, Hash: h3, Ops: []Op{
			{Key: "w/a/1/d", Value: "D2", Pred: OpID{4, a}}}},
		"predecessors going down": {Actor: a, Seq: 3, StartOp: 8, Deps: []Hash{h3}, Ops: []Op{
			{Key: "w/a/1/d", Value: "D3", Pred: OpID{7, a}}, {Key: "w/a/1/s", Value: "D3", Pred: OpID{3, a}}}},
	}
	for name, w := range want {
		t.Run(name, func(t *testing.T) {
			chunk := realChunk(t, name)
			got, err := Parse(chunk)
			if err != nil {
				t.Fatal(err)
			}
			if w.Hash == (Hash{}) {
				w.Hash = got.Hash
			}
			if d := cmp.Diff(w, got); d != "" {
				t.Errorf("change (-want +got): %s", d)
			}
			if got.MaxOp() != w.StartOp+uint64(len(w.Ops))-1 {
				t.Errorf("max op %d", got.MaxOp())
			}
			again, hash := got.Encode()
			if !bytes.Equal(again, chunk) || hash != got.Hash {
				t.Errorf("encoded again: %x, hash %s; want %x, %s", again, hash, chunk, got.Hash)
			}
		})
	}
}

func TestParse_DoesNotKeepOrChangeTheChunk(t *testing.T) {
	chunk := realChunk(t, "two keys, one of them new")
	before := bytes.Clone(chunk)
	c, err := Parse(chunk)
	if err != nil || !bytes.Equal(before, chunk) {
		t.Fatalf("chunk changed, or %v", err)
	}
	for i := range chunk {
		chunk[i] = 0
	}
	if again, _ := c.Encode(); !bytes.Equal(before, again) {
		t.Error("the change refers to the chunk")
	}
}

func TestParse_Refusals(t *testing.T) {
	chunk := realChunk(t, "two dependencies")
	inner := contentOf(t, "two dependencies")
	// The content by its parts, to put other ones in their place.
	const (
		afterDeps   = 1 + 2*32
		afterActor  = afterDeps + 17
		columnList  = afterActor + 5
		afterList   = columnList + 17
		listLength  = 8
		keyColumn   = "\x7f\x07w/a/1/d"
		afterKey    = afterList + len(keyColumn)
		lastColumns = "\x01\x7f\x01\x7f\x26D2\x7f\x01\x7f\x00\x7f\x04"
	)
	if string(inner[afterList:]) != keyColumn+lastColumns || inner[columnList] != listLength {
		t.Fatalf("the chunk is laid out otherwise: %q", inner[columnList:])
	}
	change := func(at int, with string) []byte {
		c := bytes.Clone(inner)
		copy(c[at:], with)
		return repair(c)
	}
	insert := func(at int, with string) []byte {
		return repair(slices.Concat(inner[:at], []byte(with), inner[at:]))
	}
	cases := []struct {
		name  string
		chunk []byte
		want  Reason
	}{
		{"empty", nil, NotAChunk},
		{"another magic", slices.Concat([]byte{0x42}, chunk[1:]), NotAChunk},
		{"the header alone", chunk[:8], Malformed},
		{"a document", slices.Concat(chunk[:8], []byte{0}, chunk[9:]), WrongType},
		{"a compressed change", slices.Concat(chunk[:8], []byte{2}, chunk[9:]), WrongType},
		{"an unknown type", slices.Concat(chunk[:8], []byte{7}, chunk[9:]), WrongType},
		{"cut off", chunk[:len(chunk)-1], Malformed},
		{"a byte after the end", slices.Concat(chunk, []byte{0}), Malformed},
		{"a checksum that does not fit", slices.Concat(chunk[:4], []byte{0, 0, 0, 0}, chunk[8:]), Checksum},
		{"a length in more bytes than needed", lengthen(chunk), NotCanonical},
		{"over the bound", make([]byte, events.MaxChange+1), TooLarge},
		{"no dependency", repair(slices.Concat([]byte{0}, inner[afterDeps:])), OutOfBounds},
		{"too many dependencies", repair(slices.Concat([]byte{MaxDeps + 1}, make([]byte, (MaxDeps+1)*32), inner[afterDeps:])), OutOfBounds},
		{"dependencies not sorted", repair(slices.Concat(inner[:1], inner[33:65], inner[1:33], inner[afterDeps:])), NotCanonical},
		{"a dependency twice", repair(slices.Concat(inner[:33], inner[1:33], inner[afterDeps:])), NotCanonical},
		{"a short actor", repair(slices.Concat(inner[:afterDeps], []byte{1, 0xaa}, inner[afterActor:])), OutOfBounds},
		{"seq 0", change(afterActor, "\x00"), OutOfBounds},
		{"a seq above the bound", repair(slices.Concat(inner[:afterActor], binary.AppendUvarint(nil, MaxCounter+1), inner[afterActor+1:])), OutOfBounds},
		{"a start op above the bound", repair(slices.Concat(inner[:afterActor+1], []byte("\xff\xff\xff\xff\x0f"), inner[afterActor+2:])), OutOfBounds},
		{"a number without end", repair(slices.Concat(inner[:afterActor], bytes.Repeat([]byte{0x80}, 20))), Malformed},
		{"a time", change(afterActor+2, "\x01"), NotPlain},
		{"a time in more bytes than needed", repair(slices.Concat(inner[:afterActor+2], []byte("\x80\x00"), inner[afterActor+3:])), NotCanonical},
		{"a message", repair(slices.Concat(inner[:afterActor+3], []byte("\x01x"), inner[afterActor+4:])), NotPlain},
		{"an actor that nothing names", repair(slices.Concat(inner[:afterActor+4], []byte("\x01\x10"), make([]byte, 16), inner[columnList:])), NotCanonical},
		{"too many actors", change(afterActor+4, "\x03"), OutOfBounds},
		{"a column of objects", change(columnList+1, "\x01"), NotPlain},
		{"a compressed column", change(columnList+1, "\x1d"), NotPlain},
		{"a column twice", change(columnList+3, "\x15"), NotCanonical},
		{"an empty column", change(columnList+2, "\x00"), NotCanonical},
		{"a column longer than the chunk", change(columnList+2, "\x7f"), Malformed},
		{"more columns than listed", change(columnList, "\x7f"), NotPlain},
		{"extra bytes", insert(len(inner), "x"), NotPlain},
		{"a run of a million keys", change(afterList, "\xc0"), NotPlain},
		{"a run of one where a literal stands", change(afterList, "\x01"), NotCanonical},
		{"null keys", change(afterList, "\x00"), NotPlain},
		{"a key that is not UTF-8", change(afterList+2, "\xff"), NotPlain},
		{"an empty key", repair(slices.Concat(inner[:columnList+2], []byte{2}, inner[columnList+3:afterList], []byte("\x7f\x00"), inner[afterKey:])), NotPlain},
		{"a key longer than its column", change(afterList+1, "\x7e"), Malformed},
		{"an insertion into a list", change(afterKey, "\x00"), NotPlain},
		{"two insertions for one key", change(afterKey, "\x02"), NotPlain},
		{"a deletion", change(afterKey+2, "\x03"), NotPlain},
		{"a new map", change(afterKey+2, "\x00"), NotPlain},
		{"a run of two actions", change(afterKey+1, "\x02"), Malformed},
		{"a value of bytes", change(afterKey+4, "\x27"), NotPlain},
		{"a value that ends too early", change(afterKey+4, "\x16"), Malformed},
		{"a value longer than its column", change(afterKey+4, "\x36"), Malformed},
		{"a value that is not UTF-8", change(afterKey+5, "\xff"), NotPlain},
		{"two predecessors", change(afterKey+8, "\x02"), NotPlain},
		{"no predecessor, but one listed", change(afterKey+8, "\x00"), Malformed},
		{"a predecessor of an unknown actor", change(afterKey+10, "\x01"), OutOfBounds},
		{"a predecessor that comes later", change(afterKey+12, "\x07"), OutOfBounds},
		{"a predecessor below zero", change(afterKey+12, "\x40"), OutOfBounds},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.chunk)
			var refused *Refusal
			if !errors.As(err, &refused) || refused.Reason != c.want {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
}

// lengthen writes the chunk's length in one byte more than needed.
func lengthen(chunk []byte) []byte {
	_, n := binary.Uvarint(chunk[9:])
	length := bytes.Clone(chunk[9 : 9+n])
	length[n-1] |= 0x80
	hashed := slices.Concat(chunk[8:9], length, []byte{0}, chunk[9+n:])
	sum := sha256.Sum256(hashed)
	return slices.Concat(magic, sum[:checksumSize], hashed)
}

// drawChange draws any change that the guard allows.
func drawChange(rt *rapid.T) Change {
	actors := []Actor{actorOf(1, 1), actorOf(2, 2), actorOf(3, 3)}
	c := Change{
		Actor:   rapid.SampledFrom(actors).Draw(rt, "actor"),
		Seq:     rapid.Uint64Range(1, MaxCounter).Draw(rt, "seq"),
		StartOp: rapid.Uint64Range(2, MaxCounter).Draw(rt, "start op"),
	}
	for i := range rapid.IntRange(1, MaxDeps).Draw(rt, "deps") {
		c.Deps = append(c.Deps, Hash{0: byte(i), 31: rapid.Byte().Draw(rt, "hash")})
	}
	for _, key := range rapid.SliceOfNDistinct(rapid.StringN(1, 40, 80), 1, MaxOps, rapid.ID).Draw(rt, "keys") {
		op := Op{Key: key, Value: rapid.StringN(0, 200, 400).Draw(rt, "value")}
		if rapid.Bool().Draw(rt, "replaces") {
			op.Pred = OpID{rapid.Uint64Range(1, c.StartOp-1).Draw(rt, "counter"), rapid.SampledFrom(actors).Draw(rt, "of")}
		}
		c.Ops = append(c.Ops, op)
	}
	return c
}

func TestEncode_ParseGivesTheSameChange(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := drawChange(rt)
		chunk, hash := c.Encode()
		c.Hash = hash
		got, err := Parse(chunk)
		if err != nil {
			rt.Fatal(err)
		}
		if d := cmp.Diff(c, got); d != "" {
			rt.Fatalf("change (-want +got): %s", d)
		}
	})
}

func TestParseHash(t *testing.T) {
	text := strings.Repeat("0f", 32)
	if h, err := ParseHash(text); err != nil || h.String() != text {
		t.Errorf("hash %s, %v", h, err)
	}
	for _, bad := range []string{"", "0f", text + "00", strings.Repeat("xy", 32)} {
		if _, err := ParseHash(bad); err == nil {
			t.Errorf("%q is no hash", bad)
		}
	}
}

// FuzzParse feeds any content under a right checksum: no panic, and what is
// accepted is within the bounds and encodes to the same bytes.
func FuzzParse(f *testing.F) {
	for name := range made {
		f.Add(contentOf(f, name))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		chunk := repair(content)
		c, err := Parse(chunk)
		if err != nil {
			return
		}
		if again, hash := c.Encode(); !bytes.Equal(again, chunk) || hash != c.Hash {
			t.Errorf("%x is encoded as %x", chunk, again)
		}
		if c.Seq < 1 || c.Seq > MaxCounter || c.StartOp < 1 || c.StartOp > MaxCounter ||
			len(c.Deps) < 1 || len(c.Deps) > MaxDeps || len(c.Ops) < 1 || len(c.Ops) > MaxOps {
			t.Errorf("out of bounds: %+v", c)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	chunk := realChunk(b, "two keys, one of them new")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(chunk); err != nil {
			b.Fatal(err)
		}
	}
}
