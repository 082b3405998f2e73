package roster

import (
	"bytes"
	"encoding/json"

	"github.com/moothall/moothall/events"
)

const textVersion = 1

// rowPurpose stands before the text that is signed, so that a row's signature is
// good for nothing else.
const rowPurpose = "moothall row v1\n"

// A heading is what both scalars of a row say about themselves. Deps is the
// hashDeps of the change that carried the scalar first.
type heading struct {
	V          int               `json:"v"`
	Room       string            `json:"room_id"`
	Generation events.Generation `json:"generation"`
	events.Seat
	Kind string `json:"kind"`
	Seq  uint64 `json:"seq"`
	Deps string `json:"deps"`
}

// check compares what the scalar says of itself with where it was found.
func (h heading) check(room string, seat events.Seat, kind string) *Refusal {
	switch {
	case h.V != textVersion:
		return refuse(WrongText, "version %d", h.V)
	case h.Room != room:
		return refuse(WrongRoom, "%q, not %q", h.Room, room)
	case h.Seat != seat:
		return refuse(WrongSeat, "%s under the key of %s", h.Seat, seat)
	case h.Kind != kind:
		return refuse(WrongKind, "%q under the key of %q", h.Kind, kind)
	}
	return nil
}

// staticText is the scalar /s. Certificate is the signature of the hub's member
// certificate, whose other fields are the room, the seat and the key.
type staticText struct {
	heading
	Key         string `json:"key"`
	Certificate string `json:"certificate"`
	Static
	Signature string `json:"sig,omitempty"`
}

// dynamicText is the scalar /d. StaticSeq is the seq of the /s beside it.
type dynamicText struct {
	heading
	StaticSeq uint64 `json:"static_seq"`
	Dynamic
	Signature string `json:"sig,omitempty"`
}

// encode is the canonical form: fixed order of fields, map keys sorted, nothing
// escaped for HTML.
func encode(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("roster: encode a row: " + err.Error())
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func parseStatic(text string) (staticText, *Refusal) {
	var t staticText
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return staticText{}, refuse(WrongText, "decode /s: %v", err)
	}
	t.Static = t.Static.clean()
	if encode(t) != text {
		return staticText{}, refuse(WrongText, "/s of %s is not canonical", t.Seat)
	}
	return t, t.Static.validate()
}

func parseDynamic(text string) (dynamicText, *Refusal) {
	var t dynamicText
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return dynamicText{}, refuse(WrongText, "decode /d: %v", err)
	}
	t.Dynamic = t.Dynamic.clean()
	if encode(t) != text {
		return dynamicText{}, refuse(WrongText, "/d of %s is not canonical", t.Seat)
	}
	return t, t.Dynamic.validate()
}

// unsigned is what the signature of a text is over.
func (t staticText) unsigned() string {
	t.Signature = ""
	return rowPurpose + encode(t)
}

func (t dynamicText) unsigned() string {
	t.Signature = ""
	return rowPurpose + encode(t)
}

func (t staticText) sign(k events.Signer) (string, error) {
	sig, err := events.SignText(k, t.unsigned())
	t.Signature = sig
	return encode(t), err
}

func (t dynamicText) sign(k events.Signer) (string, error) {
	sig, err := events.SignText(k, t.unsigned())
	t.Signature = sig
	return encode(t), err
}

// verify checks that the hub vouches for the key and the key for the text.
func (t staticText) verify(hubKeys []string) *Refusal {
	c := events.MemberCertificate{Room: t.Room, Seat: t.Seat, Key: t.Key, Signature: t.Certificate}
	if err := c.Verify(t.Room, hubKeys); err != nil {
		return refuse(BadCertificate, "%s: %v", t.Seat, err)
	}
	return t.heading.verify(t.Key, t.unsigned(), t.Signature)
}

func (t dynamicText) verify(key string) *Refusal {
	return t.heading.verify(key, t.unsigned(), t.Signature)
}

func (h heading) verify(key, unsigned, signature string) *Refusal {
	if err := events.VerifyText(key, unsigned, signature); err != nil {
		return refuse(BadSignature, "/%s %d of %s: %v", h.Kind, h.Seq, h.Seat, err)
	}
	return nil
}

// rowOf puts the two scalars together.
func rowOf(s staticText, d dynamicText, signed events.SignedRow) Row {
	return Row{
		Seat: s.Seat, Key: s.Key, Static: s.Static, Dynamic: d.Dynamic,
		StaticSeq: s.Seq, Seq: d.Seq, Signed: signed,
	}
}
