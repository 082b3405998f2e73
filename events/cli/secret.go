package cli

import (
	"fmt"
	"log/slog"
	"unicode/utf8"
)

// A Secret is a string that no format verb, log handler or encoder prints.
// Settings of this type may also come from a file, see Load.
type Secret string

// Reveal is the secret itself, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// String says only whether there is a secret and how long it is.
func (s Secret) String() string {
	if s == "" {
		return "(none)"
	}
	return fmt.Sprintf("(%d characters, hidden)", utf8.RuneCountInString(string(s)))
}

// hintFrom is the length from which four characters give nothing away.
const hintFrom = 32

// Hint lets a person tell two long tokens apart: length and last characters. A
// short secret, perhaps a password, shows its length only.
func (s Secret) Hint() string {
	if len(s) < hintFrom {
		return s.String()
	}
	return fmt.Sprintf("(%d characters, ends in …%s)", utf8.RuneCountInString(string(s)), string(s)[len(s)-4:])
}

// Format prints String for every verb, %d and %#v included.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText serves encoding/json, YAML and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
