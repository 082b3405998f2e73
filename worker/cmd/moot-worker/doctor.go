package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/events/cli"
	"github.com/moothall/moothall/worker/gpu"
	"github.com/moothall/moothall/worker/settings"
)

// States of a finding.
const (
	fine    = "ok"
	warning = "warning"
	wrong   = "wrong"
)

// A finding is what the doctor says about one thing.
type finding struct {
	Check string `json:"check"`
	State string `json:"state"`
	Text  string `json:"text"`
	Try   string `json:"try,omitempty"`
}

var marks = map[string]string{fine: "✓", warning: "!", wrong: "✗"}

// doctor looks at everything and prints all it found. Exit code: 78 if something
// is wrong, 75 if there are warnings, else 0.
func (p *program) doctor(ctx context.Context) error {
	findings := examine(ctx)
	p.code = verdict(findings)
	if p.json {
		return p.print(map[string][]finding{"findings": findings})
	}
	for _, f := range findings {
		fmt.Fprintf(p.out, "%s %-9s %s\n", marks[f.State], f.Check, f.Text)
		if f.Try != "" {
			fmt.Fprintf(p.out, "  %-9s try: %s\n", "", f.Try)
		}
	}
	return nil
}

func verdict(findings []finding) int {
	code := cli.ExitOK
	for _, f := range findings {
		switch f.State {
		case wrong:
			return cli.ExitConfig
		case warning:
			code = cli.ExitTryLater
		}
	}
	return code
}

func examine(ctx context.Context) []finding {
	var all []finding
	for _, w := range settings.Warnings() {
		all = append(all, finding{"settings", warning, w, "moot-worker --env-help"})
	}
	s, err := settings.Load()
	if err != nil {
		e := events.AsError(err)
		all = append(all, finding{"settings", wrong, e.Message, e.Try})
		return append(all, examineGPU(ctx, &settings.Settings{}))
	}
	all = append(all, finding{"settings", fine, fmt.Sprintf("room %q, %d slots", s.Room, s.Slots), ""})
	all = append(all, examineHub(ctx, s), examineGPU(ctx, s), examineDisk(s))
	return append(all, examineCommands(s)...)
}

// dialTimeout bounds the doctor's knock at the hub's door.
const dialTimeout = 5 * time.Second

func examineHub(ctx context.Context, s *settings.Settings) finding {
	u, err := url.Parse(s.Hub)
	if err != nil {
		return finding{"hub", wrong, s.Hub + " is no address", ""}
	}
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	address := net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port))
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	begun := time.Now()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return finding{"hub", warning, fmt.Sprintf("no answer from %s (%v)", address, cause(err)),
			"is moothall up running there, and the port open?"}
	}
	conn.Close()
	return finding{"hub", fine, fmt.Sprintf("%s answers in %s", address, time.Since(begun).Round(100*time.Microsecond)), ""}
}

// cause is the innermost error, without addresses.
func cause(err error) error {
	if e := syscall.Errno(0); errors.As(err, &e) {
		return e
	}
	if e := (*net.DNSError)(nil); errors.As(err, &e) {
		return errors.New(e.Err)
	}
	return err
}

func examineGPU(ctx context.Context, s *settings.Settings) finding {
	found, err := gpu.Probe(ctx)
	m := s.Metadata(found).Properties
	text := fmt.Sprintf("%s, %d MiB", m.GPUModel, m.GPUMemoryMB)
	switch {
	case err != nil && s.NeedsGPU():
		return finding{"gpu", warning, err.Error(), "mend the driver, or set MOOT_GPU_MEMORY_MB and MOOT_GPU_MODEL"}
	case found.Count > 1:
		text += fmt.Sprintf(" (the largest of %d)", found.Count)
	case found.Count == 0 && s.NeedsGPU():
		text += " (no nvidia-smi on PATH)"
	}
	return finding{"gpu", fine, text, ""}
}

// lowDisk is the free space below which jobs are likely to fail. Bytes.
const lowDisk = 5 << 30

func examineDisk(s *settings.Settings) finding {
	dir := existing(s.StateDir)
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return finding{"disk", wrong, fmt.Sprintf("%s: %v", dir, err), "set MOOT_STATE_DIR"}
	}
	if err := syscall.Access(dir, 2); err != nil {
		return finding{"disk", wrong, dir + " cannot be written to", "set MOOT_STATE_DIR"}
	}
	free := uint64(st.Bavail) * uint64(st.Bsize) //nolint:unconvert // some systems have it signed
	f := finding{"disk", fine, fmt.Sprintf("%s free for %s", humanize.IBytes(free), s.StateDir), ""}
	if free < lowDisk {
		f.State, f.Try = warning, "make room, or set MOOT_STATE_DIR"
	}
	return f
}

// existing is dir or the nearest folder above it that is there.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

func examineCommands(s *settings.Settings) []finding {
	if len(s.Commands) == 0 {
		return []finding{{"commands", warning, "no command is allowed: this worker takes no jobs", `MOOT_COMMANDS="name=/path/to/program {in} {out}"`}}
	}
	var all []finding
	for _, m := range s.Commands.Missing() {
		all = append(all, finding{"commands", warning, m, "install it, or mend MOOT_COMMANDS"})
	}
	if all == nil {
		all = []finding{{"commands", fine, strings.Join(s.Commands.Names(), ", "), ""}}
	}
	return all
}
