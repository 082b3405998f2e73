package attacks

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

// A trick is what a rogue does to a client that runs a job, and how that may end.
type trick struct {
	act
	codes  []int             // exit codes that it may end with
	passes bool              // stdout is the job's own, as it came
	kept   map[string]string // files that rightly come to the folder
	until  time.Duration     // until Ctrl-C
	flags  []string
	shows  string // is in what is printed
	never  string // is not
}

// play has clients run jobs on the rogue, some at a time.
func (r *rogue) play(tricks map[string]trick) {
	r.t.Helper()
	const atOnce = 4
	turn := make(chan struct{}, atOnce)
	var playing sync.WaitGroup
	for name, k := range tricks {
		r.will(name, k.act)
		v := newVictim(r.t, r.stage)
		playing.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			begun := time.Now()
			e := v.moot(k.until, append(append([]string{"run", "--to", "to"}, k.flags...), "--", name)...)
			harm := v.harm(e, k.passes, k.kept)
			switch {
			case harm != "":
			case !slices.Contains(k.codes, e.code):
				harm = "the exit code is another one"
			case k.never != "" && strings.Contains(e.out+e.err, k.never):
				harm = "it shows " + k.never
			case !strings.Contains(e.out+e.err, k.shows):
				harm = "it does not show " + k.shows
			}
			all.attack(r.t, harm != "", "%s: %s: exit code %d\n%.300s\n%.2000s", name, harm, e.code, e.out, e.err)
			r.t.Logf("%s: %s, %d MiB, exit code %d: %.200q", name, time.Since(begun).Round(10*time.Millisecond), e.mib, e.code, e.err)
		})
	}
	playing.Wait()
	if err := r.stage.Fallen(); err != nil {
		r.t.Error(err)
	}
}

// honestly shows that the rogue's own ways are those of a worker, where it means no harm.
func (r *rogue) honestly() {
	r.t.Helper()
	const content = "as it should be"
	r.will("honest", act{on: func(v *visit) { v.give(header("sub/good", content), content) }})
	v := newVictim(r.t, r.stage)
	e := v.moot(0, "run", "--to", "to", "--", "honest")
	if harm := v.harm(e, false, map[string]string{"sub/good": content}); harm != "" || e.code != 0 {
		r.t.Fatalf("honestly: %s: exit code %d\n%s", harm, e.code, e.err)
	}
}

