// Package events is the protocol: subjects, ids, wire messages, data-channel
// frames, certificates, filters, error codes and size bounds. Everything else
// is written in its words.
//
// The package is pure: no clock, no randomness, no I/O and no package of this
// module. All functions may be called from any goroutine.
package events

// ProtocolVersion is the version that every message carries in its field "v".
// A receiver refuses another major version and ignores fields it does not know.
const ProtocolVersion = 1
