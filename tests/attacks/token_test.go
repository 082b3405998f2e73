package attacks

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// badNames are no ids: patterns, more than one word, look-alikes, and what is too long.
var badNames = []string{
	"*", ">", "a.b", "heron.x", "heron.>", ".", "-a", "_a", "Heron", "HERON", strings.Repeat("a", 64), strings.Repeat("a", 4096),
	"hеron" /* Cyrillic е */, "ｈeron", "heron\u200d", "héron", "ⅰ", "ſ", "heron ", " heron", "heron\n", "he\x00ron", "heron/..", "../heron", "{{name()}}", "room:lab",
}

func TestID_ThatIsNoIDIsNobodys(t *testing.T) {
	t.Parallel()
	s := hall.visit(t)
	for _, role := range []events.Role{events.RoleWorker, events.RoleClient, events.RoleViewer} {
		good := token(t, s, lab, role)
		_, public := newKey(t)
		for _, name := range badNames {
			_, status := knock(t, s, lab, events.JoinRequest{Token: good, NKey: public, PeerID: name})
			all.attack(t, status != http.StatusBadRequest, "%s %q joins: %d", role, name, status)
		}
	}
	_, public := newKey(t)
	good := token(t, s, lab, events.RoleWorker)
	for _, room := range []string{"*", "%3E", "lab.x", "LAB", "l%C3%A0b", strings.Repeat("a", 64), "lab%2F..%2Fattic", "%00"} {
		_, status := knock(t, s, room, events.JoinRequest{Token: good, NKey: public})
		all.attack(t, status == http.StatusOK, "a worker joins room %q", room)
	}
	for _, args := range [][]string{{"--id", "*"}, {"--id", "a.b"}, {"--id", "Heron"}, {"--id", strings.Repeat("a", 64)}, {"--room", "*"}, {"--room", "a.b"}, {"--role", "admin"}, {"--role", "*"}} {
		made, err := operator(t, s, append([]string{"token", "new", "--room", lab, "--role", "worker"}, args...)...)
		all.attack(t, err == nil, "a token for %q: %s", args, made)
	}
	for _, key := range []string{"", "*", "U", strings.Repeat("U", 56), mustPublic(nkeys.CreateAccount()), mustPublic(nkeys.CreateOperator()), mustPublic(nkeys.CreateServer())} {
		_, status := knock(t, s, lab, events.JoinRequest{Token: good, NKey: key})
		all.attack(t, status == http.StatusOK, "a worker joins with the key %q", key)
	}
}

func mustPublic(k nkeys.KeyPair, err error) string {
	if err != nil {
		panic(err)
	}
	public, err := k.PublicKey()
	if err != nil {
		panic(err)
	}
	return public
}

func TestID_OfAnotherKeyIsRefused(t *testing.T) {
	t.Parallel()
	s := hall.visit(t)
	_, public := newKey(t)
	_, other := newKey(t)
	for _, role := range []events.Role{events.RoleWorker, events.RoleClient, events.RoleViewer} {
		good := token(t, s, lab, role)
		for _, name := range []string{"heron", "lynx", events.DerivedID(role, other), events.DerivedID(events.RoleWorker, other)} {
			_, status := knock(t, s, lab, events.JoinRequest{Token: good, NKey: public, PeerID: name})
			all.attack(t, status != http.StatusConflict, "another key joins as %s %s: %d", role, name, status)
		}
	}
}

func TestToken_ThatIsNotGoodOpensNothing(t *testing.T) {
	t.Parallel()
	s := hall.visit(t)
	_, public := newKey(t)
	for _, role := range []events.Role{events.RoleWorker, events.RoleClient, events.RoleViewer} {
		good, second := token(t, s, lab, role), token(t, s, lab, role)
		id, secret := good[:strings.LastIndexByte(good, '_')], second[strings.LastIndexByte(second, '_'):]
		for what, bad := range map[string]string{
			"expired": token(t, s, lab, role, "--ttl", "1ms"), "foreign room": token(t, s, attic, role), "none": "", "a word": "hunter2",
			"no secret": id, "empty secret": id + "_", "another's secret": id + secret, "a letter less": good[:len(good)-1], "a letter more": good + "a",
			"upper case": strings.ToUpper(good), "a path": "moot_../../keys_x", "long": "moot_" + strings.Repeat("a", 7<<10), "a list": good + "," + good, "NUL": good + "\x00",
		} {
			_, status := knock(t, s, lab, events.JoinRequest{Token: bad, NKey: public})
			all.attack(t, status == http.StatusOK, "a %s joins with a token that is %s", role, what)
			all.attack(t, discover(t, s, bad) == http.StatusOK, "a %s discovers with a token that is %s", role, what)
		}
	}
}

