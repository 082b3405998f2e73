package jobs

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/transfer"
)

// input writes a file of random content.
func input(t *testing.T, size int, seed uint64) transfer.Source {
	t.Helper()
	content := make([]byte, size)
	if _, err := rand.NewChaCha8([32]byte{byte(seed)}).Read(content); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "data.bin")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return transfer.Source{Name: "data.bin", Path: path}
}

// copies is a script that returns the input.
const copies = `cp "$MOOT_IN/data.bin" "$MOOT_OUT/data.bin"`

func (c *caller) startInput(script string) (id string) {
	c.t.Helper()
	id = c.startWith(events.JobStart{V: 1, Lease: c.reserve(), Command: "sh", Args: []string{script}, Inputs: 1})
	c.until(func(e events.JobEvent) bool { return e.State == events.JobSending })
	return id
}

// give sends one input whole and waits for the job's end.
func (c *caller) give(id string, f transfer.Source, want events.JobNeeds) (last events.JobEvent) {
	c.t.Helper()
	if diff := cmp.Diff(events.JobNeeds{V: 1, JobID: id, Want: []events.JobWant{{}}}, want); diff != "" {
		c.t.Fatal(diff)
	}
	if _, err := transfer.Send(c.t.Context(), c.bulk, []transfer.Source{f}, nil); err != nil {
		c.t.Fatal(err)
	}
	_, last = c.end()
	return last
}

// arrived fails the test unless the job had the file for its input.
func (r *rig) arrived(id string, f transfer.Source) {
	r.t.Helper()
	want, err := os.ReadFile(f.Path)
	if err != nil {
		r.t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(r.dir, id, "work/out/data.bin")); err != nil || !bytes.Equal(got, want) {
		r.t.Errorf("the job had %d bytes for its input, %v, and not what was sent", len(got), err)
	}
	entries, err := os.ReadDir(filepath.Join(r.dir, id, "work/in"))
	if err != nil || len(entries) != 1 {
		r.t.Errorf("its inputs are %v, %v", entries, err)
	}
}

// A counted channel calls then with the frame of a number.
type counted struct {
	*end
	left int
	then func()
}

func (c *counted) SendWait(ctx context.Context, frame []byte) error {
	if c.left--; c.left == 0 {
		c.then()
	}
	return c.end.SendWait(ctx, frame)
}

// What has arrived when a link breaks is not sent again over the next one.
func TestIntake_GoesOnWhereALinkHasBroken(t *testing.T) {
	r := newRig(t, nil)
	f := input(t, 3<<20, 1)
	c := r.call("alice")
	id := c.startInput(copies)
	c.offer(id, f)
	c.needs()
	_, err := transfer.Send(t.Context(), &counted{c.bulk, 150, func() { c.hangUp() }}, []transfer.Source{f}, nil)
	if err == nil {
		t.Fatal("all of it was sent")
	}
	again := r.call("alice")
	again.send(events.FrameAttach, events.JobAttach{V: 1, JobID: id, Since: 2})
	again.offer(id, f)
	n := again.needs()
	if len(n.Want) != 1 || n.Want[0].Offset == 0 || n.Want[0].Offset >= 3<<20 {
		t.Fatalf("needed is %+v", n)
	}
	f.Offset = n.Want[0].Offset
	if _, err := transfer.Send(t.Context(), again.bulk, []transfer.Source{f}, nil); err != nil {
		t.Fatal(err)
	}
	_, last := again.end()
	wantEnd(t, last, events.JobDone, 0)
	r.arrived(id, f)
}

// A job that is not to have its inputs leaves nothing of them.
func TestIntake_OfAJobThatEndsNoPartStays(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.InputIdle = 500 * time.Millisecond })
	f := input(t, 3<<20, 1)
	c := r.call("alice")
	id := c.startInput(copies)
	c.offer(id, f)
	c.needs()
	if _, err := transfer.Send(t.Context(), &counted{c.bulk, 150, func() { c.hangUp() }}, []transfer.Source{f}, nil); err == nil {
		t.Fatal("all of it was sent")
	}
	in := filepath.Join(r.dir, id, "work/in")
	if found, err := os.ReadDir(in); err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	eventually(t, "the slot is free", func() bool { return r.Load().Free == 1 })
	if found, err := os.ReadDir(in); err != nil || len(found) > 0 {
		t.Errorf("%v, %v", found, err)
	}
}

// A client may offer over a new link before the worker has noticed that the old one is
// dead.
func TestIntake_TheNewestLinkCounts(t *testing.T) {
	r := newRig(t, nil)
	f := input(t, 1000, 1)
	c := r.call("alice")
	id := c.startInput(copies)
	c.offer(id, f)
	c.needs()
	again := r.call("alice")
	again.send(events.FrameAttach, events.JobAttach{V: 1, JobID: id, Since: 2})
	again.offer(id, f)
	last := again.give(id, f, again.needs())
	wantEnd(t, last, events.JobDone, 0)
	r.arrived(id, f)
}

