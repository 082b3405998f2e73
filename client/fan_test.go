package client

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moothall/moothall/events"
)

// A bench is a fan whose jobs are calls of a function.
type bench struct {
	t    *testing.T
	dir  string
	each []string
	runs []string // inputs, in the order in which their jobs began
	at   int      // jobs at the moment
	most int
}

func newBench(t *testing.T, names ...string) *bench {
	b := &bench{t: t, dir: t.TempDir()}
	for _, name := range names {
		b.each = append(b.each, b.file(name, name))
	}
	return b
}

func (b *bench) file(name, text string) string {
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
	return path
}

func (b *bench) mapping() Map {
	return Map{Job: Job{Command: "train", Args: []string{"--in={}"}, To: filepath.Join(b.dir, "out")}, Each: b.each}
}

// run carries a map out on two slots; a job takes a second and ends as do says.
func (b *bench) run(ctx context.Context, m Map, do func(j Job, attempt int) (Result, error)) ([]Outcome, error) {
	tasks, st, err := m.prepare()
	if err != nil {
		return nil, err
	}
	f := &fan{Map: m, tasks: tasks, state: st, report: func(MapUpdate) {}, news: make(chan MapUpdate), ended: make(chan attempt)}
	f.slots = func(context.Context) int { return 2 }
	began := make(chan string, 100)
	f.run = func(ctx context.Context, j Job, report func(JobUpdate)) (Result, error) {
		input := filepath.Base(j.Inputs[len(j.Inputs)-1])
		began <- input
		report(JobUpdate{Kind: UpdateState, State: events.JobRunning})
		select {
		case <-time.After(time.Second):
			return do(j, len(j.avoid)+1)
		case <-ctx.Done():
			return Result{State: events.JobCanceled}, events.Errorf(events.CodeCanceled, "canceled")
		}
	}
	f.report = func(u MapUpdate) {
		switch u.Kind {
		case UpdateState:
			b.at++
			b.most = max(b.most, b.at)
		case UpdateFinished, UpdateRetry:
			b.at--
		}
	}
	all, err := f.all(ctx)
	close(began)
	b.runs = nil
	for input := range began {
		b.runs = append(b.runs, input)
	}
	return all, err
}

func fine(Job, int) (Result, error) {
	zero := 0
	return Result{JobID: "j-1", Worker: "heron", State: events.JobDone, ExitCode: &zero}, nil
}

func states(all []Outcome) (got []events.JobState) {
	for _, o := range all {
		got = append(got, o.State)
	}
	return got
}

func TestMap_RunsEachOnceAsManyAtOnceAsThereAreSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "a", "b", "c", "d", "e")
		begun := time.Now()
		all, err := b.run(t.Context(), b.mapping(), func(j Job, n int) (Result, error) {
			if j.Args[0] != "--in=in/"+filepath.Base(j.Inputs[0]) || j.To != filepath.Join(b.dir, "out", filepath.Base(j.Inputs[0])) {
				t.Errorf("%+v", j)
			}
			return fine(j, n)
		})
		if err != nil || len(all) != 5 || slices.ContainsFunc(all, func(o Outcome) bool { return o.State != events.JobDone || o.Attempts != 1 }) {
			t.Errorf("%+v, %v", all, err)
		}
		slices.Sort(b.runs)
		if !slices.Equal(b.runs, []string{"a", "b", "c", "d", "e"}) || b.most != 2 || time.Since(begun) != 3*time.Second {
			t.Errorf("ran %v, %d at once, in %s", b.runs, b.most, time.Since(begun))
		}
	})
}

// A second call does nothing; a file with another content is another input; what failed
// is run again, over what it left.
func TestMap_DoesNotDoAgainWhatIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "a", "b", "c")
		one := 1
		all, err := b.run(t.Context(), b.mapping(), func(j Job, n int) (Result, error) {
			if strings.HasSuffix(j.Inputs[0], "c") {
				return Result{State: events.JobFailed, ExitCode: &one}, nil
			}
			return fine(j, n)
		})
		if err != nil || !slices.Equal(states(all), []events.JobState{"done", "done", "failed"}) {
			t.Fatalf("%+v, %v", all, err)
		}
		b.file("b", "another text")
		all, err = b.run(t.Context(), b.mapping(), func(j Job, n int) (Result, error) {
			if again := strings.HasSuffix(j.Inputs[0], "c"); j.Force != again {
				t.Errorf("%s: force is %t", j.Inputs[0], j.Force)
			}
			return fine(j, n)
		})
		if slices.Sort(b.runs); err != nil || !slices.Equal(b.runs, []string{"b", "c"}) || !all[0].Skipped || all[1].Skipped {
			t.Errorf("ran %v: %+v, %v", b.runs, all, err)
		}
		if all, err = b.run(t.Context(), b.mapping(), fine); err != nil || len(b.runs) != 0 || !slices.Equal(states(all), []events.JobState{"done", "done", "done"}) {
			t.Errorf("ran %v: %+v, %v", b.runs, all, err)
		}
		m := b.mapping()
		m.Args = []string{"{}"}
		if _, err := b.run(t.Context(), m, fine); events.CodeOf(err) != events.CodeUsage {
			t.Errorf("another command with the same state: %v", err)
		}
	})
}

