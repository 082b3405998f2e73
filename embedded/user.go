package embedded

import (
	"fmt"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// A User is a peer that is admitted to a room. NKey is its public user nkey: the
// JWT works with the pair of it only.
type User struct {
	Role       events.Role
	Room, Peer string
	Token      string // id of the token that admitted it, "" if none did
	NKey       string
	Expires    time.Time // the server closes the connection then
}

// MintUser writes the user's JWT, signed by its role's key. It refuses ids that
// are not valid, since a peer named "*" would expand to a wildcard permission.
func (k *Keys) MintUser(u User) (string, error) {
	if err := u.validate(); err != nil {
		return "", err
	}
	c := jwt.NewUserClaims(u.NKey)
	c.Name = u.Peer
	c.IssuerAccount = k.AccountPublic(Rooms)
	c.Expires = u.Expires.Unix()
	c.Tags.Add(tagRoom+u.Room, tagPeer+u.Peer)
	if u.Token != "" {
		c.Tags.Add(tagToken + u.Token)
	}
	c.SetScoped(true)
	text, err := c.Encode(k.role(u.Role))
	if err != nil {
		return "", fmt.Errorf("encode user: %w", err)
	}
	return text, nil
}

func (u User) validate() error {
	if !u.Role.Valid() {
		return events.Errorf(events.CodeInvalid, "role %q is not one of worker, client, viewer", u.Role)
	}
	if err := events.ValidID("room", u.Room); err != nil {
		return err
	}
	if err := events.ValidID("peer id", u.Peer); err != nil {
		return err
	}
	if !nkeys.IsValidPublicUserKey(u.NKey) {
		return events.Errorf(events.CodeInvalid, "%q is not a public user nkey", u.NKey)
	}
	if u.Token != "" {
		if err := events.ValidID("token id", u.Token); err != nil {
			return err
		}
	}
	if u.Expires.IsZero() {
		return events.Errorf(events.CodeInvalid, "a user without an end")
	}
	return nil
}

// role is the key that signs for a role now.
func (k *Keys) role(r events.Role) nkeys.KeyPair {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.roles[r]
}

// readUser decodes a JWT of MintUser and checks that the present keys signed it. It
// does not look at its end.
func (k *Keys) readUser(text string) (User, error) {
	c, err := jwt.DecodeUserClaims(text)
	if err != nil {
		return User{}, events.Errorf(events.CodeInvalid, "decode user JWT: %v", err)
	}
	for _, role := range roles {
		if c.Issuer == public(k.role(role)) {
			return User{Role: role, Room: tagged(c.Tags, tagRoom), Peer: c.Name, Token: tagged(c.Tags, tagToken), NKey: c.Subject, Expires: time.Unix(c.Expires, 0)}, nil
		}
	}
	return User{}, events.Errorf(events.CodeForbidden, "user JWT of another house")
}

// service makes the credentials of one of the hub's own connections. In ROOMS it
// may publish to inboxes and as the room's events and nowhere else, so that a
// request with a crafted reply subject gains nothing.
func (k *Keys) service(a Account) (nats.Option, error) {
	key, err := nkeys.CreateUser()
	if err != nil {
		return nil, fmt.Errorf("create service key: %w", err)
	}
	seed, err := key.Seed()
	if err != nil {
		return nil, fmt.Errorf("create service key: %w", err)
	}
	c := jwt.NewUserClaims(public(key))
	c.Name = "moothall"
	if a == Rooms {
		c.Pub.Allow.Add("_INBOX.>", events.EventSubject(events.Any, ">"))
		c.Sub.Allow.Add(events.ServiceSubject(events.Any, events.Any, events.Any), "$SRV.>", "_INBOX.>")
	}
	text, err := c.Encode(k.accounts[a])
	if err != nil {
		return nil, fmt.Errorf("encode service user: %w", err)
	}
	return nats.UserJWTAndSeed(text, string(seed)), nil
}
