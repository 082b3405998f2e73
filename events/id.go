package events

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"regexp"
	"strings"
)

// A Role is what a join token lets its bearer be.
type Role string

const (
	RoleWorker Role = "worker"
	RoleClient Role = "client"
	RoleViewer Role = "viewer"
)

// Valid reports whether the role is one of the three.
func (r Role) Valid() bool { return r == RoleWorker || r == RoleClient || r == RoleViewer }

var idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// ValidID checks a room or peer id: lower-case letters, digits, "_" and "-", at
// most 63 characters, beginning with a letter or digit. It is checked where
// credentials are minted, because a peer named "*" would expand to a wildcard
// permission and JWT tags are lower-cased. kind ("room", "peer id") is for the
// message only.
func ValidID(kind, id string) error {
	if idPattern.MatchString(id) {
		return nil
	}
	return Errorf(CodeInvalid, "%s %q is not valid: use 1 to 63 of a-z, 0-9, \"_\" and \"-\", beginning with a letter or digit", kind, id)
}

const derivedLength = 26

var derivedPattern = regexp.MustCompile(`^(worker|client|viewer)-[a-z2-7]{26}$`)

// DerivedID is the default id of the holder of a public nkey: the role, "-" and
// the first 26 base32 characters (130 bits) of SHA-256 over the key's text.
// Such an id proves itself: whoever sees the key can compute it.
func DerivedID(role Role, nkey string) string {
	sum := sha256.Sum256([]byte(nkey))
	text := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]))
	return string(role) + "-" + text[:derivedLength]
}

// IsDerived reports whether id has the shape of a derived id.
func IsDerived(id string) bool { return derivedPattern.MatchString(id) }

// CheckDerived refuses an id that has the shape of a derived one and is not
// derived from nkey.
func CheckDerived(id, nkey string) error {
	if !IsDerived(id) {
		return nil
	}
	role, _, _ := strings.Cut(id, "-")
	if DerivedID(Role(role), nkey) == id {
		return nil
	}
	return Errorf(CodeNameTaken, "peer id %q belongs to another key", id)
}

// A Seat is one process of a peer in a room: a crash and a restart make another
// seat of the same peer.
type Seat struct {
	PeerID      string `json:"peer_id"`
	Incarnation uint64 `json:"incarnation"`
}

// IsZero reports whether there is no seat (a vacant admin's seat, say).
func (s Seat) IsZero() bool { return s == Seat{} }

func (s Seat) String() string { return fmt.Sprintf("%s#%d", s.PeerID, s.Incarnation) }
