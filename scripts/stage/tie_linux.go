package stage

import "syscall"

// tie ends a process when this one has ended, be it killed.
func tie(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
