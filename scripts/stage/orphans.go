package stage

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// endJobs ends the jobs of workers that were killed: their supervisors outlive them.
// Where there is no /proc they end by themselves.
func (s *Stage) endJobs() {
	deadline := time.Now().Add(grace)
	for signal := syscall.SIGTERM; ; time.Sleep(poll) {
		left := s.supervisors()
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			signal = syscall.SIGKILL
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, signal) // it may have ended
		}
	}
}

// supervisors are the processes that watch over a job of this stage's workers.
func (s *Stage) supervisors() (pids []int) {
	environments, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environments {
		env, err := os.ReadFile(path)
		if err != nil || !bytes.HasPrefix(env, []byte("MOOT_SUPERVISE="+s.Dir+"/")) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
