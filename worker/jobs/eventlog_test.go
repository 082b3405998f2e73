package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/moothall/moothall/events"
)

func newTestLog(t *testing.T) *eventLog {
	t.Helper()
	l, err := createLog("j-test", filepath.Join(t.TempDir(), "events.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.close() })
	return l
}

func state(s events.JobState) events.JobEvent {
	return events.JobEvent{Kind: events.JobEventState, State: s}
}

// readAll reads from since until the job's end.
func readAll(t *testing.T, l *eventLog, since uint64) (all []events.JobEvent) {
	t.Helper()
	r := l.reader(since)
	defer r.close()
	for {
		line, err := r.read(t.Context())
		if errors.Is(err, io.EOF) {
			return all
		}
		var e events.JobEvent
		if err != nil || json.Unmarshal(line, &e) != nil {
			t.Fatalf("after %d events: %v: %q", len(all), err, line)
		}
		all = append(all, e)
	}
}

func TestEventLog_NumbersWithoutGaps(t *testing.T) {
	const lines = 3 * tailEvents
	l := newTestLog(t)
	for i := range lines {
		l.append(t0, out("stdout", strconv.Itoa(i)))
	}
	l.append(t0, state(events.JobDone))
	for _, since := range []uint64{0, 1, 2, tailEvents, lines - 5, lines + 1} {
		all := readAll(t, l, since)
		first := max(since, 1)
		if len(all) != lines+2-int(first) {
			t.Fatalf("%d events since %d", len(all), since)
		}
		for i, e := range all {
			if e.Seq != first+uint64(i) || e.JobID != "j-test" || e.Kind == events.JobEventOutput && e.Line != strconv.Itoa(int(e.Seq-1)) {
				t.Fatalf("event %d since %d is %+v", i, since, e)
			}
		}
	}
}

func TestEventLog_ClosedLogReadsFromDiskAndHoldsNoMemory(t *testing.T) {
	l := newTestLog(t)
	l.append(t0, state(events.JobRunning))
	l.append(t0, state(events.JobDone))
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	if len(l.tail) != 0 {
		t.Errorf("%d events in memory", len(l.tail))
	}
	if got := readAll(t, l, 1); len(got) != 2 || got[1].State != events.JobDone {
		t.Errorf("got %+v", got)
	}
}

func TestEventLog_ReaderWaitsForNews(t *testing.T) {
	l := newTestLog(t)
	r := l.reader(1)
	defer r.close()
	got := make(chan []byte)
	go func() {
		line, _ := r.read(context.Background())
		got <- line
	}()
	l.append(t0, out("stdout", "news"))
	if line := <-got; !strings.Contains(string(line), `"news"`) {
		t.Errorf("got %q", line)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestEventLog_MemoryIsBounded(t *testing.T) {
	l := newTestLog(t)
	for range 300 {
		l.append(t0, out("stdout", strings.Repeat("x", maxPiece)))
	}
	if l.bytes > tailBytes || len(l.tail) == 0 {
		t.Errorf("%d events, %d bytes in memory", len(l.tail), l.bytes)
	}
}

// Issue 7: a long log needs little memory, to be written and to be read from its first
// line on. make bench lets a job print a million lines.
func TestEventLog_ManyLinesNeedLittleMemory(t *testing.T) {
	const lines, looks, bound = 100_000, 10, 4 << 20
	l := newTestLog(t)
	var before runtime.MemStats
	grown := func(what string, i int) {
		if i == 0 {
			runtime.GC()
			runtime.ReadMemStats(&before)
		}
		if i%(lines/looks) != 0 {
			return
		}
		runtime.GC()
		var now runtime.MemStats
		if runtime.ReadMemStats(&now); now.HeapAlloc > before.HeapAlloc+bound {
			t.Fatalf("%s: %d bytes more on the heap after %d lines", what, now.HeapAlloc-before.HeapAlloc, i)
		}
	}
	for i := range lines {
		l.append(t0, out("stdout", "a line as jobs print them"))
		grown("write", i)
	}
	l.append(t0, state(events.JobDone))
	r := l.reader(1)
	defer r.close()
	for i := range lines + 1 {
		if _, err := r.read(t.Context()); err != nil {
			t.Fatal(err)
		}
		grown("read", i)
	}
	if _, err := r.read(t.Context()); err != io.EOF {
		t.Errorf("after the last line: %v", err)
	}
}

func TestEventLog_ReopenGoesOnAfterTheLastWholeLine(t *testing.T) {
	for _, broken := range []string{"", `{"seq":3,"line":"` + strings.Repeat("x", 3000), "\x00\x00\x00", `{"seq":"three"}` + "\n"} {
		l := newTestLog(t)
		l.append(t0, state(events.JobSending))
		l.append(t0, state(events.JobRunning))
		l.close()
		f, err := os.OpenFile(l.path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.WriteString(broken)
		f.Close()
		again, last, err := reopenLog("j-test", l.path)
		if err != nil || last.Seq != 2 || last.State != events.JobRunning {
			t.Fatalf("after %q: last %+v, %v", broken, last, err)
		}
		again.append(t0, state(events.JobLost))
		if err := again.close(); err != nil {
			t.Fatal(err)
		}
		if got := readAll(t, again, 1); len(got) != 3 || got[2].State != events.JobLost {
			t.Errorf("after %q: %+v", broken, got)
		}
		if text, err := os.ReadFile(l.path); err != nil || strings.Count(string(text), "\n") != 3 || !strings.HasSuffix(string(text), "\n") {
			t.Errorf("after %q the log reads %q, %v", broken, text, err)
		}
	}
}

func TestEventLog_ReopenRefusesWhatIsNoLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.WriteFile(path, make([]byte, 4*maxEvent), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := reopenLog("j-test", path)
	wantCode(t, err, events.CodeDamaged)
	if info, _ := os.Stat(path); info.Size() != 4*maxEvent {
		t.Error("the file was cut")
	}
}

func TestEventLog_NewsSurvivesAFullDisk(t *testing.T) {
	l := newTestLog(t)
	l.append(t0, state(events.JobRunning))
	l.f.Close() // every further write fails
	l.append(t0, out("stdout", "lost on disk"))
	if l.err == nil {
		t.Fatal("the writer does not know")
	}
	for range tailEvents + 10 {
		l.append(t0, out("stdout", "x"))
	}
	l.append(t0, state(events.JobFailed))
	l.close()
	got := readAll(t, l, 1)
	if last := got[len(got)-1]; got[0].Seq != 1 || last.State != events.JobFailed {
		t.Errorf("from %+v to %+v", got[0], last)
	}
}
