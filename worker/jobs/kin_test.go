package jobs

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

// gone reports whether no process has that number, or only one that has ended.
func gone(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	n, _ := strconv.Atoi(pid)
	return err != nil || readKin(n, stat).zombie
}

// Issue 6: an orphan in a session of its own that carries no mark of the job's does not
// outlive it.
func TestJob_NoOrphanOutlivesIt(t *testing.T) {
	for _, how := range []string{"", "kill -9 $$"} {
		r := newRig(t, nil)
		c := r.call("alice")
		c.start("sh", `for i in 1 2 3; do env -i setsid /bin/sh -c 'echo $$; (echo $$; trap "" TERM HUP; : >up'$i'; exec /bin/sleep 1000) & wait' & done
			for i in 1 2 3; do until [ -e up$i ]; do sleep 0.01; done; done; `+how)
		all, _ := c.end()
		pids := lines(all, events.StreamStdout)
		if len(pids) < 6 {
			t.Fatalf("the job says %q", pids)
		}
		for _, pid := range pids {
			eventually(t, "process "+pid+" is gone", func() bool { return gone(pid) })
		}
		c.hangUp()
	}
}

// Issue 6: a job that forks without end is ended, whatever user it has, and nothing of it
// is left.
func TestJob_ThatForksWithoutEndIsEnded(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.Processes = 60 })
	c := r.call("alice")
	id := c.start("sh", `b() { if [ $1 -gt 0 ]; then b $(($1-1)) & setsid true; b $(($1-1)) & fi; sleep 1000; }; b 8`) // up to 512
	_, last := c.end()
	if last.State != events.JobFailed || last.Reason != "it had more than 60 processes and threads" {
		t.Errorf("ended as %+v", last)
	}
	eventually(t, "no process of the job is left", func() bool { return carriers(id) == nil })
}

// Orphans that have ended are taken note of while the job runs: they hold no number.
func TestJob_OrphansThatEndedAreTakenNoteOf(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.OutputCheck = 20 * time.Millisecond })
	c := r.call("alice")
	id := c.start("sh", `i=0; while [ $i -lt 20 ]; do (setsid sh -c 'sleep 0.02' &); i=$((i+1)); done; echo up; sleep 1000`)
	c.until(says("up"))
	var b birth
	eventually(t, "the job says its processes", func() bool { return readJSON(r.store.folder(id).process, &b) == nil })
	eventually(t, "no ended process is left", func() bool {
		return !slices.ContainsFunc(descendants(b.Supervisor.PID), func(k kin) bool { return k.zombie || k.pid != b.Command.PID && k.parent == b.Supervisor.PID })
	})
	c.send(events.FrameSignal, events.JobSignal{V: 1, JobID: id, Action: events.ActionCancel})
	_, last := c.end()
	if last.State != events.JobCanceled {
		t.Errorf("ended as %+v", last)
	}
}

func TestReadKin(t *testing.T) {
	stat := func(name, state string) []byte {
		fields := make([]string, 50)
		for i := range fields {
			fields[i] = strconv.Itoa(i + 3)
		}
		fields[0] = state
		return []byte("7 (" + name + ") " + strings.Join(fields, " ") + "\n")
	}
	for _, name := range []string{"sh", "a) Z 1 (b", ""} {
		want := kin{pid: 7, parent: 4, tasks: 20, start: 22}
		if got := readKin(7, stat(name, "S")); got != want {
			t.Errorf("%q: %+v", name, got)
		}
		if got := readKin(7, stat(name, "Z")); !got.zombie {
			t.Errorf("%q: %+v", name, got)
		}
	}
	if got := readKin(7, []byte("7 (sh")); got.parent != 0 || got.start != 0 {
		t.Errorf("cut off: %+v", got)
	}
}

// A process that is found and has ended since, so that its number may be another's, is
// left alone.
func TestKin_AnotherProcessOfThatNumberIsLeftAlone(t *testing.T) {
	p, err := os.StartProcess("/bin/sleep", []string{"sleep", "1000"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	k := kin{pid: p.Pid, start: startOf(p.Pid)}
	kin{pid: k.pid, start: k.start - 1}.signal(syscall.SIGKILL)
	if err := p.Signal(syscall.Signal(0)); err != nil || gone(strconv.Itoa(p.Pid)) {
		t.Error("the other process was killed")
	}
	k.signal(syscall.SIGKILL)
	if s, err := p.Wait(); err != nil || s.Success() {
		t.Errorf("it ended as %v, %v", s, err)
	}
}
