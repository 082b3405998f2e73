package signaling

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

func TestToken_OnlyItsHashIsKept(t *testing.T) {
	tokens, err := OpenTokens(filepath.Join(t.TempDir(), "tokens"))
	must(t, err)
	now := time.Now()
	text, info, err := tokens.New(TokenRequest{Room: testRoom, Role: events.RoleWorker}, now)
	must(t, err)
	if !regexp.MustCompile(`^moot_[A-Za-z0-9_.:/=-]{40,}$`).MatchString(text) {
		t.Fatalf("token %q is not fit for an environment file", text)
	}
	data, err := os.ReadFile(tokens.path(info.ID))
	must(t, err)
	secret := text[strings.LastIndexByte(text, '_')+1:]
	if strings.Contains(string(data), secret) || !strings.Contains(string(data), hashToken(text)) {
		t.Fatalf("the file holds %s", data)
	}
	if s, err := os.Stat(tokens.path(info.ID)); err != nil || s.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", s.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(tokens.dir, ".new-*")); len(left) != 0 {
		t.Fatalf("left behind: %v", left)
	}
	got, err := tokens.Check(text, now.Add(DefaultTokenTTL-time.Second))
	if err != nil || got.Room != testRoom || got.Role != events.RoleWorker {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestToken_SecretOfAnotherIsRefused(t *testing.T) {
	tokens, err := OpenTokens(t.TempDir())
	must(t, err)
	now := time.Now()
	a, _, err := tokens.New(TokenRequest{Room: testRoom, Role: events.RoleWorker, ID: "a_b"}, now)
	must(t, err)
	b, _, err := tokens.New(TokenRequest{Room: testRoom, Role: events.RoleClient, ID: "c"}, now)
	must(t, err)
	_, err = tokens.Check("moot_a_b_"+b[strings.LastIndexByte(b, '_')+1:], now)
	wantCode(t, err, events.CodeUnauthorized)
	if info, err := tokens.Check(a, now); err != nil || info.ID != "a_b" {
		t.Fatalf("%+v, %v", info, err)
	}
}

func TestToken_IDIsUsedOnce(t *testing.T) {
	tokens, err := OpenTokens(t.TempDir())
	must(t, err)
	q := TokenRequest{Room: testRoom, Role: events.RoleViewer, ID: "page"}
	first, _, err := tokens.New(q, time.Now())
	must(t, err)
	_, _, err = tokens.New(q, time.Now())
	wantCode(t, err, events.CodeUsage)
	if _, err := tokens.Check(first, time.Now()); err != nil {
		t.Fatalf("the first one suffered: %v", err)
	}
	list, err := tokens.List()
	if err != nil || len(list) != 1 || list[0].ID != "page" {
		t.Fatalf("%+v, %v", list, err)
	}
}

func TestToken_RequestsAreValidated(t *testing.T) {
	tokens, err := OpenTokens(t.TempDir())
	must(t, err)
	for name, q := range map[string]TokenRequest{
		"room": {Room: "*", Role: events.RoleWorker},
		"role": {Room: testRoom, Role: "admin"},
		"peer": {Room: testRoom, Role: events.RoleWorker, PeerID: ">"},
		"id":   {Room: testRoom, Role: events.RoleWorker, ID: "../x"},
		"life": {Room: testRoom, Role: events.RoleWorker, TTL: -1},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := tokens.New(q, time.Now())
			wantCode(t, err, events.CodeInvalid)
		})
	}
}

func FuzzToken_NoTextEscapesTheFolder(f *testing.F) {
	dir := f.TempDir()
	tokens, err := OpenTokens(filepath.Join(dir, "tokens"))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "moot_a_b", "moot_../keys/seat_x", "moot__", "moot_a_b_c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if id, ok := tokenID(text); ok && filepath.Dir(tokens.path(id)) != tokens.dir {
			t.Fatalf("%q leads to %s", text, tokens.path(id))
		}
		_, err := tokens.Check(text, time.Now())
		wantCode(t, err, events.CodeUnauthorized)
	})
}