// Issue 6: a worker that names what is no name, sends other files than it announced, more
// of them or less, or the same again over another link, writes nothing outside of the
// folder and over no file that was there, and nothing of it is kept that is not as its
// hash says.
func TestWorker_OutputsStayInTheirFolder(t *testing.T) {
	t.Parallel()
	r := newRogue(t)
	r.honestly()
	failed := []int{64, 65, 74, 75}
	tricks := map[string]trick{}
	const content = "not yours"
	for what, name := range map[string]string{
		"above": "../x", "far-above": "../../../../../../tmp/moot-pwned", "absolute": "/tmp/moot-pwned", "inside-out": "a/../../x", "itself": ".", "nothing": "", "slashes": "a//b", "folder": "a/",
		"backslash": `..\x`, "drive": `C:\x`, "share": `\\host\x`, "nul": "a\x00b", "escape": "a\x1b[2J", "newline": "a\nb", "c1": "a\u009b2J", "long": strings.Repeat("a", 300), "longer": strings.Repeat("a/", 2000),
		"over-a-link": "link", "through-a-link": "up/x", "bait-through-a-link": "up/bait", "no-utf8": "\xff\xfe", "over-a-file": "bait", "below-a-file": "bait/x",
	} {
		h := header(name, content)
		tricks["named-"+what] = trick{act: act{on: func(v *visit) { v.give(h, content) }}, codes: failed}
		// Announced well, and then another name in the transfer.
		good := header("good", content)
		tricks["sent-"+what] = trick{act: act{on: func(v *visit) {
			v.run()
			v.done(good)
			if v.until(events.FrameAttach) {
				v.put(v.link.Bulk(), parcel([]events.FileHeader{h}, content)...)
				v.hold()
			}
		}}, codes: failed}
	}
	good := header("good", content)
	sending := func(frames ...[]byte) act {
		return act{on: func(v *visit) {
			v.run()
			v.done(good)
			if v.until(events.FrameAttach) {
				v.put(v.link.Bulk(), frames...)
				v.hold()
			}
		}}
	}
	announcing := func(h events.FileHeader, sent string) act { return act{on: func(v *visit) { v.give(h, sent) }} }
	with := func(change func(*events.FileHeader)) events.FileHeader {
		h := good
		change(&h)
		return h
	}
	huge := strings.Repeat("x", 8<<20)
	for what, a := range map[string]act{
		"longer-than-announced":  announcing(good, content+"!"),
		"shorter-than-announced": announcing(good, content[1:]),
		"other-bytes":            announcing(good, strings.ToUpper(content)),
		"hash-of-another":        announcing(with(func(h *events.FileHeader) { h.SHA256 = sum("x") }), content),
		"no-hash":                announcing(with(func(h *events.FileHeader) { h.SHA256 = "" }), content),
		"nonsense-for-a-hash":    announcing(with(func(h *events.FileHeader) { h.SHA256 = "\x1b[2J" }), content),
		"less-than-nothing":      announcing(with(func(h *events.FileHeader) { h.Size = -1 }), content),
		"most-of-all":            announcing(with(func(h *events.FileHeader) { h.Size = 1<<63 - 1 }), content),
		"nothing-and-then-much":  announcing(header("good", ""), huge),
		"manifest-of-another":    sending(parcel([]events.FileHeader{header("other", content)}, content)...),
		"manifest-of-much-more":  sending(parcel([]events.FileHeader{header("good", huge)}, huge)...),
		"manifest-twice":         sending(parcel([]events.FileHeader{good, good}, content)...),
		"one-more":               sending(parcel([]events.FileHeader{good, header("other", content)}, content)...),
		"no-manifest":            sending(parcel([]events.FileHeader{good}, content)[1:]...),
		"no-file":                sending(events.Pack(events.FrameManifest, events.Manifest{Files: []events.FileHeader{}})),
		"manifests-without-end":  sending(slices.Repeat([][]byte{events.Pack(events.FrameManifest, events.Manifest{Files: []events.FileHeader{good}, More: true})}, 1000)...),
		"offset":                 sending(parcel([]events.FileHeader{with(func(h *events.FileHeader) { h.Offset = 4 })}, content[4:])...),
		"an-error":               sending(events.Pack(events.FrameFileError, events.Errorf(events.CodeFile, "\x1b]0;pwned\x07"))),
		"errors-of-nobody":       sending(events.Frame(events.FrameFileError, []byte("\x1b[2J"))),
		"nonsense":               sending(malformed()...),
	} {
		tricks[what] = trick{act: a, codes: failed}
	}
	for what, outputs := range map[string][]events.FileHeader{
		"twice": {good, good}, "as-file-and-folder": {header("good", content), header("good/x", content)}, "in-other-letters-of-case": {header("good", content), header("./good", content)},
		"many": slices.Repeat([]events.FileHeader{{}}, 2500),
	} {
		tricks["announced-"+what] = trick{act: act{on: func(v *visit) {
			v.run()
			v.done(outputs...)
			if v.until(events.FrameAttach) {
				v.put(v.link.Bulk(), parcel(outputs[:min(2, len(outputs))], content)...)
				v.hold()
			}
		}}, codes: failed}
	}
	// What came over one link gives no right over what was there before it.
	bait := header("bait", content)
	again := func(second func(v *visit)) act {
		return act{on: func(v *visit) {
			if v.nth > 1 {
				second(v)
				v.hold()
				return
			}
			v.run()
			v.done(good)
			v.until(events.FrameAttach)
		}}
	}
	tricks["over-a-second-link"] = trick{act: again(func(v *visit) { v.put(v.link.Bulk(), parcel([]events.FileHeader{bait}, content)...) }), codes: failed}
	tricks["ends-again"] = trick{act: again(func(v *visit) {
		v.seq = 10
		v.done(bait)
		if v.until(events.FrameAttach) {
			v.put(v.link.Bulk(), parcel([]events.FileHeader{bait}, content)...)
		}
	}), codes: append(failed, 0), until: 5 * time.Second}
	tricks["ends-twice"] = trick{act: act{on: func(v *visit) {
		v.run()
		v.done(good)
		if v.until(events.FrameAttach) {
			v.done(bait)
			v.until(events.FrameAttach)
			v.put(v.link.Bulk(), parcel([]events.FileHeader{bait}, content)...)
			v.hold()
		}
	}}, codes: append(failed, 130), until: 5 * time.Second}
	r.play(tricks)
}
