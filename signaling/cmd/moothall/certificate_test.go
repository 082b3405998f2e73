package main

import (
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/session"
)

// upTLS starts a hub with a certificate of its own making.
func upTLS(t *testing.T, data string) (p *process, natsAddr string) {
	t.Helper()
	httpAddr, natsAddr := freeAddr(t), freeAddr(t)
	p = run(t, "up", "--data", data, "--tls", "--room", "lab", "--http", httpAddr, "--nats", natsAddr)
	p.url = "https://" + httpAddr
	awaitFile(t, filepath.Join(data, pinFile))
	before := http.DefaultTransport
	http.DefaultTransport = newHTTP(dataDir(data).pin()).Transport
	defer func() { http.DefaultTransport = before }()
	p.await("/readyz")
	return p, natsAddr
}

func newToken(t *testing.T, data string) events.Secret {
	t.Helper()
	code, token, errs := call("token", "new", "--data", data, "--room", "lab", "--role", "client")
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, errs)
	}
	return events.Secret(strings.TrimSpace(token))
}

func joinHub(t *testing.T, url string, token events.Secret) error {
	t.Helper()
	key, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	s, err := session.Join(t.Context(), session.Config{HubURL: url, Room: "lab", Token: token, Role: events.RoleClient, Key: key})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close(t.Context()) }()
	if _, err := s.Conn().TLSConnectionState(); err != nil {
		t.Errorf("NATS is not encrypted: %v", err)
	}
	return nil
}

// Issue 6.4: a generated certificate is pinned by the token, for HTTP and NATS, over
// restarts; a plain connection is refused.
func TestTLS_GeneratedCertificateIsPinnedByTheToken(t *testing.T) {
	data := t.TempDir()
	var token events.Secret
	for i := range 2 {
		p, natsAddr := upTLS(t, data)
		if i == 0 {
			token = newToken(t, data)
		}
		if err := joinHub(t, p.url, token); err != nil {
			t.Fatalf("start %d: %v", i+1, err)
		}
		if _, err := nats.Connect("nats://"+natsAddr, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS13})); err == nil || !strings.Contains(err.Error(), "x509") {
			t.Errorf("NATS shows a certificate that this machine trusts: %v", err)
		}
		conn, err := net.Dial("tcp", natsAddr)
		if err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 4096)
		n, _ := conn.Read(answer)
		if !strings.Contains(string(answer[:n]), `"tls_required":true`) {
			t.Errorf("NATS does not ask for TLS: %s", answer[:n])
		}
		_ = conn.Close()
		if code, _, errs := call("peer", "ls", "--data", data); code != 0 {
			t.Errorf("peer ls: exit code %d\n%s", code, errs)
		}
		p.terminate()
	}
	if err := os.RemoveAll(filepath.Join(data, "tls")); err != nil {
		t.Fatal(err)
	}
	p, _ := upTLS(t, data)
	defer p.terminate()
	if err := joinHub(t, p.url, token); events.CodeOf(err) != events.CodeForbidden {
		t.Errorf("a hub with another certificate was believed: %v", err)
	}
}

func TestTLS_PlaintextBeyondTheLoopbackIsAskedForAndWarns(t *testing.T) {
	for _, c := range []struct {
		s    settings
		want bool // TLS
	}{
		{settings{HTTP: "127.0.0.1:1", NATS: "127.0.0.1:2"}, false},
		{settings{HTTP: "127.0.0.1:1", NATS: "127.0.0.1:2", TLS: true}, true},
		{settings{HTTP: "0.0.0.0:1", NATS: "127.0.0.1:2"}, true},
		{settings{HTTP: "127.0.0.1:1", NATS: ":2"}, true},
		{settings{HTTP: "0.0.0.0:1", NATS: "0.0.0.0:2", Plaintext: true}, false},
	} {
		d := dataDir(t.TempDir())
		got, err := c.s.certificate(d)
		if err != nil || (got != nil) != c.want || (d.pin() != "") != c.want {
			t.Errorf("%+v: certificate %v, pin %q, %v", c.s, got != nil, d.pin(), err)
		}
		var said strings.Builder
		(&program{err: &said}).warn(c.s)
		if warned := strings.Contains(said.String(), "not encrypted"); warned != c.s.Plaintext {
			t.Errorf("%+v: %q", c.s, said.String())
		}
	}
}
