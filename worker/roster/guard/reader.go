package guard

import (
	"encoding/binary"
	"unicode/utf8"
)

// A reader takes values off the front of bytes. The first failure sticks and
// everything read after it is zero, so callers check once.
type reader struct {
	rest   []byte
	failed *Refusal
}

func (r *reader) fail(reason Reason, format string, args ...any) {
	if r.failed == nil {
		r.failed = refuse(reason, format, args...)
	}
	r.rest = nil
}

// take returns the next n bytes, which are a part of the input.
func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.fail(Malformed, "%d bytes wanted, %d left", n, len(r.rest))
		return nil
	}
	head := r.rest[:n:n]
	r.rest = r.rest[n:]
	return head
}

// unsigned reads an unsigned LEB128 number.
func (r *reader) unsigned() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail(Malformed, "number ends too early or is too long")
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// counter reads a number from 1 to MaxCounter.
func (r *reader) counter(what string) uint64 {
	v := r.unsigned()
	if v < 1 || v > MaxCounter {
		r.fail(OutOfBounds, "%s is %d", what, v)
	}
	return v
}

// signed reads a signed LEB128 number of at most 63 bits.
func (r *reader) signed() int64 {
	var v int64
	for i, b := range r.rest {
		shift := 7 * i
		if shift >= 63 {
			break
		}
		v |= int64(b&0x7f) << shift
		if b < 0x80 {
			r.rest = r.rest[i+1:]
			unused := 64 - (shift + 7)
			return v << unused >> unused
		}
	}
	r.fail(Malformed, "signed number ends too early or is too long")
	return 0
}

// text reads a string with its length in front.
func (r *reader) text() string { return r.utf8(r.unsigned()) }

// utf8 reads a string of n bytes.
func (r *reader) utf8(n uint64) string {
	b := r.take(n)
	if !utf8.Valid(b) {
		r.fail(NotPlain, "string is not UTF-8")
		return ""
	}
	return string(b)
}

func (r *reader) actor() Actor {
	n := r.unsigned()
	if n != uint64(len(Actor{})) {
		r.fail(OutOfBounds, "actor of %d bytes", n)
		return Actor{}
	}
	b := r.take(n)
	if b == nil {
		return Actor{}
	}
	return Actor(b)
}

func (r *reader) hash() Hash {
	b := r.take(uint64(len(Hash{})))
	if b == nil {
		return Hash{}
	}
	return Hash(b)
}

// runs reads a run-length encoded column to its end: at most MaxOps values, none
// of them null.
func runs[T any](r *reader, read func(*reader) T) []T {
	var values []T
	for len(r.rest) > 0 {
		switch n := r.signed(); {
		case n > 0 && n <= MaxOps:
			v := read(r)
			for range n {
				values = append(values, v)
			}
		case n < 0 && n >= -MaxOps:
			for range -n {
				values = append(values, read(r))
			}
		case r.failed == nil:
			r.fail(NotPlain, "run of %d", n)
		}
		if len(values) > MaxOps {
			r.fail(NotPlain, "more than %d operations", MaxOps)
		}
	}
	return values
}
