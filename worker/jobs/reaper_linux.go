package jobs

import (
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// inherit makes this process the parent of what its descendants leave behind: whatever a
// job starts is found below its supervisor, wherever it went.
func inherit() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// startWithin starts a command whose user may have at most that many more processes and
// threads than it has. The kernel counts them by user and does not hold root to it.
func startWithin(cmd *exec.Cmd, tasks int) error {
	uid := userOf(cmd)
	if uid == 0 {
		return cmd.Start()
	}
	var own unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &own); err != nil {
		return err
	}
	most := min(own.Max, uint64(tasksOf(uid)+tasks))
	limit := unix.Rlimit{Cur: most, Max: most}
	if int(uid) != os.Geteuid() {
		// Nobody but the command itself may set its limits, unless this process has a right
		// that root seldom has in a container. So the command inherits them. This process
		// keeps them: as root it is not held to them, and it starts nothing else.
		if err := unix.Setrlimit(unix.RLIMIT_NPROC, &limit); err != nil {
			return err
		}
		return cmd.Start()
	}
	// This process is held to its own limits: it takes the soft one off again, and the
	// command is then kept from doing the same.
	if err := unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: min(own.Cur, most), Max: own.Max}); err != nil {
		return err
	}
	err := cmd.Start()
	_ = unix.Setrlimit(unix.RLIMIT_NPROC, &own) // it was so before
	if err == nil {
		_ = unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_NPROC, &limit, nil) // it may have ended
	}
	return err
}

// withoutPrivileges calls start on a thread whose children gain none by what they run,
// such as sudo.
func withoutPrivileges(start func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			done <- err
			return
		}
		done <- start()
	}()
	return <-done
}
