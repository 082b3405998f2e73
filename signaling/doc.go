// Package signaling is the hub's service: who is a member of a room, who is its
// admin, in which term.
//
// Registry is the pure part: from a room's Record, a request, what this hub knows
// of the room by itself and a time it decides on the new Record, the reply and
// what to tell the room. Hub is the thin shell: it keeps records in a JetStream
// bucket by compare-and-set, answers on NATS and HTTP, watches connections and
// leases, and announces.
package signaling