// A token of one id lets one key in, as that id.
func TestToken_OfAnIDFitsOneKeyAndOneName(t *testing.T) {
	t.Parallel()
	s := hall.visit(t)
	_, first := newKey(t)
	_, second := newKey(t)
	for _, role := range []events.Role{events.RoleWorker, events.RoleClient, events.RoleViewer} {
		name := "only-" + string(role)
		good := token(t, s, lab, role, "--id", name, "--peer", name)
		_, status := knock(t, s, lab, events.JoinRequest{Token: good, NKey: first, PeerID: "other"})
		all.attack(t, status == http.StatusOK, "the token of %s admits another name", name)
		if _, status := knock(t, s, lab, events.JoinRequest{Token: good, NKey: first}); status != http.StatusOK {
			t.Fatalf("the first key of %s: %d", name, status)
		}
		for _, asked := range []string{"", name, "other"} {
			_, status := knock(t, s, lab, events.JoinRequest{Token: good, NKey: second, PeerID: asked})
			all.attack(t, status == http.StatusOK, "the token of %s admits a second key", name)
		}
	}
}

// Credentials are good for their own key, while they last, and only if the hub made
// them.
func TestCredentials_OfAnotherAreOfNoUse(t *testing.T) {
	t.Parallel()
	s := hall.visit(t)
	m := admit(t, s, lab, events.RoleWorker, "credible")
	thief, thiefPublic := newKey(t)
	try := func(what, jwt string, key nkeys.KeyPair) {
		t.Helper()
		w := dialWire(t, natsAddress(s))
		all.attack(t, w.greet(jwt, key), "%s", what)
		w.conn.Close()
	}
	try("a JWT with another key", m.jwt, thief)
	try("a JWT without a signature", m.jwt, nil)
	try("no JWT but a signature", "", m.key)
	try("half a JWT", m.jwt[:len(m.jwt)/2], m.key)
	parts := strings.Split(m.jwt, ".")
	try("a JWT without its signature", parts[0]+"."+parts[1]+".", m.key)
	try("a JWT of the algorithm none", "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0."+parts[1]+".", m.key)

	claims, err := jwt.DecodeUserClaims(m.jwt)
	if err != nil {
		t.Fatal(err)
	}
	account, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	forge := func(change func(*jwt.UserClaims)) string {
		c := *claims
		c.Subject = thiefPublic
		change(&c)
		text, err := c.Encode(account)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	try("a JWT that somebody else's account signed", forge(func(*jwt.UserClaims) {}), thief)
	try("the same without an issuer", forge(func(c *jwt.UserClaims) { c.IssuerAccount = "" }), thief)
	try("the same with all permissions", forge(func(c *jwt.UserClaims) { c.UserPermissionLimits = jwt.UserPermissionLimits{} }), thief)

	// A signature belongs to one connection.
	first, second := dialWire(t, natsAddress(s)), dialWire(t, natsAddress(s))
	second.nonce = first.nonce
	all.attack(t, second.greet(m.jwt, m.key), "the signature of another connection")
}

func TestCredentials_EndWithTheirToken(t *testing.T) {
	t.Parallel()
	s := hall.visit(t)
	for _, role := range []events.Role{events.RoleWorker, events.RoleClient, events.RoleViewer} {
		m := admitWith(t, s, lab, role, "", token(t, s, lab, role, "--ttl", "3s"))
		all.attack(t, !m.ended(6*time.Second), "%s is connected after its end", m)
		w := dialWire(t, natsAddress(s))
		// Ends are whole seconds: in its last one the server lets it in and closes at once.
		all.attack(t, w.greet(m.jwt, m.key) && !w.ended(2*time.Second), "%s comes back after its end", m)
	}
}

func TestCredentials_RevokedInMidSession(t *testing.T) {
	t.Parallel()
	s := hall.visit(t)
	for _, role := range []events.Role{events.RoleWorker, events.RoleClient, events.RoleViewer} {
		id := "gone-" + string(role)
		good := token(t, s, lab, role, "--id", id)
		m := admitWith(t, s, lab, role, "", good)
		if _, err := operator(t, s, "token", "revoke", id); err != nil {
			t.Fatal(err)
		}
		all.attack(t, !m.ended(5*time.Second), "%s is connected 5 s after its token was revoked", m)
		w := dialWire(t, natsAddress(s))
		all.attack(t, w.greet(m.jwt, m.key), "%s comes back with revoked credentials", m)
		public, err := m.key.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		_, status := knock(t, s, lab, events.JoinRequest{Token: good, NKey: public})
		all.attack(t, status == http.StatusOK, "%s joins with a revoked token", m)
	}
}
