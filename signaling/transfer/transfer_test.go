package transfer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moothall/moothall/events"
	"pgregory.net/rapid"
)

func TestTransfer_FilesArriveWhole(t *testing.T) {
	r := newRun(t)
	big := bytes.Repeat([]byte("0123456789abcdef"), 10_000)
	r.write("empty", nil, 0o644)
	r.write("big.bin", big, 0o600)
	r.write("deep/er/tool.sh", []byte("#!/bin/sh\n"), 0o755)
	r.write("exactly one chunk", big[:chunkSize], 0o644)
	sent, received := r.do()
	must(t, sent.err)
	must(t, received.err)
	r.arrivedOnly("big.bin", "deep/er/tool.sh", "empty", "exactly one chunk")
	if !slices.Equal(sent.headers, received.headers) {
		t.Errorf("headers differ: sent %v, received %v", sent.headers, received.headers)
	}
	sum := sha256.Sum256(big)
	if h := received.headers[1]; h.Name != "big.bin" || h.Size != int64(len(big)) || h.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("header %+v", h)
	}
	got, err := os.ReadFile(filepath.Join(r.to, "big.bin"))
	must(t, err)
	if !bytes.Equal(got, big) {
		t.Error("content differs")
	}
	for name, want := range map[string]os.FileMode{"deep/er/tool.sh": 0o100, "big.bin": 0} {
		info, err := os.Stat(filepath.Join(r.to, name))
		must(t, err)
		if info.Mode()&0o100 != want {
			t.Errorf("%s has mode %s", name, info.Mode())
		}
	}
}

func TestTransfer_NoFiles(t *testing.T) {
	sent, received := newRun(t).do()
	must(t, sent.err)
	must(t, received.err)
}

func TestTransfer_OneAfterAnotherOnOneChannel(t *testing.T) {
	r := newRun(t)
	r.write("a", []byte("first"), 0o644)
	for range 3 {
		sent, received := r.do()
		must(t, sent.err)
		must(t, received.err)
		r.opts.Overwrite = true
	}
}

func TestTransfer_ManifestOfManyFrames(t *testing.T) {
	r := newRun(t)
	const files = 400
	for i := range files {
		r.write(fmt.Sprintf("%03d-%s", i, strings.Repeat("<", 150)), []byte{byte(i)}, 0o644)
	}
	sent, received := r.do()
	must(t, sent.err)
	must(t, received.err)
	if n := len(r.arrived()); n != files {
		t.Errorf("%d of %d files arrived", n, files)
	}
	headers := make([]events.FileHeader, files)
	for i := range headers {
		headers[i].Name = r.names[i]
	}
	if n := len(manifests(headers)); n < 3 {
		t.Errorf("only %d frames", n)
	}
}

func TestTransfer_AFileMayBeNamedAsThePartOfAnother(t *testing.T) {
	r := newRun(t)
	r.write("a.part", []byte("I am whole"), 0o644)
	r.write("a", []byte("and I"), 0o644)
	r.write(strings.Repeat("n", maxPart), []byte("long"), 0o644)
	sent, received := r.do()
	must(t, sent.err)
	must(t, received.err)
	r.arrivedOnly("a", "a.part", strings.Repeat("n", maxPart))
	got, err := os.ReadFile(filepath.Join(r.to, "a.part"))
	must(t, err)
	if string(got) != "I am whole" {
		t.Errorf("a.part holds %q", got)
	}
}

func TestTransfer_WhatAnEarlierAttemptLeftIsReplaced(t *testing.T) {
	r := newRun(t)
	must(t, os.WriteFile(filepath.Join(r.to, "a.part"), []byte("left over, and longer"), 0o644))
	r.write("a", []byte("new"), 0o644)
	sent, received := r.do()
	must(t, sent.err)
	must(t, received.err)
	r.arrivedOnly("a")
}

func TestTransfer_ExistingFilesAreKept(t *testing.T) {
	r := newRun(t)
	there := filepath.Join(r.to, "b")
	must(t, os.WriteFile(there, []byte("mine"), 0o644))
	r.write("a", []byte("new"), 0o644)
	r.write("b", []byte("new"), 0o644)
	r.fails(events.CodeFile, events.CodeFile)
	r.arrivedOnly("b")
	got, err := os.ReadFile(there)
	must(t, err)
	if string(got) != "mine" {
		t.Errorf("holds %q", got)
	}
}

func TestTransfer_OverwriteReplacesThem(t *testing.T) {
	r := newRun(t)
	there := filepath.Join(r.to, "b")
	must(t, os.WriteFile(there, []byte("mine"), 0o644))
	r.write("b", []byte("new"), 0o644)
	r.opts.Overwrite = true
	sent, received := r.do()
	must(t, sent.err)
	must(t, received.err)
	got, err := os.ReadFile(there)
	must(t, err)
	if string(got) != "new" {
		t.Errorf("holds %q", got)
	}
}

