package attacks

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/scripts/stage"
	"github.com/moothall/moothall/tests/process"
)

// workshop is a hall with one worker, which runs whatever a client likes.
func workshop(t *testing.T, settings ...string) (*stage.Stage, *insider) {
	t.Helper()
	s := besiegedBy(t, stage.Spec{PeerID: "heron", Name: "heron", MemoryMB: 16000, Settings: append([]string{
		`MOOT_COMMANDS=sh=/bin/sh -c {args}; print=/usr/bin/printf '<%s>\n' {args}; fixed=/bin/echo fixed; in=/bin/ls -R {in}`,
	}, settings...)})
	return s, newInsider(t, s, events.RoleClient, "")
}

// A result is what came of a job as its client saw it.
type result struct {
	id      string // "" if it was refused
	refusal *events.Error
	last    events.JobEvent
	lines   []string
	notes   []string
}

func (r result) String() string {
	if r.refusal != nil {
		return "refused: " + r.refusal.Message
	}
	return fmt.Sprintf("%s %s (%s)", r.id, r.last.State, r.last.Reason)
}

// begin reserves a slot and starts a job on a link of its own. id is "" if it is refused.
func (i *insider) begin(r events.JobStart) (id string, refusal *events.Error) {
	i.t.Helper()
	var granted events.Reserved
	process.Await(i.t, "heron is free", process.Soon, func() bool {
		ctx, cancel := context.WithTimeout(i.t.Context(), patience)
		defer cancel()
		err := i.session.Request(ctx, events.WorkSubject(lab, "heron", i.session.Peer()),
			events.Reserve{V: events.ProtocolVersion, Type: events.TypeReserve, RequestID: rand.Text(), Command: "sh"}, &granted)
		return err == nil
	})
	i.dial("heron", events.PurposeJob)
	r.V, r.Lease = events.ProtocolVersion, granted.Lease
	i.put(i.link.Control(), events.Pack(events.FrameStart, r))
	kind, payload := i.hear()
	var ack events.JobAck
	if kind == events.FrameAck && json.Unmarshal(payload, &ack) == nil {
		return ack.JobID, nil
	}
	refusal = new(events.Error)
	if kind != events.FrameError || json.Unmarshal(payload, refusal) != nil {
		i.t.Fatalf("frame %d %s answers a start", kind, payload)
	}
	defer i.link.Close()
	ctx, cancel := context.WithTimeout(i.t.Context(), patience)
	defer cancel()
	_ = i.session.Request(ctx, events.WorkSubject(lab, "heron", i.session.Peer()),
		events.Release{V: events.ProtocolVersion, Type: events.TypeRelease, Lease: granted.Lease}, nil) // or it lapses
	return "", refusal
}

// job runs a job without inputs to its end.
func (i *insider) job(r events.JobStart) result {
	i.t.Helper()
	id, refusal := i.begin(r)
	if refusal != nil {
		return result{refusal: refusal}
	}
	return i.follow(id)
}

func (i *insider) shell(script string) result {
	i.t.Helper()
	return i.job(events.JobStart{Command: "sh", Args: []string{script}})
}

// follow reads what a job says until it ends, and hangs up.
func (i *insider) follow(id string) result {
	i.t.Helper()
	defer i.link.Close()
	all := result{id: id}
	for !all.last.State.Final() {
		kind, payload := i.hear()
		var e events.JobEvent
		if kind != events.FrameEvent || json.Unmarshal(payload, &e) != nil {
			i.t.Fatalf("frame %d %s of a running job", kind, payload)
		}
		switch {
		case e.Kind == events.JobEventState:
			all.last = e
		case e.Stream == events.StreamStdout:
			all.lines = append(all.lines, e.Line)
		case e.Stream == events.StreamNote:
			all.notes = append(all.notes, e.Line)
		}
	}
	return all
}

type sender interface {
	SendWait(ctx context.Context, frame []byte) error
}

func (i *insider) put(c sender, frame []byte) error {
	ctx, cancel := context.WithTimeout(i.t.Context(), patience)
	defer cancel()
	return c.SendWait(ctx, frame)
}

// hear is the next frame on the job's channel.
func (i *insider) hear() (events.FrameType, []byte) {
	i.t.Helper()
	select {
	case frame, ok := <-i.link.Control().Frames():
		if !ok {
			i.t.Fatalf("the link ended: %v", i.link.Err())
		}
		kind, payload, err := events.ParseFrame(frame)
		if err != nil {
			i.t.Fatal(err)
		}
		return kind, payload
	case <-time.After(2 * process.Soon):
		i.t.Fatal("nothing more came")
	}
	return 0, nil
}

