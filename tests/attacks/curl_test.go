package attacks

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/tests/process"
)

// A curl is a command that nobody here wrote. It sends what Go's client refuses to.
type curl struct{ secrets []string }

// newCurl knows what a hub keeps in its data folder: the text of none may come back.
func newCurl(t *testing.T, data string) curl {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("curl is missing: apt-get install curl")
		}
		t.Skip("curl is missing: apt-get install curl")
	}
	var c curl
	for _, file := range []string{"admin-token", "keys/operator.nk", "keys/role-worker.nk", "keys/seat.nk"} {
		text, err := os.ReadFile(filepath.Join(data, file))
		if err != nil {
			t.Fatal(err)
		}
		c.secrets = append(c.secrets, strings.TrimSpace(string(text)))
	}
	return c
}

// attack asks for what is the operator's, and follows where it is sent. To be answered
// with a status of 200 to 299, or with a secret, is to be let in.
func (c curl) attack(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "curl", append([]string{
		"--silent", "--noproxy", "", "--path-as-is", "--location", "--max-time", "5", "--write-out", "\n%{http_code}",
	}, args...)...)
	out, _ := cmd.Output() // no answer at all is a refusal, too
	body, status := out, ""
	if i := bytes.LastIndexByte(out, '\n'); i >= 0 {
		body, status = out[:i], string(out[i+1:])
	}
	told := false
	for _, secret := range c.secrets {
		told = told || strings.Contains(string(body), secret)
	}
	all.attack(t, told || strings.HasPrefix(status, "2"), "curl %q: status %s\n%s", args, status, body)
}

// The other spellings of a path, other methods, headers by which proxies change what is
// asked for and by whom, other versions of HTTP, and the hub taken for a proxy.
func TestCurl_FindsNoSideDoor(t *testing.T) {
	t.Parallel()
	s := hall.visit(t)
	c := newCurl(t, s.Data())
	bearer := "Authorization: Bearer " + token(t, s, lab, events.RoleClient)
	for _, path := range []string{
		"/v1/tokens", "//v1/tokens", "/v1//tokens", "/./v1/tokens", "/healthz/../v1/tokens", "/version/..;/v1/tokens", "/%76%31/tokens", "/v1%2ftokens", "/v1/tokens/",
		"/V1/TOKENS", "/v1/tokens;x", "/v1/tokens%00", "/v1/tokens%20", "/v1/tokens?token=admin", "/v1/tokens#/healthz", "/v1/peers", "/metrics", "/metrics/",
		"/admin-token", "/keys/operator.nk", "/..%2fkeys%2foperator.nk", "/%2e%2e/keys/operator.nk", "/../../../../../../etc/passwd", "/.git/config", "/hub/admin-token",
	} {
		c.attack(t, s.HTTP+path)
		c.attack(t, "--header", bearer, s.HTTP+path)
	}
	for _, method := range []string{"OPTIONS", "PUT", "PATCH", "TRACE", "CONNECT", "POST", "DELETE", "PROPFIND", "get", "GET /healthz HTTP/1.1\r\n\r\nGET"} {
		c.attack(t, "--request", method, s.HTTP+"/v1/tokens")
		c.attack(t, "--request", method, "--header", bearer, s.HTTP+"/v1/keys/rotate")
	}
	for _, header := range []string{
		"X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "Forwarded: for=127.0.0.1", "Host: localhost", "Host: /v1/tokens", "X-Original-URL: /healthz", "X-Rewrite-URL: /healthz",
		"X-HTTP-Method-Override: OPTIONS", "Authorization: Bearer", "Authorization: Bearer null", "Authorization: Basic YWRtaW46YWRtaW4=", "Authorization: bearer admin", "Cookie: token=admin",
		"Upgrade: websocket", "Upgrade: h2c", "Connection: Authorization", "Transfer-Encoding: chunked, identity", "Content-Length: -1", "X-Admin: true", "X-Remote-User: admin",
	} {
		c.attack(t, "--header", header, s.HTTP+"/v1/tokens")
		c.attack(t, "--header", bearer, "--header", header, s.HTTP+"/v1/peers")
	}
	for _, how := range [][]string{
		{"--http1.0"}, {"--http0.9"}, {"--http2"}, {"--http2-prior-knowledge"}, {"--haproxy-protocol"}, {"--request-target", "http://localhost/v1/tokens"}, {"--request-target", "*"},
		{"--head"}, {"--user", "admin:admin"}, {"--data", `{"room_id":"lab","role":"worker"}`}, {"--upload-file", "/etc/hostname"}, {"--range", "0-10000"}, {"--compressed"},
	} {
		c.attack(t, append(how, s.HTTP+"/v1/tokens")...)
	}
	for _, elsewhere := range []string{"http://169.254.169.254/latest/meta-data/", "http://localhost/v1/tokens", s.HTTP + "/v1/tokens", "ftp://localhost/"} {
		c.attack(t, "--proxy", s.HTTP, elsewhere)
		c.attack(t, "--proxy", s.HTTP, "--proxytunnel", elsewhere)
	}
}

// A hub with TLS speaks 1.3 only, to nobody in the clear, and to somebody who does not
// look at its certificate no more than to others.
func TestCurl_FindsNoWayAroundTLS(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "hub")
	hub := exec.CommandContext(t.Context(), filepath.Join(process.Bin, "moothall"), "up", "--tls", "--http", "127.0.0.1:0", "--nats", "127.0.0.1:0", "--data", data)
	if err := hub.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hub.Process.Kill(); _ = hub.Wait() })
	var url string
	process.Await(t, "the hub says where it is", process.Soon, func() bool {
		text, err := os.ReadFile(filepath.Join(data, "address"))
		url = strings.TrimSpace(string(text))
		return err == nil && url != ""
	})
	c := newCurl(t, data)
	process.Await(t, "the hub answers", process.Soon, func() bool {
		return exec.Command("curl", "--silent", "--insecure", "--fail", "--output", os.DevNull, url+"/readyz").Run() == nil
	})
	public := url + "/healthz" // open to all who speak with the hub at all
	for _, how := range [][]string{
		{public}, {strings.Replace(public, "https:", "http:", 1)}, {"--insecure", "--tls-max", "1.2", public}, {"--insecure", "--tlsv1.0", "--tls-max", "1.1", public},
		{"--cacert", "/etc/hostname", public}, {"--insecure", "--cert", filepath.Join(data, "tls", "none"), public},
		{"--insecure", url + "/v1/tokens"}, {"--insecure", "--http2", url + "/metrics"}, {"--insecure", "--http1.1", url + "/v1/peers"}, {"--insecure", "--proxy-insecure", "--proxy", url, "https://localhost/v1/tokens"},
	} {
		c.attack(t, how...)
	}
}
