package embedded

import (
	"fmt"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// MintCreds writes a credentials file for stock NATS tools: the user's JWT and its
// key, the pair of u.NKey.
func (k *Keys) MintCreds(u User, key nkeys.KeyPair) ([]byte, error) {
	text, err := k.MintUser(u)
	if err != nil {
		return nil, err
	}
	return FormatCreds(text, key)
}

// FormatCreds is a credentials file of a JWT that a hub has signed and the key that it is
// for.
func FormatCreds(text string, key nkeys.KeyPair) ([]byte, error) {
	seed, err := key.Seed()
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	return jwt.FormatUserConfig(text, seed)
}

// ReadCreds is the user of a credentials file, if these keys signed it. It does not
// look at its end.
func (k *Keys) ReadCreds(file []byte) (User, error) {
	text, err := jwt.ParseDecoratedJWT(file)
	if err != nil {
		return User{}, events.Errorf(events.CodeInvalid, "read credentials: %v", err)
	}
	return k.readUser(text)
}
