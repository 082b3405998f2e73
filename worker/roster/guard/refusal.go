package guard

import "fmt"

// A Reason names why a chunk was refused, from a small fixed set.
type Reason string

const (
	TooLarge     Reason = "chunk_too_large"     // more than events.MaxChange bytes
	NotAChunk    Reason = "chunk_magic"         // no automerge chunk: a sync message, or noise
	WrongType    Reason = "chunk_type"          // a document, a compressed change, or an unknown type
	Checksum     Reason = "chunk_checksum"      //
	Malformed    Reason = "chunk_malformed"     // ends too early, has bytes left over, or contradicts itself
	OutOfBounds  Reason = "chunk_bounds"        // a number outside its bounds
	NotPlain     Reason = "chunk_not_plain"     // more than setting strings of the root map at time zero
	KeyTwice     Reason = "chunk_key_twice"     //
	NotCanonical Reason = "chunk_not_canonical" // says the same in other bytes than automerge's
)

// A Refusal is a refused chunk. Detail is for the log.
type Refusal struct {
	Reason Reason
	Detail string
}

func (r *Refusal) Error() string { return "guard: " + string(r.Reason) + ": " + r.Detail }

func refuse(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{reason, fmt.Sprintf(format, args...)}
}