func TestTransfer_OverwriteDoesNotFollowASymlink(t *testing.T) {
	r := newRun(t)
	outside := filepath.Join(t.TempDir(), "outside")
	must(t, os.WriteFile(outside, []byte("safe"), 0o644))
	must(t, os.Symlink(outside, filepath.Join(r.to, "b")))
	r.write("b", []byte("new"), 0o644)
	r.opts.Overwrite = true
	sent, received := r.do()
	must(t, sent.err)
	must(t, received.err)
	got, err := os.ReadFile(outside)
	must(t, err)
	if string(got) != "safe" {
		t.Errorf("the file outside holds %q", got)
	}
}

func TestTransfer_AFolderThatLeadsOutIsRefused(t *testing.T) {
	r := newRun(t)
	outside := t.TempDir()
	must(t, os.Symlink(outside, filepath.Join(r.to, "out")))
	r.write("out/x", []byte("x"), 0o644)
	r.opts.Overwrite = true
	r.fails(events.CodeFile, events.CodeFile)
	if entries, err := os.ReadDir(outside); err != nil || len(entries) > 0 {
		t.Errorf("outside: %v, %v", entries, err)
	}
}

func TestTransfer_SourceWithinARoot(t *testing.T) {
	r := newRun(t)
	secret := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(secret, []byte("secret"), 0o600))
	must(t, os.Symlink(secret, filepath.Join(r.from, "link")))
	from, err := os.OpenRoot(r.from)
	must(t, err)
	defer from.Close()
	if _, err := look([]Source{{Name: "link", Path: "link", Root: from}}); events.CodeOf(err) != events.CodeFile {
		t.Errorf("a link that leads out of the root: %v", err)
	}
	r.write("in", []byte("x"), 0o644)
	if _, err := look([]Source{{Name: "in", Path: "in", Root: from}}); err != nil {
		t.Error(err)
	}
}

func TestTransfer_ProgressIsThinnedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(t)
		const chunks, pace = 100, 10 * time.Millisecond
		r.write("a", make([]byte, chunks*chunkSize), 0o644)
		r.write("empty", nil, 0o644)
		r.sender.hook = func(frame []byte) []byte { time.Sleep(pace); return frame }
		var said []Progress
		r.progress = func(p Progress) { said = append(said, p) }
		sent, received := r.do()
		must(t, sent.err)
		must(t, received.err)
		if most := chunks*int(pace/time.Millisecond)/100 + 3; len(said) > most || len(said) < most-3 {
			t.Errorf("%d reports in 1 s, want about %d", len(said), most)
		}
		whole, empty := said[len(said)-2], said[len(said)-1]
		if want := (Progress{"a", chunks * chunkSize, chunks * chunkSize, 1, 2}); whole != want {
			t.Errorf("last of a: %+v, want %+v", whole, want)
		}
		if want := (Progress{"empty", 0, 0, 2, 2}); empty != want {
			t.Errorf("last of empty: %+v, want %+v", empty, want)
		}
	})
}

func TestTransfer_RoundTrips(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newRun(t)
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zA-Z0-9 ._ä%<-]{1,12}(/[a-z]{1,3}){0,2}`), 0, 6, rapid.ID[string]).Draw(rt, "names")
		contents := map[string][]byte{}
		l := newList(Options{})
		for _, n := range names {
			if l.addFile(events.FileHeader{Name: n}) == nil {
				contents[n] = nil
			}
		}
		if l.checkFolders() != nil {
			rt.Skip("a file is a folder")
		}
		for _, f := range l.files {
			size := rapid.SampledFrom([]int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 5*chunkSize + 7}).Draw(rt, "size")
			contents[f.Name] = bytes.Repeat([]byte(f.Name), size/len(f.Name)+1)[:size]
			r.write(f.Name, contents[f.Name], 0o644)
		}
		sent, received := r.do()
		if sent.err != nil || received.err != nil || !slices.Equal(sent.headers, received.headers) {
			rt.Fatalf("sent %v, received %v", sent, received)
		}
		if got := r.arrived(); len(got) != len(contents) {
			rt.Fatalf("arrived: %q", got)
		}
		for n, want := range contents {
			got, err := os.ReadFile(filepath.Join(r.to, filepath.FromSlash(n)))
			if err != nil || !bytes.Equal(got, want) {
				rt.Fatalf("%s: %v, %d of %d bytes", n, err, len(got), len(want))
			}
		}
	})
}
