package embedded

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nkeys"
)

func openKeys(t testing.TB, dir string) *Keys {
	t.Helper()
	k, err := OpenKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newUser(t testing.TB) (nkeys.KeyPair, string) {
	t.Helper()
	k, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	return k, public(k)
}

func TestKeys_AreTheSameAfterARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	first, second := openKeys(t, dir), openKeys(t, dir)
	for _, a := range []Account{Rooms, Control, System} {
		if first.AccountPublic(a) != second.AccountPublic(a) {
			t.Errorf("account %s changed", a)
		}
	}
	if !slices.Equal(first.SeatPublic(), second.SeatPublic()) || public(first.Seat()) != first.SeatPublic()[0] {
		t.Errorf("seat keys %v, then %v", first.SeatPublic(), second.SeatPublic())
	}
	_, nkey := newUser(t)
	u := User{Role: events.RoleWorker, Room: "lab", Peer: "w", Token: "red-fox", NKey: nkey, Expires: time.Now().Add(time.Hour).Truncate(time.Second)}
	text, err := first.MintUser(u)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := second.readUser(text); err != nil || got != u {
		t.Errorf("%+v, %v; want %+v", got, err, u)
	}
	if _, err := openKeys(t, t.TempDir()).readUser(text); events.CodeOf(err) != events.CodeForbidden {
		t.Errorf("another house reads our users: %v", err)
	}
}

func TestKeys_FilesAreForTheirOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	openKeys(t, dir)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 10 {
		t.Fatalf("%d files, %v", len(entries), err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", e.Name(), info.Mode(), err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v", info.Mode(), err)
	}
}

func TestKeys_DamagedFileIsNeverReplaced(t *testing.T) {
	for name, text := range map[string]string{"operator.nk": "x", "seat.nk": "", "role-worker.nk": "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"} {
		dir := t.TempDir()
		openKeys(t, dir)
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenKeys(dir); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if now, _ := os.ReadFile(path); string(now) != text {
			t.Errorf("%s was replaced", name)
		}
	}
}

func TestKeys_FormerSeatKeyIsStillListed(t *testing.T) {
	dir := t.TempDir()
	former := openKeys(t, dir).SeatPublic()[0]
	for _, move := range [][2]string{{"seat.nk", "seat-former.nk"}, {"seat-next.nk", "seat.nk"}} {
		if err := os.Rename(filepath.Join(dir, move[0]), filepath.Join(dir, move[1])); err != nil {
			t.Fatal(err)
		}
	}
	if got := openKeys(t, dir).SeatPublic(); len(got) != 3 || got[2] != former {
		t.Errorf("%v, want the former %s last", got, former)
	}
}

func TestMintUser_RefusesWhatWouldExpandToAWildcard(t *testing.T) {
	k := openKeys(t, t.TempDir())
	_, nkey := newUser(t)
	good := User{Role: events.RoleWorker, Room: "lab", Peer: "w", NKey: nkey, Expires: time.Now().Add(time.Hour)}
	for name, change := range map[string]func(*User){
		"peer *":    func(u *User) { u.Peer = "*" },
		"peer >":    func(u *User) { u.Peer = ">" },
		"peer dot":  func(u *User) { u.Peer = "a.b" },
		"upper":     func(u *User) { u.Room = "Lab" },
		"room":      func(u *User) { u.Room = "" },
		"role":      func(u *User) { u.Role = "admin" },
		"token":     func(u *User) { u.Token = "Red Fox" },
		"key":       func(u *User) { u.NKey = k.AccountPublic(Rooms) },
		"no expiry": func(u *User) { u.Expires = time.Time{} },
	} {
		u := good
		change(&u)
		if text, err := k.MintUser(u); events.CodeOf(err) != events.CodeInvalid || text != "" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

func TestCreds_AreReadBack(t *testing.T) {
	k := openKeys(t, t.TempDir())
	key, nkey := newUser(t)
	u := User{Role: events.RoleViewer, Room: "lab", Peer: "v", NKey: nkey, Expires: time.Unix(4102444800, 0)}
	file, err := k.MintCreds(u, key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.ReadCreds(append([]byte("# a header\n"), file...)); err != nil || got != u {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := k.ReadCreds([]byte("x")); events.CodeOf(err) != events.CodeInvalid {
		t.Error(err)
	}
}
