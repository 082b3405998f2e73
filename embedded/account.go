package embedded

import (
	"fmt"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// An Account is one of the three worlds inside the server; a message of one never
// reaches another.
type Account int

const (
	Rooms   Account = iota // peers and the service that answers them; no JetStream
	Control                // the hub's store
	System                 // connection events
)

func (a Account) String() string { return [...]string{"ROOMS", "CTRL", "SYS"}[a] }

func (a Account) file() string { return [...]string{"rooms", "control", "system"}[a] }

// AccountPublic is the public key that names an account in subjects of $SYS.
func (k *Keys) AccountPublic(a Account) string { return public(k.accounts[a]) }

// claims describes an account as the server is to see it.
func (k *Keys) claims(a Account) *jwt.AccountClaims {
	c := jwt.NewAccountClaims(k.AccountPublic(a))
	c.Name = a.String()
	switch a {
	case Rooms:
		k.describeRooms(c)
	case Control:
		// JetStream is switched on by limits in the account's JWT, not by options.
		c.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
	case System:
	}
	return c
}

// describeRooms says whose JWTs the account of peers takes: of the present role keys
// and, in a rotation's grace, of the former ones, but none of refused keys.
func (k *Keys) describeRooms(c *jwt.AccountClaims) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, keys := range []map[events.Role]nkeys.KeyPair{k.roles, k.former} {
		for role, key := range keys {
			c.SigningKeys.AddScopedSigner(scope(role, public(key)))
		}
	}
	for key, since := range k.refused {
		c.RevokeAt(key, since)
	}
}

func (k *Keys) accountJWT(a Account) (string, error) {
	text, err := k.claims(a).Encode(k.operator)
	if err != nil {
		return "", fmt.Errorf("encode account %s: %w", a, err)
	}
	return text, nil
}

// trust is what makes a server ours: the operator and its accounts.
func (k *Keys) trust(o *server.Options) error {
	claims := jwt.NewOperatorClaims(public(k.operator))
	claims.Name = "moothall"
	claims.SystemAccount = k.AccountPublic(System)
	text, err := claims.Encode(k.operator)
	if err != nil {
		return fmt.Errorf("encode operator: %w", err)
	}
	operator, err := jwt.DecodeOperatorClaims(text)
	if err != nil {
		return fmt.Errorf("decode operator: %w", err)
	}
	accounts := &server.MemAccResolver{}
	for _, a := range []Account{Rooms, Control, System} {
		text, err := k.accountJWT(a)
		if err != nil {
			return err
		}
		if err := accounts.Store(k.AccountPublic(a), text); err != nil {
			return fmt.Errorf("store account %s: %w", a, err)
		}
	}
	o.TrustedOperators = []*jwt.OperatorClaims{operator}
	o.SystemAccount = k.AccountPublic(System)
	o.AccountResolver = accounts
	return nil
}

// Bounds of one peer's connection.
const (
	maxSubscriptions = 64
	// answerWithin is how long a peer may take to answer a request: the server
	// refuses a later answer, and the asker then only sees silence.
	answerWithin = 10e9 // nanoseconds
)

// scope is what a role may do. The server fills in the room and the peer's own
// name from the user JWT, so a peer publishes only under its own name.
func scope(role events.Role, signer string) *jwt.UserScope {
	const room, me = "{{tag(room)}}", "{{name()}}"
	s := jwt.NewUserScope()
	s.Key, s.Role = signer, string(role)
	pub, sub := &s.Template.Pub.Allow, &s.Template.Sub.Allow
	sub.Add(events.EventSubject(room, ">"), events.InboxPrefix(room, me)+".>")
	switch role {
	case events.RoleWorker:
		pub.Add(events.ServiceSubject(room, events.Any, me), events.SignalSubject(room, events.Any, me),
			events.RosterSubject(room, me), events.JobSubject(room, me))
		sub.Add(events.SignalSubject(room, me, events.Any), events.QuerySubject(room, me, events.Any),
			events.WorkSubject(room, me, events.Any))
		s.Template.Resp = &jwt.ResponsePermission{MaxMsgs: 1, Expires: answerWithin}
	case events.RoleClient:
		pub.Add(events.ServiceSubject(room, events.VerbInfo, me), events.SignalSubject(room, events.Any, me),
			events.QuerySubject(room, events.Any, me), events.WorkSubject(room, events.Any, me))
		sub.Add(events.SignalSubject(room, me, events.Any), events.RosterSubject(room, events.Any), events.JobSubject(room, events.Any))
	case events.RoleViewer:
		pub.Add(events.ServiceSubject(room, events.VerbInfo, me))
		sub.Add(events.RosterSubject(room, events.Any), events.JobSubject(room, events.Any))
	}
	s.Template.Limits.Subs = maxSubscriptions
	s.Template.Limits.Payload = events.MaxMessage
	return s
}