// Who lost the input is asked last; a job that failed by itself is not tried again.
func TestMap_RetriesWhatWasLostElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "a", "b")
		one := 1
		lose := func(times int) func(Job, int) (Result, error) {
			return func(j Job, n int) (Result, error) {
				switch {
				case strings.HasSuffix(j.Inputs[0], "b"):
					return Result{State: events.JobFailed, ExitCode: &one}, nil
				case n <= times:
					return Result{State: events.JobLost, Worker: "heron"}, events.Errorf(events.CodeLost, "lost heron")
				}
				if !slices.Contains(j.avoid, "heron") {
					t.Errorf("heron is not avoided: %v", j.avoid)
				}
				return fine(j, n)
			}
		}
		m := b.mapping()
		m.Retries = 1
		all, err := b.run(t.Context(), m, lose(1))
		if err != nil || !slices.Equal(states(all), []events.JobState{"done", "failed"}) || all[0].Attempts != 2 || all[1].Attempts != 1 {
			t.Errorf("%+v, %v", all, err)
		}
		m.State = filepath.Join(b.dir, "other.json")
		all, err = b.run(t.Context(), m, lose(2))
		if err != nil || all[0].State != events.JobLost || all[0].Attempts != 2 || all[0].Error == nil {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

// An interruption waits for the jobs that run, begins no more, and what was done stays
// done.
func TestMap_InterruptedGoesOnLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "a", "b", "c", "d")
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		all, err := b.run(ctx, b.mapping(), fine)
		if events.CodeOf(err) != events.CodeCanceled || !slices.Equal(states(all), []events.JobState{"done", "done", "canceled", "canceled"}) {
			t.Errorf("%+v, %v", all, err)
		}
		all, err = b.run(t.Context(), b.mapping(), fine)
		if slices.Sort(b.runs); err != nil || !slices.Equal(b.runs, []string{"c", "d"}) || len(all) != 4 {
			t.Errorf("ran %v: %+v, %v", b.runs, all, err)
		}
	})
}

func TestMap_EqualNamesHaveFoldersOfTheirOwn(t *testing.T) {
	b := newBench(t, "x/a", "y/a", "b")
	tasks, _, err := b.mapping().prepare()
	if err != nil || tasks[0].Folder == tasks[1].Folder || filepath.Base(tasks[2].Folder) != "b" || !strings.HasPrefix(filepath.Base(tasks[0].Folder), "a-") {
		t.Errorf("%v %v", tasks, err)
	}
}

func TestMap_Refusals(t *testing.T) {
	b := newBench(t, "a")
	for name, change := range map[string]func(*Map){
		"no inputs":  func(m *Map) { m.Each = nil },
		"no folder":  func(m *Map) { m.To = "" },
		"no command": func(m *Map) { m.Command = "" },
		"twice":      func(m *Map) { m.Each = append(m.Each, m.Each[0]) },
		"retries":    func(m *Map) { m.Retries = -1 },
	} {
		m := b.mapping()
		change(&m)
		if _, _, err := m.prepare(); events.CodeOf(err) != events.CodeUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := b.mapping()
	m.State = b.file("state.json", "{")
	if _, _, err := m.prepare(); events.CodeOf(err) != events.CodeFile {
		t.Errorf("a damaged state file: %v", err)
	}
	m = b.mapping()
	m.Each = []string{filepath.Join(b.dir, "gone")}
	if _, _, err := m.prepare(); events.CodeOf(err) != events.CodeFile {
		t.Errorf("a missing input: %v", err)
	}
}

// Two maps at once would each take what the other does for undone.
func TestMap_OfTwoAtOnceTheSecondIsRefused(t *testing.T) {
	m := newBench(t, "a").mapping()
	first, err := m.lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.lock(); events.CodeOf(err) != events.CodeUnavailable || !strings.Contains(err.Error(), m.statePath()) {
		t.Errorf("the second: %v", err)
	}
	other := m
	other.State = filepath.Join(t.TempDir(), "state.json")
	for _, next := range []Map{other, m} {
		alone, err := next.lock()
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(alone.Close(), first.Close()); err != nil && next.State == other.State {
			t.Fatal(err)
		}
	}
}
