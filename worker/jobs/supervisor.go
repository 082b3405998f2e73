package jobs

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/moothall/moothall/events"
)

// superviseVariable holds the folder of the job that a process is to supervise.
const superviseVariable = "MOOT_SUPERVISE"

// bellFile is the supervisor's end of the bell, which it inherits.
const bellFile = 3

// Supervise makes this process the supervisor of a job if a worker started it for
// that, and then does not return. A program that runs a Service calls it first of all.
//
// A supervisor outlives its worker (docs/adr/0023): it starts the command, writes its
// log, keeps its limits and says in the job's folder how it ended.
func Supervise() {
	dir := os.Getenv(superviseVariable)
	if dir == "" {
		return
	}
	if err := supervise(folderAt(dir)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		syscall.Exit(1)
	}
	// Not os.Exit: with the race detector that rests for a second first, and the worker
	// waits for the end.
	syscall.Exit(0)
}

func supervise(f folder) error {
	syscall.CloseOnExec(bellFile)
	if err := syscall.SetNonblock(bellFile, true); err != nil {
		return err
	}
	if err := inherit(); err != nil {
		return err
	}
	var o order
	if err := readJSON(f.order, &o); err != nil {
		return err
	}
	log, _, err := reopenLog(o.JobID, f.log)
	if err != nil {
		return err
	}
	control, err := os.OpenFile(f.control, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	asked := make(chan string, asksAhead)
	go hear(control, asked)
	s := supervisor{order: o, folder: f, log: log, asked: asked}
	v := s.run(ctx)
	if err := log.close(); err != nil {
		fmt.Fprintln(os.Stderr, err) // the verdict says it too
	}
	return writeJSON(f.exit, v)
}

// hear passes on what the worker asks for, a word a line, for as long as the process
// lives.
func hear(control *os.File, asked chan<- string) {
	for words := bufio.NewScanner(control); words.Scan(); {
		select {
		case asked <- words.Text():
		default: // many wait already; one more says nothing new
		}
	}
}

// A supervisor is the one writer of a job's log from the command's start to its end.
type supervisor struct {
	order
	folder folder
	log    *eventLog
	asked  <-chan string
}

func (s *supervisor) run(ctx context.Context) verdict {
	p, err := start(s.order, s.folder.work)
	if err != nil {
		code := startCode(err)
		return verdict{State: events.JobFailed, Reason: "cannot start: " + reason(err).Error(), Code: &code}
	}
	now := time.Now()
	born := birth{Supervisor: identify(os.Getpid()), Command: identify(p.cmd.Process.Pid), Started: events.At(now)}
	broken := writeJSON(s.folder.process, born)
	s.record(now, events.JobEvent{Kind: events.JobEventState, State: events.JobRunning})
	a := newAttendant(s, p)
	if broken != nil {
		a.end(failing("its folder cannot be written: %v", broken))
	}
	c := a.follow(ctx)
	code := p.exitCode()
	return verdict{State: c.state, Reason: c.reason, Code: &code}
}

// record writes an event and wakes the worker, if there is one.
func (s *supervisor) record(now time.Time, e events.JobEvent) {
	s.log.append(now, e)
	s.ring(bellEvent)
}

// What the bell says.
const (
	bellEvent  = 1 // the log has grown
	bellAnswer = 2 // to actionPing
)

// ring tells the worker, if there is one. When the bell is full it has yet to hear it.
func (s *supervisor) ring(what byte) { _, _ = syscall.Write(bellFile, []byte{what}) }
