package session

import (
	"encoding/hex"

	"github.com/moothall/moothall/events"
	"golang.org/x/crypto/argon2"
)

// Costs of a guess at a room secret, above the least that OWASP advises (19 MiB, twice)
// and still a tenth of a second at a start. Both sides of a link must have the same.
const (
	secretTime    = 2
	secretMemory  = 32 << 10 // KiB
	secretThreads = 1
	secretLength  = 32 // bytes
)

// hardened is the room secret as signatures are bound to it: whoever carries them, the
// hub, could otherwise try a word list against them.
func hardened(room string, secret events.Secret) events.Secret {
	if secret == "" {
		return ""
	}
	salt := "moothall room secret v2\n" + room
	key := argon2.IDKey([]byte(secret.Reveal()), []byte(salt), secretTime, secretMemory, secretThreads, secretLength)
	return events.Secret(hex.EncodeToString(key))
}
