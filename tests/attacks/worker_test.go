package attacks

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
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

	measures bool // what the job measured is kept beside its outputs
}

// play has clients run jobs on the rogue, some at a time.
func (r *rogue) play(tricks map[string]trick) {
	r.t.Helper()
	const atOnce = 6
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
			if k.measures {
				if err := os.Remove(filepath.Join(v.home, "work", "to", "moot-metrics.csv")); err != nil {
					r.t.Error(err)
				}
			}
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
		"over-a-link": "link", "through-a-link": "up/x", "bait-through-a-link": "up/bait", "over-a-file": "bait", "below-a-file": "bait/x",
	} {
		h := header(name, content)
		tricks["named-"+what] = trick{act: act{on: func(v *visit) { v.give(h, content) }}, codes: failed}
		if !slices.Contains([]string{"above", "absolute", "nothing", "over-a-file", "over-a-link", "through-a-link"}, what) {
			continue
		}
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
	}), codes: append(failed, 130), until: 5 * time.Second}
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

// drives is text that would set a terminal's title, clear it, and turn letters around.
const drives = "\x1b]0;pwned\x07\x1b[2J\r\u009b2J\u202e"

// Issue 6: whatever a worker says while a job runs drives no terminal, fills no memory,
// and leaves the client with an end, or with Ctrl-C; nothing that failed ends with 0.
func TestWorker_WhatItSaysHarmsNobody(t *testing.T) {
	t.Parallel()
	r := newRogue(t)
	r.honestly()
	code := func(n int) *int { return &n }
	says := func(say func(*visit)) act {
		return act{on: func(v *visit) {
			v.run()
			say(v)
			v.hold()
		}}
	}
	ends := func(e events.JobEvent) act {
		return says(func(v *visit) { e.Kind = events.JobEventState; v.event(e) })
	}
	flood := func(next func(n int) events.JobEvent) act {
		return says(func(v *visit) {
			for end, n := time.Now().Add(6*time.Second), 0; time.Now().Before(end) && v.event(next(n)); n++ {
			}
			v.done()
		})
	}
	big := strings.Repeat("m", 32<<10)
	answers := func(f []byte) act {
		return act{on: func(v *visit) { v.put(v.link.Control(), f); v.hold() }}
	}
	frames := slices.DeleteFunc(malformed(), func(f []byte) bool { return events.FrameType(f[0]) == events.FrameError })
	r.play(map[string]trick{
		"frames":             {act: says(func(v *visit) { v.put(v.link.Control(), frames...); v.done() }), codes: []int{0}},
		"frames-for-an-ack":  {act: act{on: func(v *visit) { v.put(v.link.Control(), frames...); v.hold() }}, codes: []int{64, 69}},
		"an-error":           {act: answers(events.Pack(events.FrameError, events.Errorf(events.CodeNotAllowed, drives).WithFact(drives).WithTry(drives))), codes: []int{77}},
		"an-error-of-then":   {act: answers(events.Pack(events.FrameError, events.Errorf("tomorrow", drives))), codes: []int{70}},
		"an-error-of-nobody": {act: answers(events.Frame(events.FrameError, []byte("{}"))), codes: []int{70}, shows: "without a reason"},
		"an-error-later": {act: says(func(v *visit) {
			v.put(v.link.Control(), events.Pack(events.FrameError, events.Errorf(events.CodeFile, drives)))
		}), codes: []int{74}},
		"an-id":              {act: answers(events.Pack(events.FrameAck, events.JobAck{V: 1, JobID: drives})), codes: []int{64}},
		"an-id-above":        {act: answers(events.Pack(events.FrameAck, events.JobAck{V: 1, JobID: "../x"})), codes: []int{64}},
		"a-reservation":      {act: act{reserve: func() (any, error) { return nil, events.Errorf(events.CodeBusy, drives).WithFact(drives) }}, codes: []int{75}, flags: []string{"--explain"}},
		"a-reservation-of-x": {act: act{reserve: func() (any, error) { return drives, nil }}, codes: []int{64, 69, 70}, flags: []string{"--explain"}},
		"notes":              {act: says(func(v *visit) { v.say(events.StreamNote, drives); v.done() }), codes: []int{0}, shows: "]0;pwned?"},
		"progress": {act: flood(func(int) events.JobEvent {
			return events.JobEvent{Kind: events.JobEventProgress, Done: 1e308, Total: -1, Text: drives}
		}), codes: []int{0}},
		"metrics": {act: flood(func(n int) events.JobEvent {
			return events.JobEvent{Kind: events.JobEventMetric, Name: drives + big + strconv.Itoa(n), Line: big[1000:], Value: 1}
		}), codes: []int{0}, flags: []string{"--explain"}, measures: true},
		"lines": {act: flood(func(int) events.JobEvent {
			return events.JobEvent{Kind: events.JobEventOutput, Stream: events.StreamStdout, Line: big}
		}), codes: []int{0}},
		"a-line-without-end": {act: flood(func(int) events.JobEvent {
			return events.JobEvent{Kind: events.JobEventOutput, Stream: events.StreamStdout, Line: big, More: true}
		}), codes: []int{0}},
		"kinds-of-nothing": {act: flood(func(n int) events.JobEvent {
			return events.JobEvent{Kind: drives, State: drives, Stream: drives, Line: big}
		}), codes: []int{0}},
		"states-of-nothing": {act: says(func(v *visit) {
			v.event(events.JobEvent{Kind: events.JobEventState, State: drives, Reason: drives})
			v.done()
		}), codes: []int{0}},
		"a-reason":         {act: ends(events.JobEvent{State: events.JobFailed, Reason: drives, ExitCode: code(7)}), codes: []int{7}, shows: "]0;pwned?"},
		"a-reason-of-loss": {act: ends(events.JobEvent{State: events.JobLost, Reason: drives}), codes: []int{75}},
		"code-256":         {act: ends(events.JobEvent{State: events.JobFailed, ExitCode: code(256)}), codes: []int{70}},
		"code-below-0":     {act: ends(events.JobEvent{State: events.JobFailed, ExitCode: code(-256)}), codes: []int{70}},
		"code-beyond":      {act: ends(events.JobEvent{State: events.JobFailed, ExitCode: code(1 << 40)}), codes: []int{70}},
		"failed-with-0":    {act: ends(events.JobEvent{State: events.JobFailed, ExitCode: code(0)}), codes: []int{75}},
		"another-job": {act: says(func(v *visit) {
			v.event(events.JobEvent{JobID: "j-of-another", Kind: events.JobEventOutput, Stream: events.StreamStdout, Line: "another's"})
			v.event(events.JobEvent{JobID: "j-of-another", Kind: events.JobEventState, State: events.JobFailed, ExitCode: code(3)})
			v.done()
		}), codes: []int{0}, never: "another's"},
		"back": {act: says(func(v *visit) {
			v.event(events.JobEvent{Seq: 1, Kind: events.JobEventOutput, Stream: events.StreamStdout, Line: "repeated"})
			v.done()
		}), codes: []int{0}, never: "repeated"},
		"jump": {act: says(func(v *visit) {
			v.event(events.JobEvent{Seq: 1<<64 - 1, Kind: events.JobEventOutput, Stream: events.StreamStdout, Line: "jumped"})
			v.event(events.JobEvent{Seq: 3, Kind: events.JobEventOutput, Stream: events.StreamStdout, Line: "repeated"})
		}), codes: []int{130}, never: "repeated", until: 4 * time.Second},
		"after-the-end": {act: says(func(v *visit) {
			v.done()
			v.say(events.StreamStdout, "afterwards")
			v.event(events.JobEvent{Kind: events.JobEventState, State: events.JobFailed, ExitCode: code(9)})
		}), codes: []int{0}, never: "afterwards"},
		"silence":           {act: act{on: (*visit).hold}, codes: []int{75, 130}, until: 8 * time.Second},
		"silence-later":     {act: says(func(*visit) {}), codes: []int{130}, until: 4 * time.Second},
		"links-that-break":  {act: act{on: func(v *visit) { v.run() }}, codes: []int{75, 130}, until: 6 * time.Second},
		"inputs-of-nobody":  {act: says(r.needs(events.JobNeeds{Want: []events.JobWant{{File: 9}}})), codes: []int{64}, flags: []string{"-i", "../input"}},
		"inputs-below-0":    {act: says(r.needs(events.JobNeeds{Want: []events.JobWant{{File: -1}}})), codes: []int{64}, flags: []string{"-i", "../input"}},
		"inputs-twice":      {act: says(r.needs(events.JobNeeds{Want: []events.JobWant{{}, {}}})), codes: []int{64}, flags: []string{"-i", "../input"}},
		"inputs-from-afar":  {act: says(r.needs(events.JobNeeds{Want: []events.JobWant{{Offset: 1 << 40}}})), codes: []int{64, 65, 74}, flags: []string{"-i", "../input"}},
		"inputs-before-all": {act: says(r.needs(events.JobNeeds{Want: []events.JobWant{{Offset: -1}}})), codes: []int{64, 65, 74}, flags: []string{"-i", "../input"}},
		"proofs-twice":      {act: says(r.needs(events.JobNeeds{Prove: slices.Repeat([]int{0}, 10_000)})), codes: []int{64}, flags: []string{"-i", "../input"}},
		"proofs-of-nobody":  {act: says(r.needs(events.JobNeeds{Prove: []int{1}})), codes: []int{64}, flags: []string{"-i", "../input"}},
		"inputs-in-silence": {act: says(func(*visit) {}), codes: []int{130}, flags: []string{"-i", "../input"}, until: 4 * time.Second},
	})
}

