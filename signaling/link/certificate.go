package link

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"math/big"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"
)

// certificateYears is longer than a process lives: pion's own certificates end after
// a month and then no new link opens. What is trusted is the signed fingerprint.
const certificateYears = 20

// newCertificate makes the certificate of an endpoint and its fingerprint.
func newCertificate(now time.Time) (webrtc.Certificate, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return webrtc.Certificate{}, "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "moothall"},
		NotBefore:    now.AddDate(0, 0, -1),
		NotAfter:     now.AddDate(certificateYears, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return webrtc.Certificate{}, "", err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return webrtc.Certificate{}, "", err
	}
	return webrtc.CertificateFromX509(key, parsed), fingerprint(der), nil
}

// fingerprint writes the hash of a certificate as signals carry it: "sha-256 AB:CD…".
func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = strings.ToUpper(hex.EncodeToString([]byte{b}))
	}
	return "sha-256 " + strings.Join(pairs, ":")
}
