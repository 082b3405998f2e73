package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is Linux' USER_HZ, in which /proc counts processor time.
const ticksPerSecond = 100

// idle watches workers that do nothing. It reads /proc and says nothing elsewhere.
func (b *bench) idle(ctx context.Context) ([]sample, error) {
	if runtime.GOOS != "linux" {
		return nil, nil
	}
	core := sample{what: "idle worker, of one core", unit: percent, target: 0.5}
	memory := sample{what: "idle worker, resident", unit: megabytes, target: 60}
	before := map[int]float64{}
	for _, w := range b.workers {
		used, err := cpuSeconds(w.PID())
		if err != nil {
			return nil, err
		}
		before[w.PID()] = used
	}
	select {
	case <-time.After(time.Duration(b.idleSeconds) * time.Second):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	for _, w := range b.workers {
		used, err := cpuSeconds(w.PID())
		if err != nil {
			return nil, err
		}
		core.add(100 * (used - before[w.PID()]) / float64(b.idleSeconds))
		resident, err := residentMB(w.PID())
		if err != nil {
			return nil, err
		}
		memory.add(resident)
	}
	return []sample{core, memory}, nil
}

func cpuSeconds(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return parseStat(string(text))
}

// parseStat reads user and system time from /proc/PID/stat, whose second field is
// the program's name in parentheses and may contain anything.
func parseStat(stat string) (float64, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc stat %q", stat)
	}
	var ticks float64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return ticks / ticksPerSecond, nil
}

func residentMB(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	kB, err := parseField(string(text), "VmRSS:")
	return kB / 1024, err
}

// parseField is the number behind a name in a file like /proc/PID/status.
func parseField(text, name string) (float64, error) {
	_, rest, ok := strings.Cut(text, name)
	fields := strings.Fields(rest)
	if !ok || len(fields) == 0 {
		return 0, fmt.Errorf("no %s in /proc", name)
	}
	return strconv.ParseFloat(fields[0], 64)
}

// machine says where the numbers come from.
func machine(ctx context.Context) string {
	model := runtime.GOARCH
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	system := runtime.GOOS
	if out, err := exec.CommandContext(ctx, "uname", "-sr").Output(); err == nil {
		system = strings.TrimSpace(string(out))
	}
	load := ""
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = ", load " + strings.Fields(string(text))[0]
	}
	return fmt.Sprintf("%s, %d cores, %s, %s%s\n", model, runtime.NumCPU(), system, runtime.Version(), load)
}