// needs answers an offer of inputs, and reads on: a client that has enough of it cancels.
func (r *rogue) needs(n events.JobNeeds) func(*visit) {
	return func(v *visit) {
		n.V, n.JobID = events.ProtocolVersion, v.id()
		if v.until(events.FrameInputs) {
			v.send(events.FrameNeeds, n)
		}
		if v.until(events.FrameSignal) {
			v.event(events.JobEvent{Kind: events.JobEventState, State: events.JobCanceled})
		}
	}
}

// Issue 6: what a worker says of its jobs and folders, and as admin of its room, to who
// asks: the commands that show it are not driven, end, and ask nobody that cannot be.
func TestWorker_WhatItListsHarmsNobody(t *testing.T) {
	t.Parallel()
	r := newRogue(t)
	r.honestly()
	turn := make(chan struct{}, 6)
	var showing sync.WaitGroup
	shows := func(name string, codes []int, until time.Duration, args ...string) {
		t.Helper()
		turn <- struct{}{}
		defer func() { <-turn }()
		v := newVictim(t, r.stage)
		e := v.moot(until, args...)
		harm := v.harm(e, false, nil)
		if harm == "" && !slices.Contains(codes, e.code) {
			harm = "the exit code is another one"
		}
		all.attack(t, harm != "", "%s: %s: exit code %d\n%.300s\n%.2000s", name, harm, e.code, e.out, e.err)
		t.Logf("%s: %d MiB, exit code %d: %.100q %.200q", name, e.mib, e.code, e.out, e.err)
	}
	job := func(change func(*events.JobInfo)) events.JobInfo {
		j := r.info("j-x")
		change(&j)
		return j
	}
	list := func(jobs ...events.JobInfo) act {
		return act{jobs: func(events.ListJobs) any { return events.JobList{V: 1, Jobs: jobs} }}
	}
	// moot jobs asks for the job "".
	for what, a := range map[string]act{
		"texts": list(job(func(j *events.JobInfo) {
			j.Command, j.State = drives, drives
			j.Outputs = []events.FileHeader{{Name: drives, Size: -1}}
		})),
		"an id": list(job(func(j *events.JobInfo) { j.JobID = drives })),
		"no end": {jobs: func(events.ListJobs) any {
			return events.JobList{V: 1, Jobs: slices.Repeat([]events.JobInfo{r.info("j-x")}, 200), More: true}
		}},
		"nonsense": {jobs: func(events.ListJobs) any { return []string{drives} }},
	} {
		r.will("", a)
		shows("jobs, "+what, []int{0}, 0, "jobs")
		shows("jobs, "+what+", JSON", []int{0}, 0, "jobs", "--json")
	}
	r.will("", act{})
	for what, alter := range map[string]func(*events.Worker){
		"texts": func(w *events.Worker) {
			w.Name, w.Status, w.CurrentJob, w.Path = drives, drives, drives, drives
			w.Metadata.Properties.GPUModel, w.Commands, w.Mounts = drives, []string{drives}, []string{drives}
		},
		"a pattern for an id":    func(w *events.Worker) { w.PeerID = "*" },
		"lines for an id":        func(w *events.Worker) { w.PeerID = "x y 0\r\n\r\nPUB room.lab.event.admin 2\r\nhi\r\nPUB x" },
		"a terminal's for an id": func(w *events.Worker) { w.PeerID = drives },
		"nothing for an id":      func(w *events.Worker) { w.PeerID = "" },
	} {
		r.will("workers", act{workers: func(l *events.WorkerList) {
			l.Source, l.RoomID = drives, drives
			alter(&l.Workers[0])
		}})
		for _, args := range [][]string{{"workers"}, {"workers", "--json"}, {"jobs"}, {"run", "--dry-run", "--", "x"}, {"run", "--explain", "--worker", "lynx", "--", "x"}} {
			showing.Go(func() { shows("workers, "+what+", "+strings.Join(args, " "), []int{0, 75, 77}, 0, args...) })
		}
		showing.Wait()
	}
	r.will("workers", act{workers: func(l *events.WorkerList) {
		l.Rejected = []events.Rejected{{PeerID: "lynx", Reason: drives}}
		l.AgeMS, l.Total = -1, -1
	}})
	shows("workers, reasons", []int{0}, 0, "workers")
	r.will("workers", act{})

	entry := func(name string) events.MountEntry { return events.MountEntry{Name: name, Kind: events.EntryFile} }
	page := func(more bool, entries ...events.MountEntry) act {
		return act{on: func(v *visit) {
			v.send(events.FrameListing, events.MountListing{V: 1, Entries: entries, More: more})
			v.hold()
		}}
	}
	for name, a := range map[string]act{
		"texts":   page(false, events.MountEntry{Name: drives, Kind: drives, Size: -1}),
		"nothing": page(true), "no-end": page(true, entry("a")), "back": page(false, entry("b"), entry("a")),
		"silence":  {on: (*visit).hold},
		"nonsense": {on: func(v *visit) { v.put(v.link.Control(), malformed()...) }},
	} {
		r.will(name, a)
		showing.Go(func() { shows("ls, "+name, []int{0, 64, 69}, 0, "ls", "heron", "data:/"+name) })
	}
	// Who comes back to a job: it is listed, and its worker says what it likes.
	for name, a := range map[string]act{
		"log-texts":  {on: func(v *visit) { v.run(); v.say(events.StreamNote, drives); v.say(drives, "::x"); v.done(); v.hold() }},
		"log-silent": {on: (*visit).hold},
		"log-above":  {on: func(v *visit) { v.run(); v.done(header("../x", "y")); v.hold() }},
		"log-errors": {on: func(v *visit) {
			v.put(v.link.Control(), events.Pack(events.FrameError, events.Errorf(events.CodeForbidden, drives)))
			v.hold()
		}},
	} {
		r.will(name, a)
		for _, args := range [][]string{{"logs"}, {"logs", "-f"}, {"logs", "--metrics"}, {"get", "--to", "to"}, {"stop"}, {"cancel"}} {
			showing.Go(func() {
				shows(strings.Join(args, " ")+", "+name, []int{0, 64, 65, 69, 75, 77, 130}, 8*time.Second, append(args, "j-"+name)...)
			})
		}
	}
	showing.Wait()
	r.will("hello", act{on: func(v *visit) {
		v.send(events.FrameHello, events.JobHello{V: 1, Nonce: drives + strings.Repeat("n", 60_000)})
		v.hold()
	}})
	shows("a nonce", []int{69, 130}, 4*time.Second, "logs", "-f", "j-x")
	r.will("hello", act{})

	// Another member says that a job is its own: whose it is is not for it to say.
	lynx := newInsider(t, r.stage, events.RoleWorker, "lynx")
	if _, err := lynx.session.Respond(events.WorkSubject(lab, "lynx", events.Any), func(string, []byte) (any, error) {
		return events.JobList{V: 1, Jobs: []events.JobInfo{job(func(j *events.JobInfo) { j.Created = events.At(time.Now().AddDate(100, 0, 0)) })}}, nil
	}); err != nil {
		t.Fatal(err)
	}
	r.will("workers", act{workers: func(l *events.WorkerList) {
		w := l.Workers[0]
		w.PeerID, w.Name, w.Incarnation, w.NKey, w.IsAdmin = "lynx", "lynx", lynx.seat.Incarnation, lynx.session.Key(), false
		l.Workers = append(l.Workers, w)
	}})
	for _, args := range [][]string{{"get", "--to", "to", "j-x"}, {"logs", "j-x"}, {"cancel", "j-x"}} {
		shows("of two, "+args[0], []int{75}, 0, args...)
	}
	r.will("x", act{on: func(v *visit) { v.run(); v.say(events.StreamStdout, "heron's own"); v.done(); v.hold() }})
	v := newVictim(t, r.stage)
	if e := v.moot(0, "logs", "heron/j-x"); e.code != 0 || e.out != "heron's own\n" {
		t.Errorf("the one that is meant: exit code %d\n%s\n%s", e.code, e.out, e.err)
	}
}
