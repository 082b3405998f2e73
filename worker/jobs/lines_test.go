package jobs

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func splitAll(chunks ...string) (got []piece) {
	var s splitter
	emit := func(p piece) { got = append(got, p) }
	for _, c := range chunks {
		s.feed([]byte(c), emit)
	}
	s.close(emit)
	return got
}

func TestSplitter(t *testing.T) {
	line := func(text string) piece { return piece{text: text} }
	again := func(text string) piece { return piece{text: text, redraw: true} }
	tests := []struct {
		name   string
		chunks []string
		want   []piece
	}{
		{"nothing", nil, nil},
		{"lines", []string{"a\nb\n"}, []piece{line("a"), line("b")}},
		{"across chunks", []string{"a", "b\nc", "d"}, []piece{line("ab"), line("cd")}},
		{"empty lines", []string{"\n\na"}, []piece{line(""), line(""), line("a")}},
		{"CR LF", []string{"a\r\nb\r", "\nc"}, []piece{line("a"), line("b"), line("c")}},
		{"redraws", []string{"10%\r20%", "\r100%\n"}, []piece{again("10%"), again("20%"), line("100%")}},
		{"a CR at the end", []string{"a\r"}, []piece{line("a")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, splitAll(tt.chunks...), cmp.AllowUnexported(piece{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSplitter_LongLinesComeInPieces(t *testing.T) {
	text := "x" + strings.Repeat("äöü€", 3000) // a piece ends inside a character
	got := splitAll(text+"\n", "next\n")
	var joined strings.Builder
	for _, p := range got[:len(got)-2] {
		if !p.more || len(p.text) > maxPiece || !utf8.ValidString(p.text) {
			t.Errorf("a piece of %d bytes, more %v, valid %v", len(p.text), p.more, utf8.ValidString(p.text))
		}
		joined.WriteString(p.text)
	}
	last := got[len(got)-2]
	if joined.WriteString(last.text); joined.String() != text || last.more {
		t.Errorf("%d bytes of %d came through", joined.Len(), len(text))
	}
	if got[len(got)-1].text != "next" {
		t.Errorf("then %q", got[len(got)-1].text)
	}
}

func TestSplitter_EndlessLineIsCutAndCounted(t *testing.T) {
	const size = 1 << 20
	got := splitAll(strings.Repeat("x", size), "yz\nnext\n")
	kept := 0
	for _, p := range got[:len(got)-1] {
		kept += len(p.text)
	}
	end := got[len(got)-2]
	if kept > maxLine+maxPiece || end.dropped != size+2-kept {
		t.Errorf("kept %d, dropped %d of %d", kept, end.dropped, size+2)
	}
	if next := got[len(got)-1]; next.text != "next" || next.dropped != 0 {
		t.Errorf("the next line is %+v", next)
	}
}

func FuzzSplitter(f *testing.F) {
	f.Add([]byte("a\nb\r\nc\rd"), 2)
	f.Add([]byte(strings.Repeat("€", 4000)), 1000)
	f.Add([]byte("\r\r\n\n\xff\xfe"), 1)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		var s splitter
		var got strings.Builder
		emit := func(p piece) {
			if len(p.text) > maxPiece || strings.ContainsAny(p.text, "\r\n") {
				t.Fatalf("piece %q", p.text)
			}
			got.WriteString(p.text)
		}
		for rest := data; len(rest) > 0; {
			n := min(max(cut, 1), len(rest))
			s.feed(rest[:n], emit)
			rest = rest[n:]
		}
		s.close(emit)
		want := strings.NewReplacer("\r", "", "\n", "").Replace(string(data))
		if len(data) < maxLine && got.String() != want {
			t.Fatalf("%q came out as %q", data, got.String())
		}
	})
}
