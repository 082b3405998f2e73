package events

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/nats-io/nkeys"
)

// A Signer signs with an Ed25519 key; nkeys.KeyPair is one.
type Signer interface {
	Sign(text []byte) ([]byte, error)
}

// SignText is the signature of text, in unpadded URL base64.
func SignText(k Signer, text string) (string, error) {
	sig, err := k.Sign([]byte(text))
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sig), nil
}

// VerifyText checks a signature of SignText against a public nkey. A signature
// has one spelling only: base64 that decodes to the same bytes but is written
// otherwise is refused, so that nobody can make another valid text of a signed one.
func VerifyText(nkey, text, signature string) error {
	sig, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || base64.RawURLEncoding.EncodeToString(sig) != signature {
		return Errorf(CodeForbidden, "signature is not base64")
	}
	return fits(nkey, text, sig)
}

// compute checks a signature by computing.
func compute(nkey, text string, sig []byte) error {
	key, err := nkeys.FromPublicKey(nkey)
	if err != nil {
		return Errorf(CodeForbidden, "public key %q: %v", nkey, err)
	}
	if err := key.Verify([]byte(text), sig); err != nil {
		return Errorf(CodeForbidden, "signature does not fit the key %s", nkey)
	}
	return nil
}

// signedText is a text that cannot be read in two ways: a purpose and fields
// without line breaks, one a line.
func signedText(purpose string, fields ...any) string {
	var b strings.Builder
	b.WriteString("moothall " + purpose + " v1")
	for _, f := range fields {
		b.WriteByte('\n')
		b.WriteString(strings.ReplaceAll(fmt.Sprint(f), "\n", "\\n"))
	}
	return b.String()
}

// A SeatCertificate is the hub's word that a seat holds the admin's role in a
// term, or, without a seat, that the term has come and is vacant. A term is
// believed on nothing else. Key is the admin's public nkey.
type SeatCertificate struct {
	Room string `json:"room_id"`
	Term
	Seat
	Key       string `json:"key"`
	Signature string `json:"sig"`
}

func (c SeatCertificate) text() string {
	return signedText("seat", c.Room, c.Store, c.N, c.PeerID, c.Incarnation, c.Key)
}

// IsZero reports whether there is no certificate.
func (c SeatCertificate) IsZero() bool { return c == SeatCertificate{} }

// Sign returns the certificate signed by a hub's seat key.
func (c SeatCertificate) Sign(hub Signer) (SeatCertificate, error) {
	sig, err := SignText(hub, c.text())
	c.Signature = sig
	return c, err
}

// Verify checks the certificate against the hub's seat keys (current, next and
// former).
func (c SeatCertificate) Verify(room string, hubKeys []string) error {
	if c.Room != room {
		return Errorf(CodeForbidden, "seat certificate is for room %q, not %q", c.Room, room)
	}
	return verifyAny("seat certificate", hubKeys, c.text(), c.Signature)
}

// A MemberCertificate is the hub's word that a key holds a seat, so that a row
// can be verified without the member list.
type MemberCertificate struct {
	Room string `json:"room_id"`
	Seat
	Key       string `json:"key"`
	Signature string `json:"sig"`
}

func (c MemberCertificate) text() string {
	return signedText("member", c.Room, c.PeerID, c.Incarnation, c.Key)
}

// Sign returns the certificate signed by a hub's seat key.
func (c MemberCertificate) Sign(hub Signer) (MemberCertificate, error) {
	sig, err := SignText(hub, c.text())
	c.Signature = sig
	return c, err
}

// Verify checks the certificate against the hub's seat keys.
func (c MemberCertificate) Verify(room string, hubKeys []string) error {
	if c.Room != room {
		return Errorf(CodeForbidden, "member certificate is for room %q, not %q", c.Room, room)
	}
	return verifyAny("member certificate", hubKeys, c.text(), c.Signature)
}

// A Goodbye is a seat's own signed word that it leaves. It is sent to the hub and
// on every link, and a claim may carry it as evidence.
type Goodbye struct {
	Room string `json:"room_id"`
	Seat
	Signature string `json:"sig"`
}

func (g Goodbye) text() string { return signedText("goodbye", g.Room, g.PeerID, g.Incarnation) }

// Sign returns the goodbye signed by the leaver's key.
func (g Goodbye) Sign(k Signer) (Goodbye, error) {
	sig, err := SignText(k, g.text())
	g.Signature = sig
	return g, err
}

// Verify checks the goodbye against the leaver's public nkey.
func (g Goodbye) Verify(nkey string) error { return VerifyText(nkey, g.text(), g.Signature) }

// SignGenesis signs the header of a generation with the founding admin's key.
func SignGenesis(k Signer, room string, g Generation, hash string) (string, error) {
	return SignText(k, genesisText(room, g, hash))
}

// VerifyGenesis checks the header of a generation against the admin's public nkey.
func VerifyGenesis(nkey, room string, g Generation, hash, signature string) error {
	return VerifyText(nkey, genesisText(room, g, hash), signature)
}

func genesisText(room string, g Generation, hash string) string {
	return signedText("genesis", room, g.Store, g.N, g.Count, hash)
}

func verifyAny(what string, keys []string, text, signature string) error {
	for _, k := range keys {
		if VerifyText(k, text, signature) == nil {
			return nil
		}
	}
	return Errorf(CodeForbidden, "%s is not signed by this hub (%d keys tried)", what, len(keys))
}
