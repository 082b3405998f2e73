package jobs

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
)

// A kin is a process that descends from this one.
type kin struct {
	pid, parent int
	start       uint64 // as in identity
	tasks       int    // its threads
	zombie      bool   // it has ended, and its parent has not noticed
}

// processes are all that /proc shows, by their number; none where there is no /proc.
func processes() map[int]kin {
	entries, _ := os.ReadDir("/proc") // none: nobody is found
	all := make(map[int]kin, len(entries))
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if stat, err := os.ReadFile("/proc/" + e.Name() + "/stat"); err == nil {
			all[pid] = readKin(pid, stat)
		}
	}
	return all
}

// readKin reads /proc/PID/stat, from the field after the program's name on.
func readKin(pid int, stat []byte) kin {
	const state, parent, tasks = 3 - 3, 4 - 3, 20 - 3
	k := kin{pid: pid, start: startIn(stat)}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= tasks {
		return k
	}
	k.zombie = bytes.ContainsAny(fields[state], "ZX")
	k.parent, _ = strconv.Atoi(string(fields[parent])) // digits, as the kernel writes them
	k.tasks, _ = strconv.Atoi(string(fields[tasks]))
	return k
}

// descendants are the children of a process, and theirs.
func descendants(of int) (found []kin) {
	all := processes()
	children := map[int][]kin{}
	for _, k := range all {
		children[k.parent] = append(children[k.parent], k)
	}
	for next := []int{of}; len(next) > 0; next = next[1:] {
		for _, k := range children[next[0]] {
			found, next = append(found, k), append(next, k.pid)
		}
	}
	return found
}

// signal reaches the very process that was found, even if its number is another's by now.
func (k kin) signal(s syscall.Signal) {
	p, err := os.FindProcess(k.pid) // holds on to it, on Linux
	if err != nil {
		return
	}
	defer p.Release()
	if startOf(k.pid) == k.start {
		_ = p.Signal(s) // it has ended if that fails
	}
}

// huntTime bounds the hunt for what a job left running. Who cannot die now, because it
// waits for a device, is left to the kernel.
const huntTime = 5 * time.Second

// endKin kills all that descends from this process, less what keep says. What is hunted
// is stopped first: it makes no more of itself meanwhile, and keeps the places that its
// user's limit has.
func endKin(keep func(kin) bool) {
	stopped := map[kin]bool{}
	for begun := time.Now(); time.Since(begun) < huntTime; {
		alive, fresh := 0, false
		found := descendants(os.Getpid())
		for _, k := range found {
			if k.zombie || keep(k) {
				continue
			}
			alive++
			if id := (kin{pid: k.pid, start: k.start}); !stopped[id] {
				stopped[id], fresh = true, true
				k.signal(syscall.SIGSTOP)
			}
		}
		if alive == 0 {
			bury(found, keep)
			return
		}
		if fresh {
			continue
		}
		for _, k := range found {
			if !k.zombie && !keep(k) {
				k.signal(syscall.SIGKILL)
			}
		}
		time.Sleep(time.Millisecond)
	}
}

// bury takes note of the end of children that nobody else waits for.
func bury(found []kin, keep func(kin) bool) {
	for _, k := range found {
		if k.zombie && k.parent == os.Getpid() && !keep(k) {
			_, _ = syscall.Wait4(k.pid, nil, syscall.WNOHANG, nil) // if somebody did, good
		}
	}
}

// tasksOf counts the processes and threads of a user, as far as /proc shows them.
func tasksOf(uid uint32) (n int) {
	for pid, k := range processes() {
		info, err := os.Stat("/proc/" + strconv.Itoa(pid))
		if err != nil {
			continue
		}
		if s, ok := info.Sys().(*syscall.Stat_t); ok && s.Uid == uid {
			n += max(1, k.tasks)
		}
	}
	return n
}

// allTasks is how many processes and threads the machine has, which costs less to know
// than whose they are. 0 where there is no /proc.
func allTasks() int {
	text, err := os.ReadFile("/proc/loadavg") // "0.20 0.18 0.12 1/80 11206"
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if len(fields) < 4 {
		return 0
	}
	_, total, _ := bytes.Cut(fields[3], []byte("/"))
	n, _ := strconv.Atoi(string(total)) // digits, as the kernel writes them
	return n
}
