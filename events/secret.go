package events

import (
	"fmt"
	"io"
	"unicode/utf8"
)

// Redacted is all that is ever printed of a Secret.
const Redacted = "[redacted]"

// A Secret is a string that no format verb, log handler or encoder prints: a join
// token, a seed, a room secret. Settings of this type may also come from a file.
type Secret string

// Reveal is the secret itself, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// String is Redacted, or "" if there is no secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return Redacted
}

// hintFrom is the length from which four characters give nothing away.
const hintFrom = 32

// Hint lets a person tell two long tokens apart: length and last characters. A
// short secret, perhaps a password, shows its length only.
func (s Secret) Hint() string {
	n := utf8.RuneCountInString(string(s))
	switch {
	case s == "":
		return "(none)"
	case len(s) < hintFrom:
		return fmt.Sprintf("(%d characters, hidden)", n)
	}
	return fmt.Sprintf("(%d characters, ends in …%s)", n, string(s)[len(s)-4:])
}

// Format prints String for every verb, %d and %#v included.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText serves log/slog, encoding/json, YAML and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
