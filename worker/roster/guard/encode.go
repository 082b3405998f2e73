package guard

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// Encode writes the change as automerge does and returns its chunk and hash. The
// change must be one that Parse could return: bounds are not checked here.
func (c Change) Encode() ([]byte, Hash) {
	chunk := c.encode()
	return chunk, sha256.Sum256(chunk[len(magic)+checksumSize:])
}

func (c Change) encode() []byte {
	content := c.content()
	chunk := make([]byte, 0, len(content)+len(magic)+checksumSize+1+binary.MaxVarintLen32)
	chunk = append(chunk, magic...)
	chunk = append(chunk, make([]byte, checksumSize)...)
	chunk = append(chunk, typeChange)
	chunk = binary.AppendUvarint(chunk, uint64(len(content)))
	chunk = append(chunk, content...)
	hash := sha256.Sum256(chunk[len(magic)+checksumSize:])
	copy(chunk[len(magic):], hash[:checksumSize])
	return chunk
}

func (c Change) content() []byte {
	b := binary.AppendUvarint(nil, uint64(len(c.Deps)))
	for _, d := range c.Deps {
		b = append(b, d[:]...)
	}
	b = appendActor(b, c.Actor)
	b = binary.AppendUvarint(b, c.Seq)
	b = binary.AppendUvarint(b, c.StartOp)
	b = append(b, 0, 0) // time, length of the message
	others := c.others()
	b = binary.AppendUvarint(b, uint64(len(others)))
	for _, a := range others {
		b = appendActor(b, a)
	}
	return appendColumns(b, c.columns(others))
}

// others are the actors of predecessors besides the author, sorted.
func (c Change) others() []Actor {
	var others []Actor
	for _, op := range c.Ops {
		if p := op.Pred; p != (OpID{}) && p.Actor != c.Actor && !slices.Contains(others, p.Actor) {
			others = append(others, p.Actor)
		}
	}
	slices.SortFunc(others, func(a, b Actor) int { return bytes.Compare(a[:], b[:]) })
	return others
}

func (c Change) columns(others []Actor) [len(columnOrder)][]byte {
	var keys []string
	var actions, metas, groups, actors []uint64
	var deltas []int64
	var values []byte
	last := int64(0)
	for _, op := range c.Ops {
		keys = append(keys, op.Key)
		actions = append(actions, actionSet)
		metas = append(metas, uint64(len(op.Value))<<4|valueString)
		values = append(values, op.Value...)
		if op.Pred == (OpID{}) {
			groups = append(groups, 0)
			continue
		}
		groups = append(groups, 1)
		actors = append(actors, uint64(slices.Index(others, op.Pred.Actor)+1)) // 0 is the author
		deltas = append(deltas, int64(op.Pred.Counter)-last)
		last = int64(op.Pred.Counter)
	}
	return [...][]byte{
		appendRuns(keys, appendText),
		binary.AppendUvarint(nil, uint64(len(c.Ops))),
		appendRuns(actions, binary.AppendUvarint),
		appendRuns(metas, binary.AppendUvarint),
		values,
		appendRuns(groups, binary.AppendUvarint),
		appendRuns(actors, binary.AppendUvarint),
		appendRuns(deltas, appendSigned),
	}
}

// appendColumns writes the list of the columns that are not empty, and them.
func appendColumns(b []byte, columns [len(columnOrder)][]byte) []byte {
	n := uint64(0)
	for _, c := range columns {
		if len(c) > 0 {
			n++
		}
	}
	b = binary.AppendUvarint(b, n)
	for i, c := range columns {
		if len(c) > 0 {
			b = binary.AppendUvarint(b, columnOrder[i])
			b = binary.AppendUvarint(b, uint64(len(c)))
		}
	}
	for _, c := range columns {
		b = append(b, c...)
	}
	return b
}

// appendRuns run-length encodes at most MaxOps values: one or two literals, or
// one run of two.
func appendRuns[T comparable](values []T, put func([]byte, T) []byte) []byte {
	if len(values) == 0 {
		return nil
	}
	if len(values) == 2 && values[0] == values[1] {
		return put([]byte{2}, values[0])
	}
	b := appendSigned(nil, -int64(len(values)))
	for _, v := range values {
		b = put(b, v)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendActor(b []byte, a Actor) []byte {
	return append(binary.AppendUvarint(b, uint64(len(a))), a[:]...)
}

// appendSigned writes signed LEB128.
func appendSigned(b []byte, v int64) []byte {
	for {
		low := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && low&0x40 == 0) || (v == -1 && low&0x40 != 0) {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}
