package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/moothall/moothall/events"
)

// Files by which commands on the data folder find and may ask the running hub.
const (
	adminTokenFile = "admin-token"
	addressFile    = "address"
)

// adminToken is the one of the settings, else that of the data folder, which is made
// if it is missing.
func (d dataDir) adminToken(s settings) (events.Secret, error) {
	if s.AdminToken != "" {
		return s.AdminToken, nil
	}
	text, err := os.ReadFile(d.path(adminTokenFile))
	if errors.Is(err, fs.ErrNotExist) {
		made := "moot_admin_" + strings.ToLower(rand.Text())
		return events.Secret(made), coded(writeFile(d.path(adminTokenFile), made+"\n"), events.CodeConfig)
	}
	return events.Secret(strings.TrimSpace(string(text))), coded(err, events.CodeConfig)
}

// writeAddress says where this machine reaches the hub.
func (d dataDir) writeAddress(c *certificate, addr net.Addr) error {
	if host, port, err := net.SplitHostPort(addr.String()); err == nil && net.ParseIP(host).IsUnspecified() {
		addr = textAddr(net.JoinHostPort("127.0.0.1", port))
	}
	return coded(writeFile(d.path(addressFile), c.url(addr)+"\n"), events.CodeConfig)
}

// An operator asks a running hub as its operator.
type operator struct {
	url   string
	token events.Secret
	http  *http.Client
}

// operator is whoever may read the data folder, or has the admin token of a hub
// elsewhere. Like join tokens that may end in the pin of a certificate.
func (p *program) operator(s settings) (*operator, error) {
	if p.flags.hub != "" {
		if s.AdminToken == "" {
			return nil, events.Errorf(events.CodeConfig, "--hub needs MOOTHALL_ADMIN_TOKEN").
				WithTry("the text of the file %s in the hub's data folder", adminTokenFile)
		}
		token, pin := splitAdminToken(s.AdminToken)
		return &operator{url: strings.TrimSuffix(p.flags.hub, "/"), token: token, http: newHTTP(pin)}, nil
	}
	d, err := findData(s.Data)
	if err != nil {
		return nil, err
	}
	token, err := d.adminToken(s)
	if err != nil {
		return nil, err
	}
	address, err := os.ReadFile(d.path(addressFile))
	if err != nil {
		return nil, events.Errorf(events.CodeUnreachable, "no hub has run on %s yet", d).WithTry("moothall up --data %s", d)
	}
	return &operator{url: strings.TrimSpace(string(address)), token: token, http: newHTTP(d.pin())}, nil
}

// splitAdminToken takes the pin off, if there is one: an operator may have chosen a token
// with a dot in it.
func splitAdminToken(text events.Secret) (token events.Secret, pin string) {
	head, tail := events.SplitToken(text.Reveal())
	if len(tail) != len(events.CertificatePin(nil)) {
		return text, ""
	}
	return events.Secret(head), tail
}

// newHTTP trusts the certificate that the hub on a data folder shows, if it is one
// that nobody else vouches for.
func newHTTP(pin string) *http.Client {
	c := &tls.Config{MinVersion: tls.VersionTLS13}
	if pin != "" {
		c.InsecureSkipVerify = true // the pin says more
		c.VerifyConnection = func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 || events.CertificatePin(s.PeerCertificates[0].Raw) != pin {
				return errors.New("it shows another certificate than the data folder has")
			}
			return nil
		}
	}
	return &http.Client{Timeout: askTimeout, Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}}
}

const askTimeout = 5 * time.Second

// ask decodes the hub's answer into out.
func (o *operator) ask(ctx context.Context, method, path string, out any) error {
	return o.send(ctx, method, path, nil, out)
}

// send is ask with a body, nil for none.
func (o *operator) send(ctx context.Context, method, path string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, o.url+path, &body)
	if err != nil {
		return events.Errorf(events.CodeConfig, "--hub %q is not http(s)://host:port", o.url)
	}
	if o.token != "" {
		req.Header.Set("Authorization", "Bearer "+o.token.Reveal())
	}
	resp, err := o.http.Do(req)
	if err != nil {
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err
		}
		return events.Errorf(events.CodeUnreachable, "no answer from the hub at %s (%v)", o.url, err).WithTry("is it running?")
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return events.Errorf(events.CodeUnreachable, "the hub at %s broke off: %v", o.url, err)
	}
	var refused events.ErrorReply
	if err := json.Unmarshal(data, &refused); err != nil {
		return events.Errorf(events.CodeUnreachable, "%s is not a moothall hub (HTTP status %d)", o.url, resp.StatusCode)
	}
	if refused.Error != nil {
		return refused.Error
	}
	return json.Unmarshal(data, out)
}
