package events

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// TokenPrefix tells a person, and a scanner of leaked secrets, what it is.
const TokenPrefix = "moot_"

// PinToken adds to a join token the hash of the certificate that the hub shows: who
// joins with it trusts that certificate and no other. Without a pin the token stays
// as it is.
func PinToken(token, pin string) string {
	if pin == "" {
		return token
	}
	return token + "." + pin
}

// SplitToken is a join token's two parts: what the hub knows it by, and the pin of
// its certificate, "" for none.
func SplitToken(text string) (token, pin string) {
	token, pin, _ = strings.Cut(text, ".")
	return token, pin
}

// CertificatePin is the hash of a certificate (DER) as a join token carries it.
func CertificatePin(der []byte) string {
	sum := sha256.Sum256(der)
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]))
}
