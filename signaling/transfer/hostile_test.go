package transfer

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/moothall/moothall/events"
)

// sent lets a receiver take exactly these frames and then the end.
func sent(t *testing.T, opts Options, frames ...[]byte) (to string, err error) {
	t.Helper()
	to = t.TempDir()
	root, err := os.OpenRoot(to)
	must(t, err)
	defer root.Close()
	in := make(chan []byte, len(frames))
	for _, f := range frames {
		in <- f
	}
	close(in)
	_, err = Receive(t.Context(), deaf{in}, root, opts, nil)
	return to, err
}

// deaf is a connection whose other side does not listen.
type deaf struct{ in chan []byte }

func (d deaf) SendWait(context.Context, []byte) error { return nil }
func (d deaf) Frames() <-chan []byte                  { return d.in }

func manifest(files ...events.FileHeader) []byte {
	return events.Pack(events.FrameManifest, events.Manifest{Files: files})
}

func TestReceive_NamesThatWouldLeaveTheFolder(t *testing.T) {
	for _, name := range []string{
		"", ".", "..", "/etc/passwd", "../x", "a/../../x", "a/..", "a//b", "/", "a/", "./a", "a/./b",
		`..\x`, `a\b`, `C:\x`, "a\x00b", "a\nb", "\x1b[2J", "\xff", "\u0085",
		strings.Repeat("n", 256), strings.Repeat("d/", 512) + "x",
	} {
		if err := CheckName(name); events.CodeOf(err) != events.CodeInvalid {
			t.Errorf("%q is taken: %v", name, err)
		}
		if !utf8.ValidString(name) {
			continue // cannot be said in JSON
		}
		header := events.FileHeader{Name: name, Size: 1}
		to, err := sent(t, Options{}, manifest(header), events.Pack(events.FrameFile, header), events.Frame(events.FrameChunk, []byte("x")))
		if code := events.CodeOf(err); code != events.CodeInvalid {
			t.Errorf("%q: %v", name, err)
		}
		if entries, err := os.ReadDir(to); err != nil || len(entries) > 0 {
			t.Errorf("%q left %v, %v", name, entries, err)
		}
	}
	for _, name := range []string{"a", "a b", "...", "..a", "a..", "ä/ö", ".hidden", "a:b", strings.Repeat("n", 255)} {
		if err := CheckName(name); err != nil {
			t.Errorf("%q is refused: %v", name, err)
		}
	}
}

func TestReceive_ManifestsThatAreRefused(t *testing.T) {
	file := func(name string, size int64) events.FileHeader { return events.FileHeader{Name: name, Size: size} }
	opts := Options{MaxFiles: 2, MaxBytes: 100}
	for what, c := range map[string]struct {
		frames [][]byte
		want   events.Code
	}{
		"twice":             {[][]byte{manifest(file("a", 1), file("a", 1))}, events.CodeInvalid},
		"file as folder":    {[][]byte{manifest(file("a/b", 1), file("a", 1))}, events.CodeInvalid},
		"negative size":     {[][]byte{manifest(file("a", -1))}, events.CodeInvalid},
		"sizes overflow":    {[][]byte{manifest(file("a", 1), file("b", 1<<63-1))}, events.CodeInvalid},
		"too many":          {[][]byte{manifest(file("a", 1), file("b", 1), file("c", 1))}, events.CodeTooLarge},
		"too large":         {[][]byte{manifest(file("a", 50), file("b", 51))}, events.CodeTooLarge},
		"not JSON":          {[][]byte{events.Frame(events.FrameManifest, []byte("{"))}, events.CodeInvalid},
		"not a frame":       {[][]byte{{1, 2, 3}}, events.CodeInvalid},
		"more without end":  {[][]byte{events.Pack(events.FrameManifest, events.Manifest{More: true})}, events.CodeInvalid},
		"another frame":     {[][]byte{events.Frame(events.FrameChunk, []byte("x"))}, events.CodeInvalid},
		"no manifest":       {nil, events.CodeUnreachable},
		"error with no why": {[][]byte{events.Frame(events.FrameFileError, []byte("{}"))}, events.CodeInvalid},
	} {
		if _, err := sent(t, opts, c.frames...); events.CodeOf(err) != c.want {
			t.Errorf("%s: %v (%s), want %s", what, err, events.CodeOf(err), c.want)
		}
	}
}

// Who knows what must come takes nothing else, of whatever size, not even under a name of
// which it has a file.
func TestReceive_OtherFilesThanExpected(t *testing.T) {
	const sum = "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7" // of "data"
	a := events.FileHeader{Name: "a", Size: 4}
	parcel := func(h events.FileHeader) [][]byte {
		return [][]byte{
			manifest(h), events.Pack(events.FrameFile, h), events.Frame(events.FrameChunk, []byte("data")),
			events.Pack(events.FrameFileEnd, events.FileEnd{Name: h.Name, Size: 4, SHA256: sum}),
		}
	}
	for what, c := range map[string]struct {
		frames   [][]byte
		expected []events.FileHeader
		want     events.Code
	}{
		"as expected":      {parcel(a), []events.FileHeader{{Name: "a", Size: 4, SHA256: strings.ToUpper(sum)}}, ""},
		"of any hash":      {parcel(a), []events.FileHeader{a}, ""},
		"another hash":     {parcel(a), []events.FileHeader{{Name: "a", Size: 4, SHA256: strings.Repeat("0", 64)}}, events.CodeDamaged},
		"another name":     {parcel(events.FileHeader{Name: "b", Size: 4}), []events.FileHeader{a}, events.CodeDamaged},
		"another size":     {parcel(a), []events.FileHeader{{Name: "a"}}, events.CodeDamaged},
		"one more":         {[][]byte{manifest(a, events.FileHeader{Name: "b"})}, []events.FileHeader{a}, events.CodeDamaged},
		"one less":         {[][]byte{manifest(a)}, []events.FileHeader{a, {Name: "b"}}, events.CodeDamaged},
		"some for nothing": {parcel(a), []events.FileHeader{}, events.CodeDamaged},
	} {
		to, err := sent(t, Options{Expected: c.expected, Overwrite: true}, c.frames...)
		entries, _ := os.ReadDir(to)
		if events.CodeOf(err) != c.want || (len(entries) > 0) != (err == nil) {
			t.Errorf("%s: %v, %d files", what, err, len(entries))
		}
	}
}

