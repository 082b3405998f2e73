package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/moothall/moothall/events"
)

// A certificate is what the hub shows over TLS; nil is none. It may change while the hub
// runs. Safe for concurrent use.
type certificate struct {
	certFile, keyFile string
	shown             atomic.Pointer[tls.Certificate]
}

// readCertificate reads a certificate and its key, of PEM files.
func readCertificate(certFile, keyFile string) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile}
	return c, c.read()
}

// read keeps what was shown before if the files are not good.
func (c *certificate) read() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err == nil {
		c.shown.Store(&pair)
	}
	return err
}

// Files of the certificate that the hub makes itself, in the data folder, and of the
// pin of the one that it shows, which join tokens carry.
const (
	madeCert = "tls/cert.pem"
	madeKey  = "tls/key.pem"
	pinFile  = "tls/pin"
)

// madeFor is the life of a certificate that is trusted by its hash alone.
const madeFor = 20 * 365 * 24 * time.Hour

// onLoopback reports whether all of the hub is reached from this machine only.
func (s settings) onLoopback() bool { return onLoopback(s.HTTP) && onLoopback(s.NATS) }

// certificate is the owner's, or one of our own beyond the loopback, or none. What
// join tokens pin from now on is written down.
func (s settings) certificate(d dataDir) (*certificate, error) {
	if err := os.MkdirAll(d.path("tls"), 0o700); err != nil {
		return nil, unusable(string(d), err)
	}
	c, err := s.findCertificate(d)
	if err != nil {
		return nil, err
	}
	return c, coded(c.writePin(d), events.CodeConfig)
}

func (c *certificate) writePin(d dataDir) error { return writeFile(d.path(pinFile), c.pin()+"\n") }

func (s settings) findCertificate(d dataDir) (*certificate, error) {
	switch {
	case s.TLSCert != "":
		c, err := readCertificate(s.TLSCert, s.TLSKey)
		if err != nil {
			return nil, events.Errorf(events.CodeConfig, "the certificate in MOOTHALL_TLS_CERT and MOOTHALL_TLS_KEY cannot be used: %v", err).
				WithTry("PEM files that belong together and that this user may read")
		}
		return c, nil
	case s.Plaintext, s.onLoopback() && !s.TLS:
		return nil, nil
	}
	if _, err := os.Stat(d.path(madeKey)); errors.Is(err, fs.ErrNotExist) {
		if err := makeCertificate(d, time.Now()); err != nil {
			return nil, unusable(string(d), err)
		}
	}
	c, err := readCertificate(d.path(madeCert), d.path(madeKey))
	if err != nil {
		return nil, events.Errorf(events.CodeConfig, "the certificate in %s is damaged: %v", d.path("tls"), err).
			WithTry("remove that folder; join tokens must then be made anew")
	}
	return c, nil
}

// makeCertificate writes the certificate first: without the key it is made anew.
func makeCertificate(d dataDir, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	about := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "moothall"}, DNSNames: []string{"moothall"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(madeFor),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(writePEM(d.path(madeCert), "CERTIFICATE", der), writePEM(d.path(madeKey), "PRIVATE KEY", secret))
}

func writePEM(path, kind string, der []byte) error {
	return writeFile(path, string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
}

// config is for HTTP and NATS alike; nil is no TLS.
func (c *certificate) config() *tls.Config {
	if c == nil {
		return nil
	}
	return &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.shown.Load(), nil },
		MinVersion:     tls.VersionTLS13,
	}
}

// pin is what join tokens carry: the hash of a certificate that nobody else vouches
// for, "" for none.
func (c *certificate) pin() string {
	if c == nil {
		return ""
	}
	leaf := c.shown.Load().Leaf
	if leaf == nil || !bytes.Equal(leaf.RawIssuer, leaf.RawSubject) {
		return ""
	}
	return events.CertificatePin(leaf.Raw)
}

// url is how peers reach us over HTTP. An address of all interfaces becomes the one
// that other machines probably reach.
func (c *certificate) url(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		addr = textAddr(net.JoinHostPort(outside(), port))
	}
	if c == nil {
		return "http://" + addr.String()
	}
	return "https://" + addr.String()
}

type textAddr string

func (textAddr) Network() string  { return "tcp" }
func (a textAddr) String() string { return string(a) }

// outside is this machine's first address that is not the loopback's.
func outside() string {
	all, _ := net.InterfaceAddrs() // none: the loopback
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	return "127.0.0.1"
}

// pin is that of the certificate that the hub on this folder shows.
func (d dataDir) pin() string {
	text, err := os.ReadFile(d.path(pinFile))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
