package main

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// shows is the pin of the certificate that an address shows, after how its protocol begins.
func shows(t *testing.T, addr string, plainFirst bool) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if plainFirst { // NATS says hello first
		if _, err := conn.Read(make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
	}
	c := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return events.CertificatePin(c.ConnectionState().PeerCertificates[0].Raw)
}

// Issue 6.4: a certificate that is replaced on disk is shown by HTTP and NATS without a
// restart; files that do not fit each other, or are cut, change nothing; a connection that
// stands goes on.
func TestTLS_AReplacedCertificateIsShownWithoutARestart(t *testing.T) {
	data, own := t.TempDir(), dataDir(t.TempDir())
	made := func() (cert, key []byte) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(own.path("tls"), 0o700), makeCertificate(own, time.Now())); err != nil {
			t.Fatal(err)
		}
		cert, err1 := os.ReadFile(own.path(madeCert))
		key, err2 := os.ReadFile(own.path(madeKey))
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		return cert, key
	}
	files := t.TempDir()
	certFile, keyFile := filepath.Join(files, "cert.pem"), filepath.Join(files, "key.pem")
	put := func(file string, text []byte) {
		t.Helper()
		if err := writeFile(file, string(text)); err != nil {
			t.Fatal(err)
		}
	}
	cert, key := made()
	put(certFile, cert)
	put(keyFile, key)
	t.Setenv("MOOTHALL_TLS_CERT", certFile)
	t.Setenv("MOOTHALL_TLS_KEY", keyFile)
	p, natsAddr := upTLS(t, data)
	defer p.terminate()
	first := shows(t, strings.TrimPrefix(p.url, "https://"), false)
	token := newToken(t, data)
	if _, pin := events.SplitToken(token.Reveal()); pin != first {
		t.Fatalf("the token pins %q, the hub shows %q", pin, first)
	}
	peerKey, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	s, err := session.Join(t.Context(), session.Config{HubURL: p.url, Room: "lab", Token: token, Role: events.RoleClient, Key: peerKey})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close(t.Context()) }()

	cert, key = made()
	put(certFile, cert) // and the key is the former one's
	put(keyFile, key[:len(key)/2])
	time.Sleep(2 * renewalEvery) // that nothing happens has no other sign
	if now := shows(t, strings.TrimPrefix(p.url, "https://"), false); now != first {
		t.Fatal("a certificate without its key is shown")
	}
	put(keyFile, key)
	deadline := time.After(20 * time.Second)
	for shows(t, strings.TrimPrefix(p.url, "https://"), false) == first {
		select {
		case <-deadline:
			t.Fatal("the new certificate is not shown")
		case <-time.After(50 * time.Millisecond):
		}
	}
	now := shows(t, strings.TrimPrefix(p.url, "https://"), false)
	if nats := shows(t, natsAddr, true); nats != now {
		t.Errorf("NATS shows %q, HTTP %q", nats, now)
	}
	if err := s.Request(t.Context(), events.ServiceSubject("lab", events.VerbInfo, s.Peer()), events.InfoRequest{}, &events.RoomInfo{}); err != nil {
		t.Errorf("the connection that stood is cut: %v", err)
	}
	if err := joinHub(t, p.url, token); events.CodeOf(err) != events.CodeForbidden {
		t.Errorf("a token that pins the former certificate is good: %v", err)
	}
	if err := joinHub(t, p.url, newToken(t, data)); err != nil {
		t.Errorf("a new token: %v", err)
	}
}