func TestIntake_OffersThatAreRefused(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.InputBytes = 2000 })
	in := func(name string, size int64) events.JobInput { return events.JobInput{Name: name, Size: size} }
	for name, files := range map[string][]events.JobInput{
		"out of the folder": {in("../x", 1), in("b", 1)},
		"twice":             {in("a", 1), in("a", 1)},
		"of less than none": {in("a", -1), in("b", 1)},
		"too large":         {in("a", 1000), in("b", 1001)},
		"too few":           {in("a", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			c := r.call("alice")
			defer func() { c.hangUp() }()
			id := c.startWith(events.JobStart{V: 1, Lease: c.reserve(), Command: "sh", Args: []string{"echo ran"}, Inputs: 2})
			c.send(events.FrameInputs, events.JobInputs{V: 1, JobID: id, Files: files})
			all, last := c.end()
			if last.State != events.JobFailed || !strings.HasPrefix(last.Reason, "the inputs did not arrive whole") || lines(all, events.StreamStdout) != nil {
				t.Errorf("ended as %+v", last)
			}
		})
	}
	c := r.call("alice")
	id := c.startWith(events.JobStart{V: 1, Lease: c.reserve(), Command: "sh", Args: []string{"true"}, Inputs: 1})
	c.until(func(e events.JobEvent) bool { return e.State == events.JobSending })
	stranger := r.call("mallory")
	stranger.send(events.FrameInputs, events.JobInputs{V: 1, JobID: id, Files: []events.JobInput{in("a", 1)}})
	wantCode(t, stranger.answer(), events.CodeForbidden)
	c.send(events.FrameInputs, events.JobInputs{V: 1, JobID: id, Files: []events.JobInput{in("a", 1), in("b", 1)}})
	wantCode(t, c.answer(), events.CodeInvalid)
	c.send(events.FrameEvidence, events.JobEvidence{V: 1, JobID: id})
	wantCode(t, c.answer(), events.CodeInvalid)
}

// first runs a job with an input, which then lies here.
func (r *rig) first(f transfer.Source, script string) (id string) {
	r.t.Helper()
	c := r.call("alice")
	id = c.startInput(script)
	c.offer(id, f)
	last := c.give(id, f, c.needs())
	wantEnd(r.t, last, events.JobDone, 0)
	c.hangUp()
	return id
}

// An input that lies here already is not sent, whoever brought it, if the client shows
// that it has the content.
func TestKept_IsNotSentAgain(t *testing.T) {
	r := newRig(t, nil)
	f := input(t, 3<<20, 1)
	r.first(f, "true")
	c := r.call("bob")
	id := c.startInput(copies)
	c.offer(id, f)
	if diff := cmp.Diff(events.JobNeeds{V: 1, JobID: id, Prove: []int{0}}, c.needs()); diff != "" {
		t.Fatal(diff)
	}
	c.send(events.FrameEvidence, events.JobEvidence{V: 1, JobID: id, Sums: []string{c.knows(f, 3<<20)}})
	if n := c.needs(); n.Prove != nil || n.Want != nil {
		t.Fatalf("needed is %+v", n)
	}
	_, last := c.end()
	wantEnd(t, last, events.JobDone, 0)
	r.arrived(id, f)
}

// So is what another job put out.
func TestKept_OutputsToo(t *testing.T) {
	r := newRig(t, nil)
	f := input(t, 2<<20, 1)
	id := r.first(f, copies)
	if err := os.Remove(filepath.Join(r.dir, id, "work/in/data.bin")); err != nil {
		t.Fatal(err)
	}
	c := r.call("bob")
	id = c.startInput("true")
	c.offer(id, f)
	if n := c.needs(); !slices.Equal(n.Prove, []int{0}) {
		t.Errorf("needed is %+v", n)
	}
}

// Of many files of one size each is found, and no beginning is read twice.
func TestKept_ManyOfOneSize(t *testing.T) {
	const files = 70
	r := newRig(t, nil)
	id := r.first(input(t, 2<<20, 1), `for i in $(seq `+strconv.Itoa(files)+`); do head -c 1048576 /dev/urandom > "$MOOT_OUT/$i"; done`)
	salt := []byte("of this link")
	reads := 0
	search := r.search(salt, func() { reads++ })
	for i := 1; i <= files; i++ {
		out := transfer.Source{Name: "data.bin", Path: filepath.Join(r.dir, id, "work/out", strconv.Itoa(i))}
		head, err := out.Sum(t.Context(), salt, events.JobHeadBytes)
		if err != nil {
			t.Fatal(err)
		}
		f := search.alike(t.Context(), events.JobInput{Name: "data.bin", Size: 1 << 20, Head: head})
		if f == nil {
			t.Fatalf("file %d is not found", i)
		}
		if filepath.Base(f.Name()) != strconv.Itoa(i) {
			t.Errorf("%s is taken for file %d", f.Name(), i)
		}
		f.Close()
	}
	all := reads
	if f := search.alike(t.Context(), events.JobInput{Size: 1 << 20, Head: "another"}); f != nil || reads != all+1 {
		t.Errorf("%v found, %d reads more", f, reads-all-1)
	}
}

