// Package guard reads automerge change chunks of strangers without automerge,
// which ends the whole process on crafted bytes.
//
// It knows exactly the changes that a worker's row needs: one uncompressed change
// chunk of at most events.MaxChange bytes that sets one or two string scalars of
// the root map, each key once, at time zero, without message and extra bytes.
// Parse takes such a chunk apart completely, encodes what it understood again and
// accepts it only if the bytes are the same, so nothing in an accepted chunk is
// left uninterpreted. The format is described at
// https://automerge.org/automerge-binary-format-spec/.
//
// The package is pure; all functions may be called from any goroutine.
package guard
