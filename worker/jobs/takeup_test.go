package jobs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/moothall/moothall/events"
)

const formerJob = "j-aaaaaaaa"

// formerLease is what formerJob was begun with.
var formerLease = events.JobLease{Incarnation: 6, Seq: 3}

// abandon leaves a job in dir as a worker does that is killed in the middle of it.
func abandon(t *testing.T, dir, script string) folder {
	t.Helper()
	st, err := openStore(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := st.create(record{JobID: formerJob, Client: "alice", Command: "sh", Lease: formerLease})
	if err != nil {
		t.Fatal(err)
	}
	l, err := createLog(formerJob, f.log)
	if err != nil {
		t.Fatal(err)
	}
	l.close()
	w, err := engage(f, order{
		JobID: formerJob, Program: "/bin/sh", Argv: []string{"sh", "-c", script}, Env: environment(formerJob, f.in, f.out, ""), Limits: DefaultLimits(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		clearAway(f, formerJob)
		w.close()
	})
	return f
}

// logged waits until the last event of a log is one that is wanted.
func logged(t *testing.T, f folder, wanted func(events.JobEvent) bool) {
	t.Helper()
	eventually(t, "the log says it", func() bool {
		l, last, err := adoptLog(formerJob, f.log)
		if err != nil {
			t.Fatal(err)
		}
		l.close()
		return wanted(last)
	})
}

// birthOf reads which processes a job has.
func birthOf(t *testing.T, f folder) (b birth) {
	t.Helper()
	if err := readJSON(f.process, &b); err != nil || !b.Supervisor.lives() || !b.Command.lives() {
		t.Fatalf("%+v, %v", b, err)
	}
	return b
}

// The worker was killed in the middle of a job: the next one goes on with it, its slot
// is taken from the first moment, no line is lost or comes twice, and the results are
// served.
func TestTakeUp_JobThatRuns(t *testing.T) {
	dir, gate := t.TempDir(), filepath.Join(t.TempDir(), "gate")
	f := abandon(t, dir, `echo one; until [ -e `+gate+` ]; do sleep 0.01; done; i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done; echo kept >"$MOOT_OUT/kept"; exit 3`)
	logged(t, f, says("one"))

	r := newRig(t, func(c *Config) { c.Dir = dir })
	if got := r.Load(); got.Status != events.StatusBusy || got.Job != formerJob {
		t.Fatalf("the worker says %+v", got)
	}
	_, err := r.Reserve("bob", events.Reserve{V: 1, RequestID: "r", Command: "sh"})
	wantCode(t, err, events.CodeBusy)
	c := r.call("alice")
	c.send(events.FrameAttach, events.JobAttach{V: 1, JobID: formerJob, Since: 1})
	all := c.until(says("one"))
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	rest, last := c.end()
	wantEnd(t, last, events.JobFailed, 3)
	all = append(all, rest...)
	want := []string{"one"}
	for i := range 3000 {
		want = append(want, fmt.Sprint(i))
	}
	if diff := cmp.Diff(want, lines(all, events.StreamStdout)); diff != "" {
		t.Error(diff)
	}
	for i, e := range all {
		if e.Seq != uint64(i+1) {
			t.Fatalf("event %d has number %d", i+1, e.Seq)
		}
	}
	if len(last.Outputs) != 1 || last.Outputs[0].Name != "kept" {
		t.Errorf("ended as %+v", last)
	}
	if got := r.Load(); got.Status != events.StatusAvailable || got.Free != 1 {
		t.Errorf("afterwards the worker says %+v", got)
	}
}

// The job ended while there was no worker.
func TestTakeUp_JobThatEndedMeanwhile(t *testing.T) {
	dir := t.TempDir()
	f := abandon(t, dir, `echo one; echo kept >"$MOOT_OUT/kept"`)
	eventually(t, "it has ended", func() bool { return readJSON(f.exit, &verdict{}) == nil })
	r := newRig(t, func(c *Config) { c.Dir = dir })
	c := r.call("alice")
	c.send(events.FrameAttach, events.JobAttach{V: 1, JobID: formerJob, Since: 1})
	all, last := c.end()
	wantEnd(t, last, events.JobDone, 0)
	if want := []events.JobState{events.JobRunning, events.JobReturning, events.JobDone}; !slices.Equal(states(all), want) || len(last.Outputs) != 1 {
		t.Errorf("%v, %+v", states(all), last)
	}
}

// The supervisor itself was killed: the job is lost, and nothing of it runs on.
func TestTakeUp_JobWithoutSupervisorIsLost(t *testing.T) {
	for _, when := range []string{"before the worker", "under the worker"} {
		t.Run(when, func(t *testing.T) {
			dir := t.TempDir()
			f := abandon(t, dir, `sleep 1000 & setsid sleep 1000 & echo up; wait`)
			logged(t, f, says("up"))
			b := birthOf(t, f)
			kill := func() {
				if err := syscall.Kill(b.Supervisor.PID, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
			if when == "before the worker" {
				kill()
			}
			r := newRig(t, func(c *Config) { c.Dir = dir })
			if when != "before the worker" {
				kill()
			}
			c := r.call("alice")
			c.send(events.FrameAttach, events.JobAttach{V: 1, JobID: formerJob, Since: 1})
			_, last := c.end()
			if last.State != events.JobLost || last.Reason != "the process that watched over it was killed" {
				t.Errorf("ended as %+v", last)
			}
			eventually(t, "no process is left", func() bool { return carriers(formerJob) == nil && !b.Command.lives() })
			eventually(t, "the slot is free", func() bool { return r.Load().Free == 1 })
		})
	}
}

// What a client asks for reaches the supervisor that another worker engaged.
func TestTakeUp_CancelAndStop(t *testing.T) {
	for action, want := range map[string]events.JobState{events.ActionCancel: events.JobCanceled, events.ActionStop: events.JobDone} {
		t.Run(action, func(t *testing.T) {
			dir := t.TempDir()
			f := abandon(t, dir, `trap 'echo best >"$MOOT_OUT/w"; exit 0' INT; echo up; while :; do sleep 0.01; done`)
			logged(t, f, says("up"))
			r := newRig(t, func(c *Config) { c.Dir = dir })
			c := r.call("alice")
			c.send(events.FrameSignal, events.JobSignal{V: 1, JobID: formerJob, Action: action})
			c.send(events.FrameAttach, events.JobAttach{V: 1, JobID: formerJob, Since: 1})
			if _, last := c.end(); last.State != want {
				t.Errorf("ended as %+v", last)
			}
		})
	}
}

// Limits hold while no worker is there.
func TestSupervisor_KeepsLimitsWithoutAWorker(t *testing.T) {
	dir := t.TempDir()
	st, err := openStore(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := st.create(record{JobID: formerJob})
	if err != nil {
		t.Fatal(err)
	}
	limits := DefaultLimits()
	limits.RunTime, limits.KillGrace = 50*time.Millisecond, 50*time.Millisecond
	w, err := engage(f, order{JobID: formerJob, Program: "/bin/sh", Argv: []string{"sh", "-c", `trap "" TERM; sleep 1000`}, Env: environment(formerJob, f.in, f.out, ""), Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	<-w.gone
	if v := w.verdict(formerJob); v.State != events.JobFailed || v.Reason != "it ran longer than 50ms" || *v.Code != 137 {
		t.Errorf("%+v", v)
	}
}

// Jobs that ended are served on by the next process; one that had not come to run is
// lost; a folder of which no job came is gone.
func TestTakeUp_JobsThatDoNotRun(t *testing.T) {
	dir := t.TempDir()
	st, err := openStore(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	const sending, done, nothing = "j-aaaaaaaa", "j-bbbbbbbb", "j-cccccccc"
	for id, last := range map[string]events.JobState{sending: events.JobSending, done: events.JobDone} {
		lay(t, st, id, time.Now(), last)
	}
	if err := os.Mkdir(filepath.Join(dir, nothing), 0o700); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(c *Config) { c.Dir = dir })
	if last := onDisk(t, dir, sending); last.State != events.JobLost || last.Seq != 2 {
		t.Errorf("the log ends with %+v", last)
	}
	if last := onDisk(t, dir, done); last.State != events.JobDone || last.Seq != 1 {
		t.Errorf("a job that had ended was touched: %+v", last)
	}
	if _, err := os.Stat(filepath.Join(dir, nothing)); err == nil {
		t.Error("an empty folder is kept")
	}
	if got := r.Load(); got.Status != events.StatusAvailable {
		t.Errorf("the worker is %+v", got)
	}
	c := r.call("alice")
	c.send(events.FrameAttach, events.JobAttach{V: 1, JobID: done, Since: 1})
	if _, last := c.end(); last.State != events.JobDone {
		t.Errorf("a former job ended as %+v", last)
	}
}

func TestIdentity_TellsAProcessFromALaterOne(t *testing.T) {
	me := identify(os.Getpid())
	if !me.lives() {
		t.Errorf("%+v does not live", me)
	}
	later := me
	later.Start++
	if later.lives() || (identity{}).lives() {
		t.Error("a number alone is taken for the process")
	}
	if got := startIn([]byte("7 (a) b) S 1 1 1 0 -1 4 1 1 1 1 1 1 1 1 20 0 1 0 4711 1 1")); got != 4711 {
		t.Errorf("start %d", got)
	}
}

func TestSlots_AdoptTakesASlotOrMakesOne(t *testing.T) {
	s := NewSlots("w", 1)
	a, b := s.Adopt("alice", "j-1"), s.Adopt("bob", "j-2")
	if s.Count().Total != 2 || s.Status() != events.StatusBusy || s.Job() != "j-1" || a == b {
		t.Errorf("%+v", s.Count())
	}
	if _, _, err := s.Reserve(t0, 1, "carol", "r"); err == nil {
		t.Error("a taken slot was granted")
	}
	s.Finish(b)
	if s.Count() != (events.Slots{Total: 1}) {
		t.Errorf("the extra slot stays: %+v", s.Count())
	}
	s.Finish(a)
	if !s.Idle() || s.Count() != (events.Slots{Total: 1, Free: 1}) {
		t.Errorf("%+v", s.Count())
	}
}

// The answer to a start may be lost with the worker's process.
func TestTakeUp_AskedAgainItIsTheSameJob(t *testing.T) {
	dir := t.TempDir()
	logged(t, abandon(t, dir, "echo ran; sleep 1000"), says("ran"))
	r := newRig(t, func(c *Config) { c.Dir = dir })
	c := r.call("alice")
	if got := c.startWith(events.JobStart{V: 1, Lease: formerLease, Command: "sh", Args: []string{"echo ran; sleep 1000"}}); got != formerJob {
		t.Errorf("asked again it is %s, not %s", got, formerJob)
	}
	c.until(says("ran"))
}