// What a client gets here it has already: it must show more than a hash, or the
// beginning, and on this link.
func TestKept_IsNotGivenToWhoDoesNotHaveIt(t *testing.T) {
	const size = 3 << 20
	f := input(t, size, 1)
	whole, err := os.ReadFile(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	// What mallory has: a file of that size that begins alike.
	whole[size-1] ^= 1
	forged := transfer.Source{Name: "data.bin", Path: filepath.Join(t.TempDir(), "data.bin")}
	if err := os.WriteFile(forged.Path, whole, 0o644); err != nil {
		t.Fatal(err)
	}
	hash, err := f.Sum(t.Context(), nil, size)
	if err != nil {
		t.Fatal(err)
	}
	for name, evidence := range map[string]func(mallory, alice *caller) string{
		"her own from another link": func(mallory, _ *caller) string { return mallory.rig.call("mallory").knows(f, size) },
		"all but a byte":            func(mallory, _ *caller) string { return mallory.knows(forged, size) },
		"the hash":                  func(_, _ *caller) string { return hash },
		"the owner's on its link":   func(_, alice *caller) string { return alice.knows(f, size) },
		"the beginning":             func(mallory, _ *caller) string { return mallory.knows(f, events.JobHeadBytes) },
		"nothing":                   func(_, _ *caller) string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			r.first(f, "true")
			alice, mallory := r.call("alice"), r.call("mallory")
			id := mallory.startInput(copies)
			mallory.offer(id, forged)
			if n := mallory.needs(); !slices.Equal(n.Prove, []int{0}) {
				t.Fatalf("needed is %+v", n)
			}
			sum := evidence(mallory, alice)
			mallory.send(events.FrameEvidence, events.JobEvidence{V: 1, JobID: id, Sums: []string{sum}})
			last := mallory.give(id, forged, mallory.needs())
			wantEnd(t, last, events.JobDone, 0)
			r.arrived(id, forged)
		})
	}
}

// What a job has made of its input is not taken for it.
func TestKept_ThatAJobHasChangedIsSentAgain(t *testing.T) {
	r := newRig(t, nil)
	f := input(t, 2<<20, 1)
	r.first(f, `printf x | dd of="$MOOT_IN/data.bin" bs=1 seek=2000000 conv=notrunc`)
	c := r.call("bob")
	id := c.startInput(copies)
	c.offer(id, f)
	if n := c.needs(); !slices.Equal(n.Prove, []int{0}) {
		t.Fatalf("needed is %+v", n)
	}
	c.send(events.FrameEvidence, events.JobEvidence{V: 1, JobID: id, Sums: []string{c.knows(f, 2<<20)}})
	last := c.give(id, f, c.needs())
	wantEnd(t, last, events.JobDone, 0)
	r.arrived(id, f)
}

// A command may have put anything in its input's place.
func TestKept_NeitherLinksNorPipesAreRead(t *testing.T) {
	f := input(t, 2<<20, 1)
	for name, put := range map[string]func(path string) error{
		"link": func(path string) error { return os.Symlink(f.Path, path) },
		"pipe": func(path string) error { return syscall.Mkfifo(path, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			path := filepath.Join(r.dir, r.first(f, copies), "work/out/data.bin")
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := put(path); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(filepath.Join(filepath.Dir(path), "../in/data.bin")); err != nil {
				t.Fatal(err)
			}
			c := r.call("bob")
			id := c.startInput(copies)
			c.offer(id, f)
			last := c.give(id, f, c.needs())
			wantEnd(t, last, events.JobDone, 0)
		})
	}
}

// What moves is counted once, from wherever a file went on.
func TestIntake_CountsWhatMoved(t *testing.T) {
	moved := int64(0)
	report := counting(map[string]int64{"a": 100}, func(n int64) { moved += n })
	for _, p := range []transfer.Progress{{Name: "a", Done: 150}, {Name: "a", Done: 200}, {Name: "b", Done: 30}} {
		report(p)
	}
	if moved != 130 {
		t.Errorf("%d bytes", moved)
	}
}
