package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/moothall/moothall/events"
)

func TestToken_MadeBesideARunningHubIsAcceptedAtOnce(t *testing.T) {
	data := t.TempDir()
	p := up(t, data)
	defer p.terminate()
	code, token, errs := call("token", "new", "--data", data, "--room", "lab", "--role", "client")
	if code != 0 || !strings.HasPrefix(token, "moot_") || strings.Contains(errs, strings.TrimSpace(token)) {
		t.Fatalf("exit code %d: %q\n%s", code, token, errs)
	}
	for bearer, want := range map[string]int{strings.TrimSpace(token): http.StatusOK, "moot_a_b": http.StatusUnauthorized} {
		req, err := http.NewRequest(http.MethodGet, p.url+"/discover-workers?room=lab", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+bearer)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%d, want %d: %s", resp.StatusCode, want, body)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestToken_ListShowsNoSecret(t *testing.T) {
	data := t.TempDir()
	if _, err := createData(data); err != nil {
		t.Fatal(err)
	}
	_, made, _ := call("token", "new", "--data", data, "--room", "lab", "--role", "viewer", "--id", "page", "--peer", "screen", "--ttl", "1ns", "--json")
	var one tokenView
	if err := json.Unmarshal([]byte(made), &one); err != nil || one.Token == "" {
		t.Fatalf("%s: %v", made, err)
	}
	_, list, _ := call("token", "ls", "--data", data, "--json")
	var all struct{ Tokens []tokenView }
	if err := json.Unmarshal([]byte(list), &all); err != nil || len(all.Tokens) != 1 {
		t.Fatalf("%s: %v", list, err)
	}
	if v := all.Tokens[0]; v.ID != "page" || v.PeerID != "screen" || !v.Expired || v.Token != "" || strings.Contains(list, "sha256") {
		t.Fatalf("%s", list)
	}
	if code, text, _ := call("token", "ls", "--data", data); code != 0 || !strings.Contains(text, "page  lab   viewer  screen  ") {
		t.Fatalf("exit code %d\n%s", code, text)
	}
}

func TestToken_WrongCommandLinesAreUsage(t *testing.T) {
	for _, args := range [][]string{
		{"token", "new"}, {"token", "new", "--room", "lab"}, {"token", "frob"}, {"frob"}, {"up", "x"}, {"--frob"},
		{"token", "new", "--room", "lab", "--role", "client", "--ttl", "0s"}, {"creds"},
	} {
		if code, _, errs := call(args...); code != 64 || !strings.Contains(errs, "--help") {
			t.Errorf("%v: exit code %d\n%s", args, code, errs)
		}
	}
}

func TestCreds_OpenTheRoomToStockTools(t *testing.T) {
	data := t.TempDir()
	p := up(t, data, "--dev")
	defer p.terminate()
	awaitFile(t, filepath.Join(data, viewerCreds))
	_, token, _ := call("token", "new", "--data", data, "--room", "lab", "--role", "viewer")
	code, made, errs := call("creds", "--data", data, "--token", strings.TrimSpace(token))
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, errs)
	}
	file := filepath.Join(t.TempDir(), "made.creds")
	if err := os.WriteFile(file, []byte(made), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, creds := range []string{file, filepath.Join(data, viewerCreds)} {
		text := awaitFile(t, creds)
		url := regexp.MustCompile(`nats://[0-9.:]+`).FindString(awaitFile(t, filepath.Join(data, viewerCreds)))
		inbox := regexp.MustCompile(`_INBOX\.lab\.viewer-\S+`).FindString(text)
		info := regexp.MustCompile(`room\.lab\.svc\.info\.viewer-\S+`).FindString(text)
		nc, err := nats.Connect(url, nats.UserCredentials(creds), nats.CustomInboxPrefix(inbox))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		m, err := nc.RequestWithContext(ctx, info, []byte("{}"))
		cancel()
		var room events.RoomInfo
		if err != nil || events.Decode(m.Data, &room) != nil || room.RoomID != "lab" {
			t.Errorf("%s: %v, %+v", creds, err, room)
		}
		nc.Close()
	}
	if code, _, errs := call("creds", "--data", data, "--token", "moot_a_b"); code != 77 {
		t.Fatalf("unknown token: exit code %d\n%s", code, errs)
	}
}

