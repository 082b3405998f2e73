// Package roster is the room's state: one automerge document per generation,
// in which every worker has a row that it alone writes and signs.
//
// A row is two scalars, w/<peer>/<incarnation>/s (what rarely changes) and
// w/<peer>/<incarnation>/d (what often does). Replicas exchange raw automerge
// change chunks. No byte of a peer reaches automerge unread: package guard
// parses each chunk completely, and Apply checks it against the change's own
// causal past, so that every replica decides alike in whatever order chunks
// arrive.
//
// A generation begins with a genesis: the hub's certificate of the founding
// admin's seat and the signed rows of the room, from which every replica builds
// the same first change itself.
//
// A Roster has one owner; its methods must not be called concurrently.
package roster
