package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nkeys"
)

// Keys are the secrets of a hub: the operator, the three accounts, a signing key
// for each role, and the seat keys that sign certificates. They are the same for
// all hubs of one house. Only the role keys change, by Rotate. Safe for concurrent use.
type Keys struct {
	dir      string
	operator nkeys.KeyPair
	accounts map[Account]nkeys.KeyPair
	seat     nkeys.KeyPair
	seats    []string

	mu      sync.RWMutex // guards the rest
	roles   map[events.Role]nkeys.KeyPair
	former  map[events.Role]nkeys.KeyPair // accepted until then, nil if none
	rotated Rotation
	refused map[string]time.Time // user keys, whose JWTs of then or before are refused
}

var roles = []events.Role{events.RoleWorker, events.RoleClient, events.RoleViewer}

// OpenKeys loads the keys in dir and creates those that are missing. The folder
// is made with mode 0700, each file with 0600. It fails on a damaged file rather
// than replace it.
func OpenKeys(dir string) (*Keys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("key folder: %w", err)
	}
	unlock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	o := opener{dir: dir}
	k := &Keys{
		dir:      dir,
		operator: o.open("operator", nkeys.PrefixByteOperator),
		accounts: map[Account]nkeys.KeyPair{},
		seat:     o.open("seat", nkeys.PrefixByteAccount),
	}
	for _, a := range []Account{Rooms, Control, System} {
		k.accounts[a] = o.open("account-"+a.file(), nkeys.PrefixByteAccount)
	}
	next := o.open("seat-next", nkeys.PrefixByteAccount)
	if o.err != nil {
		return nil, o.err
	}
	k.seats = []string{public(k.seat), public(next)}
	former := filepath.Join(dir, "seat-former.nk")
	if _, err := os.Stat(former); err == nil {
		k.seats = append(k.seats, public(o.open("seat-former", nkeys.PrefixByteAccount)))
	}
	k.openRoles(&o)
	return k, o.err
}

// opener remembers the first failure, so that callers check once.
type opener struct {
	dir string
	err error
}

func (o *opener) open(name string, kind nkeys.PrefixByte) nkeys.KeyPair {
	if o.err != nil {
		return nil
	}
	var k nkeys.KeyPair
	k, o.err = openSeed(o.path(name), kind)
	return k
}

func (o *opener) path(name string) string { return filepath.Join(o.dir, name+".nk") }

// Seat is the key that signs seat and member certificates now.
func (k *Keys) Seat() nkeys.KeyPair { return k.seat }

// SeatPublic lists the public halves that certificates may be signed with: the
// current key, the next one and, while the house remembers it, the former.
func (k *Keys) SeatPublic() []string { return append([]string(nil), k.seats...) }

// public is the public half of a key of ours, which always has one.
func public(k nkeys.KeyPair) string {
	p, err := k.PublicKey()
	if err != nil {
		panic("embedded: key without a public half: " + err.Error())
	}
	return p
}
