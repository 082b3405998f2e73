package jobs

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/moothall/moothall/events"
)

// passedOn are the variables of the worker's environment that a job sees.
var passedOn = []string{"PATH", "HOME", "LANG"}

// jobVariable marks every process of a job; see sweep.
const jobVariable = "MOOT_JOB_ID="

// environment is all that a job's command gets. home "" is the worker's.
func environment(job, in, out, home string) []string {
	env := []string{"MOOT_IN=" + in, "MOOT_OUT=" + out, jobVariable + job}
	for _, name := range passedOn {
		v, ok := os.LookupEnv(name)
		if name == "HOME" && home != "" {
			v, ok = home, true
		}
		if ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// A chunk is what came at once on a stream; data is nil at its end.
type chunk struct {
	stream string
	data   []byte
}

// A process is the process group of one job. Whoever starts it reads chunks until
// they end and then calls wait.
type process struct {
	cmd    *exec.Cmd
	chunks chan chunk // closed when both streams have ended
	pipes  []*os.File
	exited chan struct{} // closed when the command itself has ended
	err    error         // of its end, valid after exited
}

// Sizes of what lies between a process and its log.
const (
	readSize    = 32 << 10 // bytes
	chunksAhead = 16
)

// start runs what is ordered in folder, in a process group of its own and without
// input.
func start(o order, folder string) (*process, error) {
	p := &process{
		cmd: &exec.Cmd{
			Path: o.Program, Args: o.Argv, Dir: folder, Env: o.Env,
			SysProcAttr: &syscall.SysProcAttr{Setpgid: true, Credential: (*User)(o.User).credential()},
		},
		chunks: make(chan chunk, chunksAhead),
		exited: make(chan struct{}),
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		outR.Close()
		outW.Close()
		return nil, err
	}
	p.cmd.Stdout, p.cmd.Stderr = outW, errW
	p.pipes = []*os.File{outR, errR}
	begin := func() error { return startWithin(p.cmd, o.Limits.Processes) }
	if o.User != nil {
		err = withoutPrivileges(begin)
	} else {
		err = begin()
	}
	outW.Close()
	errW.Close()
	if err != nil {
		outR.Close()
		errR.Close()
		return nil, err
	}
	go p.read()
	go p.reap()
	return p, nil
}

func (p *process) read() {
	var wg sync.WaitGroup
	for i, name := range []string{events.StreamStdout, events.StreamStderr} {
		wg.Go(func() { p.pump(name, p.pipes[i]) })
	}
	wg.Wait()
	close(p.chunks)
}

func (p *process) pump(name string, r io.ReadCloser) {
	defer r.Close()
	for {
		buf := make([]byte, readSize)
		n, err := r.Read(buf)
		if n > 0 {
			p.chunks <- chunk{name, buf[:n]}
		}
		if err != nil {
			return
		}
	}
}

func (p *process) reap() {
	p.err = p.cmd.Wait()
	close(p.exited)
}

// signal reaches every process of the group. A group that is gone needs none.
func (p *process) signal(s syscall.Signal) { _ = syscall.Kill(-p.cmd.Process.Pid, s) }

// drainTime is how long output may still come when all processes are gone, from
// one that left the group and cannot be found.
const drainTime = 2 * time.Second

// itself reports whether a process is the command, for whose end reap waits.
func (p *process) itself(k kin) bool { return k.pid == p.cmd.Process.Pid }

func nobody(kin) bool { return false }

// finish ends what the command left behind and puts an end to its streams: a job
// is over with its command. Valid after exited.
func (p *process) finish(job string) {
	p.signal(syscall.SIGKILL)
	endKin(nobody)
	sweep(job)
	for _, r := range p.pipes {
		if err := r.SetReadDeadline(time.Now().Add(drainTime)); err != nil {
			r.Close()
		}
	}
}

// Exit codes of a command that did not come to run, as a shell has them.
const (
	exitCannotRun = 126
	exitNotFound  = 127
	exitSignal    = 128 // + the signal's number
)

// exitCode of a command that has ended. Valid after exited.
func (p *process) exitCode() int {
	s, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ok && s.Signaled() {
		return exitSignal + int(s.Signal())
	}
	return p.cmd.ProcessState.ExitCode()
}

// startCode is the exit code for a command that could not be started.
func startCode(err error) int {
	if errors.Is(err, os.ErrNotExist) {
		return exitNotFound
	}
	return exitCannotRun
}
