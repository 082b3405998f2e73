// Package client is a person's or program's way into a room: who is there, who is
// its admin, what happens, and running a job on one of its workers with files both
// ways.
//
// A client asks the room's admin, a worker that holds the roll, in one request; if
// the admin does not answer, it asks the hub over HTTP and says so. Jobs go over a
// WebRTC channel straight to the worker.
//
// The package needs no cgo and builds for every platform that Go supports. All
// methods of Client may be called from any goroutine. Every error is, or wraps, an
// *events.Error.
package client
