package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecret_NeverPrints(t *testing.T) {
	const canary = "correct-horse-battery"
	s := Secret(canary)
	holder := struct{ Token Secret }{s}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%o", "%T"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", holder)
		fmt.Fprintf(&out, verb+"\n", &holder)
	}
	fmt.Fprintln(&out, s, []Secret{s}, map[Secret]Secret{s: s}, fmt.Errorf("token %v", s))
	for _, v := range []any{s, holder, map[string]Secret{"k": s}} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
	}
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), jsonHandler(&log, 0), textHandler(&log, 0)} {
		slog.New(h).Info("joined", "token", s, "holder", holder)
	}
	out.Write(log.Bytes())
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary)} {
		if strings.Contains(out.String(), form) {
			t.Errorf("a secret was printed as %q:\n%s", form, out.String())
		}
	}
	if n := strings.Count(out.String(), "[redacted]"); n < 40 {
		t.Errorf("%d times [redacted]:\n%s", n, out.String())
	}
	if s.Reveal() != canary {
		t.Error("the secret is lost")
	}
}

func TestSecret_HintShowsNothingOfAShortOne(t *testing.T) {
	for s, want := range map[Secret]string{
		"":                                       "(none)",
		"hunter2":                                "(7 characters, hidden)",
		Secret(strings.Repeat("x", 31)):          "(31 characters, hidden)",
		Secret(strings.Repeat("x", 28) + "9xQ2"): "(32 characters, ends in …9xQ2)",
	} {
		if got := s.Hint(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
