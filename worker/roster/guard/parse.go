package guard

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"github.com/moothall/moothall/events"
)

var magic = []byte{0x85, 0x6f, 0x4a, 0x83}

const (
	checksumSize = 4
	typeDocument = 0
	typeChange   = 1
	typeDeflated = 2
	actionSet    = 1
	valueString  = 6 // low four bits of a value's metadata; the length is above
)

// The columns of a change that only sets strings of the root map, in their order.
var columnOrder = [...]uint64{
	0x15, // key
	0x34, // insert
	0x42, // action
	0x56, // type and length of the value
	0x57, // value
	0x70, // number of predecessors
	0x71, // actor of a predecessor
	0x73, // counter of a predecessor
}

// Parse reads one chunk, which it does not keep. Every error is a *Refusal.
func Parse(chunk []byte) (Change, error) {
	if len(chunk) > events.MaxChange {
		return Change{}, refuse(TooLarge, "%d bytes, at most %d allowed", len(chunk), events.MaxChange)
	}
	content, hash, refused := open(chunk)
	if refused != nil {
		return Change{}, refused
	}
	c, refused := parseContent(content)
	if refused != nil {
		return Change{}, refused
	}
	c.Hash = hash
	if !bytes.Equal(c.encode(), chunk) {
		return Change{}, refuse(NotCanonical, "%d bytes by actor %s", len(chunk), c.Actor)
	}
	return c, nil
}

// open checks the envelope of a change chunk and returns its content and hash.
func open(chunk []byte) ([]byte, Hash, *Refusal) {
	r := &reader{rest: chunk}
	if !bytes.Equal(r.take(uint64(len(magic))), magic) {
		return nil, Hash{}, refuse(NotAChunk, "%d bytes without an automerge header", len(chunk))
	}
	checksum := r.take(checksumSize)
	hashed := r.rest
	kind := r.take(1)
	size := r.unsigned()
	if r.failed != nil {
		return nil, Hash{}, r.failed
	}
	if kind[0] != typeChange {
		return nil, Hash{}, refuse(WrongType, "%s", typeName(kind[0]))
	}
	if size != uint64(len(r.rest)) {
		return nil, Hash{}, refuse(Malformed, "chunk says %d bytes and has %d", size, len(r.rest))
	}
	hash := Hash(sha256.Sum256(hashed))
	if !bytes.Equal(checksum, hash[:checksumSize]) {
		return nil, Hash{}, refuse(Checksum, "%x, computed %x", checksum, hash[:checksumSize])
	}
	return r.rest, hash, nil
}

func typeName(kind byte) string {
	switch kind {
	case typeDocument:
		return "a document"
	case typeDeflated:
		return "a compressed change"
	}
	return "a chunk of unknown type"
}

func parseContent(content []byte) (Change, *Refusal) {
	r := &reader{rest: content}
	c := Change{Deps: parseDeps(r), Actor: r.actor(), Seq: r.counter("seq"), StartOp: r.counter("start op")}
	if r.signed() != 0 || r.unsigned() != 0 {
		r.fail(NotPlain, "change has a time or a message")
	}
	actors := append([]Actor{c.Actor}, parseOthers(r)...)
	columns := parseColumns(r)
	if len(r.rest) > 0 {
		r.fail(NotPlain, "%d extra bytes", len(r.rest))
	}
	if r.failed == nil {
		c.Ops = parseOps(r, columns, actors, c.StartOp)
	}
	return c, r.failed
}

func parseDeps(r *reader) []Hash {
	n := r.unsigned()
	if n < 1 || n > MaxDeps {
		r.fail(OutOfBounds, "%d dependencies", n)
		return nil
	}
	deps := make([]Hash, 0, n)
	for range n {
		h := r.hash()
		if k := len(deps); k > 0 && bytes.Compare(deps[k-1][:], h[:]) >= 0 {
			r.fail(NotCanonical, "dependencies are not sorted")
		}
		deps = append(deps, h)
	}
	return deps
}

// parseOthers reads the actors that the operations name besides the author.
func parseOthers(r *reader) []Actor {
	n := r.unsigned()
	if n > MaxOps {
		r.fail(OutOfBounds, "%d other actors", n)
		return nil
	}
	others := make([]Actor, 0, n)
	for range n {
		others = append(others, r.actor())
	}
	return others
}

// parseColumns reads the list of columns and the columns, in columnOrder.
func parseColumns(r *reader) [len(columnOrder)][]byte {
	var columns [len(columnOrder)][]byte
	var sizes [len(columnOrder)]uint64
	for range r.unsigned() {
		spec, size := r.unsigned(), r.unsigned()
		i := slices.Index(columnOrder[:], spec)
		if i < 0 {
			r.fail(NotPlain, "column 0x%x", spec)
			return columns
		}
		if sizes[i] != 0 || size == 0 {
			r.fail(NotCanonical, "column 0x%x repeated or empty", spec)
			return columns
		}
		sizes[i] = size
	}
	for i, size := range sizes {
		columns[i] = r.take(size)
	}
	return columns
}
