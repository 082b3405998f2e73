package session

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/moothall/moothall/events"
)

// errPin is a hub that shows another certificate than the token pins.
var errPin = errors.New("it shows another certificate than the token pins")

// trust is what a hub must show to be believed: the certificate that the token pins,
// or without a pin one that this machine's roots vouch for.
func trust(token events.Secret) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	_, pin := events.SplitToken(token.Reveal())
	if pin == "" {
		return c
	}
	c.MinVersion = tls.VersionTLS13
	c.InsecureSkipVerify = true // the pin says more than a name and a root
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 || events.CertificatePin(s.PeerCertificates[0].Raw) != pin {
			return errPin
		}
		return nil
	}
	return c
}

// NewHTTP is a client for the hub that a token is of. It keeps no connection (a join is
// one request an hour) and follows no redirect (the token is for this hub only).
func NewHTTP(token events.Secret) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true
	transport.TLSClientConfig = trust(token)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// checkScheme refuses to show a token that pins a certificate to a hub that has none.
func checkScheme(base *url.URL, token events.Secret) error {
	if _, pin := events.SplitToken(token.Reveal()); pin == "" || base.Scheme == "https" {
		return nil
	}
	return events.Errorf(events.CodeConfig, "the token is for a hub with TLS, and %s is without", base).
		WithTry("MOOT_HUB=https://%s", base.Host)
}

// Untrusted is the error of a hub at url that did not prove who it is, or speaks
// without TLS where it should with; nil for any other failure.
func Untrusted(hub string, token events.Secret, err error) *events.Error {
	_, pin := events.SplitToken(token.Reveal())
	const again = "moothall token new --room ROOM --role ROLE, on the hub: it pins the certificate of today"
	certificate := (*tls.CertificateVerificationError)(nil)
	switch {
	case errors.Is(err, errPin):
		return events.Errorf(events.CodeForbidden, "the hub at %s is not the one that made this token: %s", hub, errPin).
			WithFact("somebody may stand in between, or the hub was set up anew").WithTry(again)
	case plaintext(err) && pin != "":
		return events.Errorf(events.CodeForbidden, "the hub at %s speaks without TLS, and the token pins its certificate", hub).
			WithFact("somebody may stand in between, or the hub was started with --plaintext").WithTry("moothall up without --plaintext, or a new token")
	case plaintext(err):
		return events.Errorf(events.CodeConfig, "the hub at %s speaks without TLS", hub).
			WithTry("MOOT_HUB=%s, if it may", strings.Replace(hub, "https:", "http:", 1))
	case errors.As(err, &certificate):
		return events.Errorf(events.CodeForbidden, "the certificate of the hub at %s is not trusted (%s)", hub, reasonOf(certificate.Err)).
			WithFact("the token pins none").WithTry(again)
	}
	return nil
}

func plaintext(err error) bool {
	var header tls.RecordHeaderError
	return errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, &header)
}

func reasonOf(err error) string {
	if unknown := (x509.UnknownAuthorityError{}); errors.As(err, &unknown) {
		return "nobody vouches for it"
	}
	return strings.TrimPrefix(err.Error(), "x509: ")
}
