package stage

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// A Process is a program that runs beside this one, in a session of its own, with
// what it prints in a file. Methods may be called from any goroutine.
type Process struct {
	Name string
	Log  string // path of what it printed

	cmd      *exec.Cmd
	done     chan struct{}
	err      error // of Wait; set before done closes
	expected atomic.Bool
}

// start runs a command. What it prints is added to the log: a process may be the
// second of its name.
func start(name, log string, cmd *exec.Cmd) (*Process, error) {
	f, err := os.OpenFile(log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr = f, f
	// Ctrl-C on the terminal reaches the stage, which then ends its processes in order.
	cmd.SysProcAttr.Setsid = true
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &Process{Name: name, Log: log, cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Kill ends the process with signal 9, as a power cut would, and waits for it.
func (p *Process) Kill() {
	p.expected.Store(true)
	// It may have ended already; then there is nothing to kill.
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Terminate asks the process to end, with SIGTERM.
func (p *Process) Terminate() {
	p.expected.Store(true)
	// It may have ended already; then there is nobody to ask.
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
}

// ExitCode is the exit code of a process that has ended, -1 if a signal ended it.
func (p *Process) ExitCode() int {
	<-p.done
	return p.cmd.ProcessState.ExitCode()
}

// stop asks the process to end, and kills it after a grace.
func (p *Process) stop(grace time.Duration) {
	p.Terminate()
	select {
	case <-p.done:
	case <-time.After(grace):
		p.Kill()
	}
}

// fallen is an error if the process ended and nobody ended it.
func (p *Process) fallen() error {
	select {
	case <-p.done:
	default:
		return nil
	}
	if p.expected.Load() {
		return nil
	}
	if p.err != nil {
		return fmt.Errorf("%s ended by itself: %w", p.Name, p.err)
	}
	return fmt.Errorf("%s ended by itself", p.Name)
}

// Tail is the last lines of what the process printed, less those with a token in
// them: the hub prints what to paste.
func (p *Process) Tail(lines int) string {
	text, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	all := slices.DeleteFunc(strings.Split(strings.TrimRight(string(text), "\n"), "\n"), func(line string) bool {
		return strings.Contains(line, "MOOT_TOKEN=")
	})
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