func TestReceive_FilesThatAreNotAsAnnounced(t *testing.T) {
	a := events.FileHeader{Name: "a", Size: 4}
	begin, chunk := events.Pack(events.FrameFile, a), events.Frame(events.FrameChunk, []byte("data"))
	const sum = "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7" // of "data"
	end := func(e events.FileEnd) []byte { return events.Pack(events.FrameFileEnd, e) }
	for what, c := range map[string]struct {
		frames [][]byte
		want   events.Code
	}{
		"as announced":   {[][]byte{begin, chunk, end(events.FileEnd{Name: "a", Size: 4, SHA256: sum})}, ""},
		"longer":         {[][]byte{begin, chunk, chunk}, events.CodeInvalid},
		"shorter":        {[][]byte{begin, end(events.FileEnd{Name: "a", Size: 4, SHA256: sum})}, events.CodeInvalid},
		"empty chunk":    {[][]byte{begin, events.Frame(events.FrameChunk, nil)}, events.CodeInvalid},
		"another file":   {[][]byte{events.Pack(events.FrameFile, events.FileHeader{Name: "b", Size: 4})}, events.CodeInvalid},
		"another size":   {[][]byte{events.Pack(events.FrameFile, events.FileHeader{Name: "a", Size: 5})}, events.CodeInvalid},
		"another end":    {[][]byte{begin, chunk, end(events.FileEnd{Name: "b", Size: 4, SHA256: sum})}, events.CodeInvalid},
		"another hash":   {[][]byte{begin, chunk, end(events.FileEnd{Name: "a", Size: 4, SHA256: "3a"})}, events.CodeDamaged},
		"file in a file": {[][]byte{begin, chunk, begin}, events.CodeInvalid},
		"the end":        {[][]byte{begin, chunk}, events.CodeUnreachable},
	} {
		to, err := sent(t, Options{}, append([][]byte{manifest(a)}, c.frames...)...)
		if events.CodeOf(err) != c.want {
			t.Errorf("%s: %v (%s), want %s", what, err, events.CodeOf(err), c.want)
		}
		entries, dirErr := os.ReadDir(to)
		if whole := len(entries) > 0; dirErr != nil || whole != (c.want == "") {
			t.Errorf("%s: left %v, %v", what, entries, dirErr)
		}
	}
}

func TestSend_ConfirmationsThatAreWrong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	must(t, os.WriteFile(path, []byte("data"), 0o644))
	for what, answer := range map[string][]byte{
		"of another hash": events.Pack(events.FrameFileOK, events.FileEnd{Name: "a", Size: 4, SHA256: "00"}),
		"no frame":        {1},
		"another frame":   events.Frame(events.FrameChunk, []byte("x")),
	} {
		in := make(chan []byte, 1)
		in <- answer
		if _, err := Send(t.Context(), deaf{in}, []Source{{Name: "a", Path: path}}, nil); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"files":[{"name":"a/b","size":3}],"more":false}`))
	f.Add([]byte(`{"files":[{"name":"../x","size":3}]}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		l := newList(Options{MaxFiles: 100, MaxBytes: 1 << 30})
		if _, err := l.add(payload); err != nil {
			return
		}
		seen := map[string]bool{}
		for i, h := range l.files {
			part := l.partOf(i)
			if CheckName(h.Name) != nil || seen[h.Name] || l.names[part] || filepath.Dir(part) != filepath.Dir(h.Name) {
				t.Fatalf("taken: %q, as part %q", h.Name, part)
			}
			seen[h.Name] = true
		}
		if l.bytes < 0 || l.bytes > 1<<30 {
			t.Fatalf("taken: %d bytes", l.bytes)
		}
	})
}

// FuzzReceive lets a receiver take any stream of frames: it may keep only files of the
// manifest, whole, and no parts.
func FuzzReceive(f *testing.F) {
	a := events.FileHeader{Name: "a", Size: 4}
	frames := [][]byte{manifest(a), events.Pack(events.FrameFile, a), events.Frame(events.FrameChunk, []byte("data")),
		events.Pack(events.FrameFileEnd, events.FileEnd{Name: "a", Size: 4, SHA256: "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"})}
	var seed []byte
	for _, frame := range frames {
		seed = append(append(seed, byte(len(frame))), frame...)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, stream []byte) {
		var frames [][]byte
		for len(stream) > 0 {
			n := min(int(stream[0]), len(stream)-1)
			frames = append(frames, stream[1:1+n])
			stream = stream[1+n:]
		}
		to, _ := sent(t, Options{MaxFiles: 10, MaxBytes: 1 << 20}, frames...)
		must(t, filepath.WalkDir(to, func(path string, d os.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".part") && !strings.Contains(string(frames[0]), ".part") {
				t.Fatalf("left %s", path)
			}
			return err
		}))
	})
}
