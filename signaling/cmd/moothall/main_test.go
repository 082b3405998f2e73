package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// asProgram makes the test's own binary behave as moothall, so that tests can run
// and signal a real process.
const asProgram = "MOOTHALL_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		_ = os.Unsetenv(asProgram)
		os.Exit(start())
	}
	goleak.VerifyTestMain(m)
}

// A process is a running moothall.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  *bytes.Buffer // complete once it has ended
	errs *bytes.Buffer
	url  string
	done chan error
}

func run(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(os.Args[0], args...), out: new(bytes.Buffer), errs: new(bytes.Buffer), done: make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), asProgram+"=1")
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.errs
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
			<-p.done
		}
	})
	return p
}

// code is the exit code, once it has ended.
func (p *process) code() int {
	p.t.Helper()
	select {
	case err := <-p.done:
		p.done <- err
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			p.t.Fatal(err)
		}
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(30 * time.Second):
		p.t.Fatal("it does not end")
		return -1
	}
}

func (p *process) terminate() int {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	return p.code()
}

// up starts a hub on free ports and waits until it answers.
func up(t *testing.T, data string, args ...string) *process {
	t.Helper()
	httpAddr, natsAddr := freeAddr(t), freeAddr(t)
	p := run(t, append([]string{"up", "--data", data, "--http", httpAddr, "--nats", natsAddr}, args...)...)
	p.url = "http://" + httpAddr
	p.await("/readyz")
	return p
}

func (p *process) await(path string) {
	p.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		resp, err := http.Get(p.url + path)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-p.done:
			p.t.Fatalf("it ended: %v\n%s", err, p.errs)
		case <-deadline:
			p.t.Fatalf("%s%s does not answer: %v", p.url, path, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// awaitFile waits for a file that the hub writes when it answers.
func awaitFile(t *testing.T, path string) string {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		text, err := os.ReadFile(path)
		if err == nil {
			return string(text)
		}
		select {
		case <-deadline:
			t.Fatal(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// call runs a command in this process.
func call(args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	p := &program{out: &o, err: &e}
	code = p.run(context.Background(), args)
	return code, o.String(), e.String()
}
