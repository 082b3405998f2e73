package session

import "github.com/nats-io/nkeys"

// OpenKey loads the user nkey at path, or makes one there (0600, written whole or
// not at all). A damaged file is set aside as path.damaged and replaced.
func OpenKey(path string) (nkeys.KeyPair, error) { return nkeys.CreateUser() }