// The interface: token and creds take --hub URL with MOOTHALL_ADMIN_TOKEN, over TLS with
// the pin of the hub's certificate behind it.
func TestToken_AtAHubElsewhere(t *testing.T) {
	data := t.TempDir()
	p, _ := upTLS(t, data)
	defer p.terminate()
	admin := strings.TrimSpace(awaitFile(t, filepath.Join(data, adminTokenFile)))
	t.Setenv("MOOTHALL_DATA", filepath.Join(t.TempDir(), "none"))
	for what, c := range map[string]struct {
		token string
		code  int
	}{
		"no token": {"", 78}, "another": {"moot_admin_x." + dataDir(data).pin(), 77}, "no pin": {admin, 69}, "another pin": {admin + "." + strings.Repeat("a", 52), 69},
	} {
		t.Setenv("MOOTHALL_ADMIN_TOKEN", c.token)
		if code, out, errs := call("token", "ls", "--hub", p.url); code != c.code || out != "" {
			t.Errorf("%s: exit code %d, %q\n%s", what, code, out, errs)
		}
	}
	t.Setenv("MOOTHALL_ADMIN_TOKEN", admin+"."+dataDir(data).pin())
	code, made, errs := call("token", "new", "--hub", p.url, "--room", "lab", "--role", "client", "--id", "far", "--ttl", "2h")
	token := events.Secret(strings.TrimSpace(made))
	if _, pin := events.SplitToken(token.Reveal()); code != 0 || pin != dataDir(data).pin() {
		t.Fatalf("exit code %d: %q\n%s", code, made, errs)
	}
	if code, _, errs := call("token", "new", "--hub", p.url, "--room", "A B", "--role", "client"); code != 64 {
		t.Errorf("a room that is none: exit code %d\n%s", code, errs)
	}
	code, file, errs := call("creds", "--hub", p.url, "--room", "lab", "--token", token.Reveal())
	if code != 0 || !strings.Contains(file, "# client of room lab until ") || !strings.Contains(file, "BEGIN USER NKEY SEED") {
		t.Errorf("creds: exit code %d\n%s", code, errs)
	}
	if code, list, _ := call("token", "ls", "--hub", p.url, "--json"); code != 0 || !strings.Contains(list, `"id": "far"`) || !strings.Contains(list, `"one_key": true`) || strings.Contains(list, "sha256") || strings.Contains(list, token.Reveal()) {
		t.Errorf("ls: exit code %d\n%s", code, list)
	}
	if code, out, errs := call("token", "revoke", "far", "--hub", p.url); code != 0 || !strings.Contains(out, "token far is revoked") {
		t.Errorf("revoke: exit code %d, %s\n%s", code, out, errs)
	}
	if err := joinHub(t, p.url, token); events.CodeOf(err) != events.CodeTokenRevoked {
		t.Errorf("a revoked token: %v", err)
	}
	if code, _, _ := call("token", "revoke", "nobody", "--hub", p.url); code == 0 {
		t.Error("a token that is none was revoked")
	}
	signing := filepath.Join(data, "keys", "role-worker.nk")
	before := awaitFile(t, signing)
	for _, grace := range []string{"721h", "-1s"} {
		if code, _, errs := call("token", "rotate", "--hub", p.url, "--grace", grace); code != 64 || awaitFile(t, signing) != before {
			t.Errorf("a grace of %s: exit code %d\n%s", grace, code, errs)
		}
	}
	if code, out, errs := call("token", "rotate", "--hub", p.url, "--grace", "5m"); code != 0 || !strings.Contains(out, "the signing keys are new") {
		t.Errorf("rotate: exit code %d, %s\n%s", code, out, errs)
	}
	if awaitFile(t, signing) == before || awaitFile(t, filepath.Join(data, "keys", "role-worker-former.nk")) != before {
		t.Error("the keys are not new, or the former ones not kept for the grace")
	}
}
