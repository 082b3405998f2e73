package jobs

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// An identity tells a process from a later one with the same number. Where there is
// no /proc, Start is 0 and nothing is known to be the same.
type identity struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks from the machine's start
	Boot  string `json:"boot"`  // which start of the machine
}

const bootFile = "/proc/sys/kernel/random/boot_id"

// identify takes a process' identity; Start is 0 if it is gone.
func identify(pid int) identity {
	id := identity{PID: pid}
	if boot, err := os.ReadFile(bootFile); err == nil {
		id.Boot = strings.TrimSpace(string(boot))
	}
	id.Start = startOf(pid)
	return id
}

// startOf is 0 if the process is gone.
func startOf(pid int) uint64 {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	return startIn(stat)
}

// startIn reads field 22 of /proc/PID/stat. The second field is the program's name in
// brackets and may hold anything.
func startIn(stat []byte) uint64 {
	const afterName = 22 - 3
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= afterName {
		return 0
	}
	start, err := strconv.ParseUint(string(fields[afterName]), 10, 64)
	if err != nil {
		return 0
	}
	return start
}

// lives reports whether the very process is still there.
func (id identity) lives() bool { return id.PID > 0 && id.Start > 0 && identify(id.PID) == id }
