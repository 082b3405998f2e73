package jobs

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"syscall"

	"github.com/moothall/moothall/events"
)

// A ward is a job's supervisor as its worker sees it, whether this process started it
// or an earlier one did. Close it once gone is closed.
type ward struct {
	folder   folder
	bell     *os.File
	rung     chan struct{} // the log has grown; one value stands for many
	answered chan struct{} // the supervisor has given a sign of progress; the same
	gone     chan struct{} // closed when the supervisor has ended
	reaped   chan struct{} // closed when its process is no child of ours any more
}

// engage starts a job's supervisor, in a session of its own, with nothing of this
// process' environment.
func engage(f folder, o order) (*ward, error) {
	if err := writeJSON(f.order, o); err != nil {
		return nil, err
	}
	for _, path := range []string{f.bell, f.control} {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			return nil, &os.PathError{Op: "make a pipe", Path: path, Err: err}
		}
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	said, err := os.OpenFile(f.said, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer said.Close()
	bell, err := os.OpenFile(f.bell, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	// The supervisor holds the other copy: with it the bell falls silent.
	defer bell.Close()
	w, err := rejoin(f)
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{
		Path: self, Args: []string{"moot-worker: job " + o.JobID}, Env: []string{superviseVariable + "=" + f.dir}, Dir: f.dir,
		Stderr: said, ExtraFiles: []*os.File{bell}, SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := cmd.Start(); err != nil {
		bell.Close()
		<-w.gone
		w.close()
		return nil, err
	}
	w.reaped = make(chan struct{})
	go func() {
		defer close(w.reaped)
		_ = cmd.Wait() // what it has to say is in the job's folder
	}()
	return w, nil
}

// rejoin finds the supervisor of a job that another process engaged. If there is none
// any more, gone is closed at once.
func rejoin(f folder) (*ward, error) {
	bell, err := os.OpenFile(f.bell, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	reaped := make(chan struct{})
	close(reaped)
	w := &ward{folder: f, bell: bell, rung: make(chan struct{}, 1), answered: make(chan struct{}, 1), gone: make(chan struct{}), reaped: reaped}
	go w.listen()
	return w, nil
}

func (w *ward) listen() {
	defer close(w.gone)
	for rings := make([]byte, 4<<10); ; {
		n, err := w.bell.Read(rings)
		if err != nil {
			return // its end: nobody holds the other side
		}
		if bytes.IndexByte(rings[:n], bellAnswer) >= 0 {
			poke(w.answered)
		}
		poke(w.rung)
	}
}

func (w *ward) close() {
	w.bell.Close()
	<-w.reaped
}

// ask passes an action on. A supervisor that is gone needs none.
func (w *ward) ask(action string) error {
	control, err := os.OpenFile(w.folder.control, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ENXIO) {
		return nil
	}
	if err != nil {
		return err
	}
	defer control.Close()
	_, err = control.WriteString(action + "\n")
	return err
}

// verdict is how the command ended. A supervisor that left none was killed: then what
// it watched over is killed too.
func (w *ward) verdict(job string) verdict {
	var v verdict
	if readJSON(w.folder.exit, &v) == nil {
		return v
	}
	clearAway(w.folder, job)
	return verdict{State: events.JobLost, Reason: "the process that watched over it was killed"}
}

// clearAway ends what is left of a job that nobody watches over.
func clearAway(f folder, job string) {
	var b birth
	if readJSON(f.process, &b) == nil && b.Command.lives() {
		_ = syscall.Kill(-b.Command.PID, syscall.SIGKILL)
	}
	sweep(job)
}