// served reports that the worker still answers and runs an honest job.
func (i *insider) served() error {
	if err := i.stage.Fallen(); err != nil {
		return err
	}
	if r := i.job(events.JobStart{Command: "print", Args: []string{"honest"}}); r.last.State != events.JobDone || !slices.Equal(r.lines, []string{"<honest>"}) {
		return fmt.Errorf("an honest job afterwards: %s, %q", r, r.lines)
	}
	return nil
}

// living are the processes of pids, one a line, that have not ended.
func living(pids []string) (alive []string) {
	for _, pid := range pids {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		_, state, _ := strings.Cut(string(stat), ") ")
		if err == nil && !strings.HasPrefix(state, "Z") {
			alive = append(alive, pid)
		}
	}
	return alive
}

// marked are the processes that carry a job's id.
func marked(t *testing.T, job string) (pids []string) {
	t.Helper()
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil || len(environments) == 0 {
		t.Skip("no /proc")
	}
	for _, path := range environments {
		if env, err := os.ReadFile(path); err == nil && strings.Contains(string(env), "MOOT_JOB_ID="+job+"\x00") {
			pids = append(pids, filepath.Base(filepath.Dir(path)))
		}
	}
	return pids
}

// Issue 6.6: what a client says reaches the command word by word. No shell reads it, and
// what is no word, no command of the owner's, or more than the template takes is refused.
func TestJob_ArgumentsReachNoShell(t *testing.T) {
	t.Parallel()
	s, i := workshop(t)
	trap := filepath.Join(s.Dir, "pwned")
	words := []string{
		"; touch " + trap, "&& touch " + trap, "| touch " + trap, "$(touch " + trap + ")", "`touch " + trap + "`", "> " + trap, "${IFS}touch${IFS}" + trap,
		"a\ntouch " + trap + "\n", "a\r\ntouch " + trap, "' ; touch " + trap + " '", `" ; touch ` + trap + ` "`, `\`, "{args}", "{in}", "{out}", "*", "~", "$HOME", "%s%n%x",
		"-", "--", "--help", "-c", "--version=x", "-v", "", " ", "\t", "\x1b[2J", "\u202e", strings.Repeat("a", 20<<10),
	}
	got := i.job(events.JobStart{Command: "print", Args: words})
	said := strings.Join(got.lines, "\n")
	for _, w := range words {
		plain := "<" + strings.ReplaceAll(w, "\r\n", "\n") + ">" // as the log splits lines
		all.attack(t, !strings.Contains(said, plain[:min(len(plain), 5000)]), "%.60q does not arrive as it is: %.200q", w, said)
	}
	for _, r := range []events.JobStart{
		{Command: "print", Args: []string{"a\x00b"}}, {Command: "print", Args: []string{"\x00"}}, {Command: "fixed", Args: []string{"x"}}, {Command: "fixed", Args: []string{""}},
		{Command: "print;sh"}, {Command: "sh -c"}, {Command: "/bin/sh", Args: []string{"touch " + trap}}, {Command: ""}, {Command: "PRINT"}, {Command: "print\n"}, {Command: "../print"}, {Command: "print\x00"},
		{Command: "print", Inputs: 100_000}, {Command: "print", Inputs: -1}, {Command: "print", Owner: "not a key"}, {Command: "print", Owner: strings.Repeat("U", 10_000)},
		{Command: "in", Mounted: []events.MountedInput{{Name: "x", Mount: "data", Path: "x"}}},
	} {
		got := i.job(r)
		all.attack(t, got.refusal == nil, "%+v runs: %s", r, got)
	}
	_, err := os.Lstat(trap)
	all.attack(t, err == nil, "a shell has read an argument")
	if err := i.served(); err != nil {
		t.Error(err)
	}
}

// Issue 6.6: jobs that fork without end, leave orphans of every kind, or kill who watches
// over them end with all that they started, and the worker serves on.
func TestJob_NothingOfItOutlivesIt(t *testing.T) {
	t.Parallel()
	_, i := workshop(t, "MOOT_JOB_PROCESSES=64")
	for what, script := range map[string]string{
		"a child":                            `sleep 1000 & echo $!; : >up`,
		"in a session of its own":            `setsid sh -c 'echo $$; : >up; exec sleep 1000' &`,
		"without its environment":            `env -i setsid /bin/sh -c 'echo $$; : >up; exec /bin/sleep 1000' &`,
		"a grandchild that lost its parents": `(env -i setsid /bin/sh -c '(echo $$; trap "" TERM HUP INT; : >up; exec /bin/sleep 1000) &' &)`,
		"with the output open":               `(setsid sh -c 'echo $$; : >up; while :; do echo still here; sleep 0.01; done' &)`,
		"stopped":                            `setsid sh -c 'echo $$; : >up; kill -STOP $$; sleep 1000' &`,
		"that forks on and on":               `setsid sh -c 'echo $$; : >up; while :; do setsid sleep 0.02 & sleep 0.01; done' &`,
		"of a job that is killed":            `trap 'kill -9 $$' EXIT; env -i setsid /bin/sh -c 'echo $$; : >up; exec /bin/sleep 1000' &`,
	} {
		got := i.shell(script + "\nuntil [ -e up ]; do sleep 0.01; done")
		pids := slices.DeleteFunc(got.lines, func(l string) bool { _, err := strconv.Atoi(l); return err != nil })
		if len(pids) == 0 {
			t.Fatalf("%s: the job says %q", what, got.lines)
		}
		all.attack(t, len(living(pids)) > 0, "%s: %s lives on after %s", what, pids, got)
	}
	bomb := i.shell(`b() { if [ $1 -gt 0 ]; then b $(($1-1)) & setsid true; b $(($1-1)) & fi; sleep 1000; }; b 7`) // up to 256
	all.attack(t, bomb.last.State != events.JobFailed || !strings.Contains(bomb.last.Reason, "more than 64 processes"), "a fork bomb: %s", bomb)
	all.attack(t, len(marked(t, bomb.id)) > 0, "a fork bomb leaves processes")
	orphaned := i.shell(`sleep 1000 & setsid sleep 1000 & kill -9 $PPID; sleep 1000`)
	all.attack(t, orphaned.last.State != events.JobLost, "a job without its supervisor: %s", orphaned)
	process.Await(t, "its processes end", process.Soon, func() bool { return len(marked(t, orphaned.id)) == 0 })
	if err := i.served(); err != nil {
		t.Error(err)
	}
}

// Issue 6.6: output without end, by lines and without any, and files without number and
// depth are bounded; the worker's memory is flat and nothing is sent that is none of the
// job's.
func TestJob_WhatItWritesIsBounded(t *testing.T) {
	t.Parallel()
	s, i := workshop(t)
	before := memory(t, s.Workers[0].Process)
	jobs := filepath.Join(s.Dir, "heron", "jobs")
	for what, script := range map[string]string{
		"lines":      `yes | head -c 1000000`,
		"no line":    `head -c 20000000 /dev/zero`,
		"redrawn":    `yes | tr '\n' '\r' | head -c 1000000`,
		"directives": `yes '::progress 1 2 x' | head -c 1000000; yes '::metric loss 1 2' | head -c 1000000`,
		"on stderr":  `yes | head -c 1000000 1>&2`,
	} {
		got := i.shell(script)
		log, err := os.Stat(filepath.Join(jobs, got.id, "events.jsonl"))
		all.attack(t, err != nil || log.Size() > 65<<20 || len(got.lines) > 30_000, "%s: %s logs %d lines, %v", what, got, len(got.lines), err)
	}
	for what, script := range map[string]string{
		"100,000 files":      `cd "$MOOT_OUT"; seq 100000 | xargs touch; sleep 1000`,
		"folders in folders": `cd "$MOOT_OUT"; i=0; while [ $i -lt 500 ]; do mkdir dddddddddd && cd dddddddddd; i=$((i+1)); done; sleep 1000`,
	} {
		got := i.shell(script)
		all.attack(t, got.last.State != events.JobFailed || got.last.Reason == "" || len(got.last.Outputs) > 256, "%s: %s", what, got)
	}
	secret := filepath.Join(s.Dir, "secret")
	if err := os.MkdirAll(filepath.Join(secret, "out"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(secret, "out", "secret"), []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, script := range map[string]string{
		"a link to a file":         `ln -s ` + secret + `/out/secret "$MOOT_OUT/x"`,
		"a link to a folder":       `ln -s ` + secret + ` "$MOOT_OUT/x"`,
		"a link in out's place":    `rmdir "$MOOT_OUT"; ln -s ` + secret + `/out "$MOOT_OUT"`,
		"a link in work's place":   `cd ..; mv work was; ln -s ` + secret + ` work`,
		"a link to the job itself": `rmdir "$MOOT_OUT"; ln -s ../.. "$MOOT_OUT"`,
		"a pipe":                   `mkfifo "$MOOT_OUT/x"`,
		"a device":                 `mknod "$MOOT_OUT/x" c 1 5 2>/dev/null; true`,
		"a name of two lines": `: > "$MOOT_OUT/a
b"`,
		"a name with a backslash": `: > "$MOOT_OUT/..\\..\\x"`,
	} {
		got := i.shell(script)
		all.attack(t, len(got.last.Outputs) > 0, "%s comes back: %+v", what, got.last.Outputs)
	}
	if after := memory(t, s.Workers[0].Process); after > before+64 {
		t.Errorf("the worker held %d MiB and holds %d", before, after)
	}
	if err := i.served(); err != nil {
		t.Error(err)
	}
}

