// Package embedded runs a NATS server in this process: in operator mode, with
// three accounts (ROOMS for peers, without JetStream; CTRL for the hub's store;
// SYS for connection events) and one signing key per role, whose scope holds the
// subject permissions. No code sits in the connect path: a user JWT says it all.
//
// It is the only importer of nats-server and knows no rules of rooms.
package embedded
