package jobs

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// sweepRounds bounds the hunt for processes that fork while they are hunted.
const sweepRounds = 10

// sweep kills the processes that carry the job's id in their environment, those
// that left its process group included. It looks into /proc; where there is none
// it finds nobody.
func sweep(job string) {
	for range sweepRounds {
		found := carriers(job)
		if len(found) == 0 {
			return
		}
		for _, pid := range found {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func carriers(job string) []int {
	paths, _ := filepath.Glob("/proc/[0-9]*/environ")
	mark := []byte("\x00" + jobVariable + job + "\x00")
	var pids []int
	for _, path := range paths {
		env, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(append([]byte{0}, env...), mark) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}