// inputs starts a job, offers what the manifests among the frames name, and gives it the
// frames; refusal is what the worker said to the offer.
func (i *insider) inputs(announced int, frames ...[]byte) (got result) {
	i.t.Helper()
	id, refusal := i.begin(events.JobStart{Command: "in", Inputs: announced})
	if refusal != nil {
		return result{refusal: refusal}
	}
	cancel := events.Pack(events.FrameSignal, events.JobSignal{V: events.ProtocolVersion, JobID: id, Action: events.ActionCancel})
	i.put(i.link.Control(), events.Pack(events.FrameInputs, events.JobInputs{V: events.ProtocolVersion, JobID: id, Files: offered(announced, frames)}))
	for {
		kind, payload := i.hear()
		var e events.JobEvent
		switch {
		case kind == events.FrameError:
			refusal = new(events.Error)
			if err := json.Unmarshal(payload, refusal); err != nil {
				i.t.Fatal(err)
			}
			i.put(i.link.Control(), cancel)
			got := i.follow(id)
			got.refusal = refusal
			return got
		case kind == events.FrameNeeds:
			for _, f := range frames {
				if i.put(i.link.Bulk(), f) != nil {
					break
				}
			}
			// An upload that broke off is waited for.
			control := i.link.Control()
			late := time.AfterFunc(brokenOff, func() { i.put(control, cancel) })
			defer late.Stop()
			return i.follow(id)
		case kind != events.FrameEvent || json.Unmarshal(payload, &e) != nil:
			i.t.Fatalf("frame %d %s answers an offer", kind, payload)
		case e.State.Final():
			i.link.Close()
			return result{id: id, last: e}
		}
	}
}

