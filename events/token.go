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

// CheckHubAddress refuses an address that carries a name or a password: the token is all
// that the hub takes, and addresses are printed. It does not repeat the address.
func CheckHubAddress(address string) error {
	if strings.Contains(address, "@") {
		return Errorf(CodeConfig, "the hub's address carries a name or a password, which the hub does not take: write http(s)://host:port")
	}
	return nil
}

// CertificatePin is the hash of a certificate (DER) as a join token carries it.
func CertificatePin(der []byte) string {
	sum := sha256.Sum256(der)
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]))
}
