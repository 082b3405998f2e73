package events

import (
	"crypto/sha256"
	"encoding/hex"
)

// Kinds of signal on room.<r>.signal.<to>.<from>.
const (
	SignalOffer     = "offer"
	SignalAnswer    = "answer"
	SignalCandidate = "candidate"
	SignalRedial    = "redial"
)

// Purposes of a link.
const (
	PurposeMesh = "mesh" // between workers: the control channel
	PurposeJob  = "job"  // client to worker: jobs and files
)

// Signal is an offer (a request), its answer (the reply), a late candidate (a
// message), or the word of the one who does not offer that it has lost the link which
// that nonce made (a message): the offerer then offers anew. It is signed by the sender's key over who speaks to whom, the nonce
// that the offerer chose for this attempt, both incarnations, the DTLS
// fingerprint and the hash of SDP or candidate: a hub can drop it, but neither
// alter it nor use it elsewhere. Incarnations of clients are 0.
type Signal struct {
	V               int    `json:"v"`
	Kind            string `json:"kind"`
	Purpose         string `json:"purpose"`
	Room            string `json:"room_id"`
	From            string `json:"from_peer_id"`
	To              string `json:"to_peer_id"`
	FromIncarnation uint64 `json:"from_incarnation"`
	ToIncarnation   uint64 `json:"to_incarnation"`
	Nonce           string `json:"nonce"`
	Fingerprint     string `json:"fingerprint"` // "sha-256 AB:CD…" of the sender's DTLS certificate
	SDP             string `json:"sdp,omitempty"`
	Candidate       string `json:"candidate,omitempty"` // JSON of an ICE candidate
	NKey            string `json:"nkey"`
	Signature       string `json:"sig"`
}

func (s Signal) text(bound string) string {
	body := sha256.Sum256([]byte(s.SDP + "\n" + s.Candidate))
	fields := []any{s.Kind, s.Purpose, s.Room, s.From, s.To, s.FromIncarnation, s.ToIncarnation, s.Nonce, s.Fingerprint, hex.EncodeToString(body[:]), s.NKey}
	if bound != "" {
		once := sha256.Sum256([]byte("moothall room secret v2\n" + s.Room + "\n" + s.Nonce + "\n" + bound))
		fields = append(fields, hex.EncodeToString(once[:]))
	}
	return signedText("signal", fields...)
}

// Sign returns the signal signed by k, the pair of s.NKey, and bound to what both sides
// made of a room secret that the hub never sees, "" for none. Whoever has the signature
// can try guesses at it: it must be costly to make.
func (s Signal) Sign(k Signer, bound string) (Signal, error) {
	sig, err := SignText(k, s.text(bound))
	s.Signature = sig
	return s, err
}

// Verify checks the signature against nkey and the signal's own NKey against it.
func (s Signal) Verify(nkey, bound string) error {
	if s.NKey != nkey {
		return Errorf(CodeForbidden, "signal of %s is signed by another key than the hub's record has", s.From)
	}
	return VerifyText(nkey, s.text(bound), s.Signature)
}