// brokenOff is when an upload that stands still is given up by its client.
const brokenOff = 3 * time.Second

// ran reports whether a job came to run on inputs that should not be taken.
func (r result) ran() bool {
	return r.refusal == nil && r.last.State != events.JobFailed && r.last.State != events.JobCanceled || len(r.lines) > 0
}

// offered are the files of the manifests among frames, or as many others as were
// announced.
func offered(announced int, frames [][]byte) (all []events.JobInput) {
	for _, f := range frames {
		kind, payload, err := events.ParseFrame(f)
		var m events.Manifest
		if err != nil || kind != events.FrameManifest || json.Unmarshal(payload, &m) != nil || m.More {
			continue
		}
		for _, h := range m.Files {
			all = append(all, events.JobInput{Name: h.Name, Size: h.Size})
		}
	}
	if len(all) == 0 {
		for n := range announced {
			all = append(all, events.JobInput{Name: strconv.Itoa(n), Size: 1})
		}
	}
	return all
}

func manifest(files ...events.FileHeader) []byte {
	return events.Pack(events.FrameManifest, events.Manifest{Files: files})
}

// Issue 6.6: names that leave the job's folder, more files and bytes than announced, and
// sizes that cannot be: nothing of it is written where it should not be, and no job starts
// on it.
func TestJob_InputsStayInTheirFolder(t *testing.T) {
	t.Parallel()
	shared := t.TempDir()
	s, i := workshop(t, "MOOT_MOUNTS=data="+shared)
	chunk := events.Frame(events.FrameChunk, make([]byte, 32<<10))
	absolute := filepath.Join(s.Dir, "pwned")
	for _, name := range []string{
		"../pwned", "../../pwned", "../../../../pwned", "../out/pwned", "a/../../pwned", "a/..", "/pwned", absolute, "//pwned", "./pwned", "a//pwned", "pwned/", ".", "..", "",
		`..\pwned`, `C:\pwned`, "pwned\n", "pwned\x00.txt", "\x1b]0;pwned\x07", strings.Repeat("a/", 600) + "pwned", strings.Repeat("a", 300),
	} {
		header := events.FileHeader{Name: name, Size: 1}
		got := i.inputs(1, manifest(header), events.Pack(events.FrameFile, header), events.Frame(events.FrameChunk, []byte("x")), events.Pack(events.FrameFileEnd, events.FileEnd{Name: name, Size: 1}))
		all.attack(t, got.ran(), "a file %.40q: %s", name, got)
	}
	file := func(name string, size int64) events.FileHeader { return events.FileHeader{Name: name, Size: size} }
	var many []events.FileHeader
	for n := range 300 {
		many = append(many, file(strconv.Itoa(n), 0))
	}
	endless := slices.Repeat([][]byte{chunk}, 10_000) // 320 MiB, if it is taken
	for what, c := range map[string]struct {
		announced int
		frames    [][]byte
	}{
		"10 GiB declared as 1 KiB":      {1, append([][]byte{manifest(file("a", 1<<10)), events.Pack(events.FrameFile, file("a", 1<<10))}, endless...)},
		"10 GiB that are 1 KiB":         {1, [][]byte{manifest(file("a", 10<<30)), events.Pack(events.FrameFile, file("a", 10<<30)), events.Frame(events.FrameChunk, make([]byte, 1<<10)), events.Pack(events.FrameFileEnd, events.FileEnd{Name: "a", Size: 1 << 10})}},
		"more than may come":            {1, [][]byte{manifest(file("a", 65<<30))}},
		"more than the disk has":        {1, [][]byte{manifest(file("a", 1<<62))}},
		"a size below 0":                {1, [][]byte{manifest(file("a", -1))}},
		"sizes over the brim":           {2, [][]byte{manifest(file("a", 1<<62), file("b", 1<<62))}},
		"more files than may come":      {1, [][]byte{manifest(many[:150]...), manifest(many[150:]...)}},
		"300 files in one manifest":     {1, [][]byte{manifest(many...)}},
		"more files than announced":     {1, [][]byte{manifest(file("a", 0), file("b", 0)), events.Pack(events.FrameFile, file("a", 0)), events.Pack(events.FrameFileEnd, events.FileEnd{Name: "a", SHA256: nothing}), events.Pack(events.FrameFile, file("b", 0)), events.Pack(events.FrameFileEnd, events.FileEnd{Name: "b", SHA256: nothing})}},
		"one name twice":                {2, [][]byte{manifest(file("a", 0), file("a", 0))}},
		"a file that is also a folder":  {2, [][]byte{manifest(file("a", 0), file("a/b", 0))}},
		"chunks without a manifest":     {1, endless[:10]},
		"manifests without end":         {1, slices.Repeat([][]byte{events.Pack(events.FrameManifest, events.Manifest{Files: many[:1], More: true})}, 1000)},
		"another hash":                  {1, [][]byte{manifest(file("a", 1)), events.Pack(events.FrameFile, file("a", 1)), events.Frame(events.FrameChunk, []byte("x")), events.Pack(events.FrameFileEnd, events.FileEnd{Name: "a", Size: 1, SHA256: nothing})}},
		"another file than announced":   {1, [][]byte{manifest(file("a", 1)), events.Pack(events.FrameFile, file("../b", 1))}},
		"resumed where nothing is":      {1, [][]byte{manifest(events.FileHeader{Name: "a", Size: 9, Offset: 5})}},
		"frames of another channel":     {1, [][]byte{events.Pack(events.FrameStart, events.JobStart{Command: "sh"})}},
		"the frames of a mesh's member": {1, [][]byte{events.Pack(events.FrameGoodbye, events.Goodbye{})}},
	} {
		got := i.inputs(c.announced, c.frames...)
		all.attack(t, got.ran(), "%s: %s", what, got)
		if size := sizeOf(t, filepath.Join(s.Dir, "heron", "jobs", got.id, "work")); size > 64<<10 {
			all.attack(t, true, "%s: %d bytes are on disk", what, size)
		}
	}
	if err := os.Symlink("/etc", filepath.Join(shared, "out")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("..", filepath.Join(shared, "up")); err != nil {
		t.Fatal(err)
	}
	for _, m := range []events.MountedInput{
		{Name: "x", Mount: "data", Path: ".."}, {Name: "x", Mount: "data", Path: "../../etc/passwd"}, {Name: "x", Mount: "data", Path: "/etc/passwd"}, {Name: "x", Mount: "data", Path: "out/passwd"}, {Name: "x", Mount: "data", Path: "out"},
		{Name: "x", Mount: "data", Path: "up/x"}, {Name: "x", Mount: "../data", Path: "x"}, {Name: "x", Mount: "", Path: "/etc"}, {Name: "x", Mount: "data", Path: "a\x00b"},
		{Name: "../x", Mount: "data", Path: "."}, {Name: "/tmp/x", Mount: "data", Path: "."}, {Name: "..", Mount: "data", Path: "."}, {Name: "", Mount: "data", Path: "."}, {Name: "x\x00", Mount: "data", Path: "."},
	} {
		got := i.job(events.JobStart{Command: "in", Mounted: []events.MountedInput{m}})
		all.attack(t, got.refusal == nil, "%+v is there: %s %q", m, got, got.lines)
	}
	err := filepath.WalkDir(s.Dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(filepath.Base(path), "pwned") {
			all.attack(t, true, "%s was written", path)
		}
		return err
	})
	if _, at := os.Lstat("/pwned"); err != nil || !errors.Is(at, fs.ErrNotExist) {
		t.Errorf("%v, %v", err, at)
	}
	if err := i.served(); err != nil {
		t.Error(err)
	}
}

const nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // the hash of no bytes

func sizeOf(t *testing.T, dir string) (size int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return size
}

// Issue 6.6: another job of the same user puts links in the place of what arrives, and
// folders, again and again: the worker writes into none of what they lead to.
func TestJob_LinksInThePlaceOfWhatArrives(t *testing.T) {
	t.Parallel()
	const inputs = 60
	s, i := workshop(t, "MOOT_SLOTS=2")
	victim := filepath.Join(s.Dir, "victim")
	if err := os.MkdirAll(victim, 0o700); err != nil {
		t.Fatal(err)
	}
	precious := filepath.Join(victim, "precious")
	if err := os.WriteFile(precious, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	swapper := newInsider(t, s, events.RoleClient, "")
	id, refusal := swapper.begin(events.JobStart{Command: "sh", Args: []string{`
		while :; do for d in ../../j-*/work/in; do
			case $d in *"$MOOT_JOB_ID"*) continue;; esac
			for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do ln -sf ` + precious + ` $d/f$n.part; ln -sf ` + precious + ` $d/f$n; done
			mv $d $d.was; ln -s ` + victim + ` $d
		done; done`}})
	if refusal != nil {
		t.Fatal(refusal)
	}
	taken := 0
	for range 3 {
		var frames [][]byte
		var headers []events.FileHeader
		for n := range inputs {
			headers = append(headers, events.FileHeader{Name: "f" + strconv.Itoa(n), Size: 32 << 10})
		}
		frames = append(frames, manifest(headers...))
		for _, h := range headers {
			frames = append(frames, events.Pack(events.FrameFile, h), events.Frame(events.FrameChunk, make([]byte, h.Size)),
				events.Pack(events.FrameFileEnd, events.FileEnd{Name: h.Name, Size: h.Size, SHA256: zeros}))
		}
		if got := i.inputs(inputs, frames...); got.last.State == events.JobDone {
			taken++
		}
		for range inputs {
			all.attack(t, false, "")
		}
	}
	// Links in there are the swapper's own work.
	text, err := os.ReadFile(precious)
	entries, listed := os.ReadDir(victim)
	files := slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return !e.Type().IsRegular() })
	all.attack(t, err != nil || string(text) != "precious" || listed != nil || len(files) != 1, "the worker wrote through a link: %q, %v", text, files)
	swapper.put(swapper.link.Control(), events.Pack(events.FrameSignal, events.JobSignal{V: events.ProtocolVersion, JobID: id, Action: events.ActionCancel}))
	if got := swapper.follow(id); got.last.State != events.JobCanceled {
		t.Errorf("the one who swaps: %s", got)
	}
	t.Logf("%d of 3 transfers came through", taken)
	if err := i.served(); err != nil {
		t.Error(err)
	}
}

const zeros = "c35020473aed1b4642cd726cad727b63fff2824ad68cedd7ffb73c7cbd890479" // the hash of 32 KiB of them
