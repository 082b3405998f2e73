package stage

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
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

// start runs argv with env.
func start(name, log string, env []string, argv ...string) (*Process, error) {
	f, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, f, f
	// Ctrl-C on the terminal reaches the stage, which then ends its processes in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
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

// stop asks the process to end, and kills it after a grace.
func (p *Process) stop(grace time.Duration) {
	p.expected.Store(true)
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
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

// Tail is the last lines of what the process printed.
func (p *Process) Tail(lines int) string {
	text, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	text = bytes.TrimRight(text, "\n")
	for at := len(text); lines > 0; lines-- {
		if at = bytes.LastIndexByte(text[:at], '\n'); at < 0 {
			return string(text)
		}
		if lines == 1 {
			return string(text[at+1:])
		}
	}
	return ""
}
