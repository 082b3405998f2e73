package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/moothall/moothall/scripts/stage"
)

// Two hubs on one machine, each with its room lab and its otter, know nothing of each
// other.
func TestUp_TwoBesideEachOther(t *testing.T) {
	t.Parallel()
	first := shop.visit(t)
	before := first.workers()
	second := open(t, stage.Spec{PeerID: "otter", MemoryMB: 48000})
	if l := second.workers(); l.Total != 1 || l.AdminPeerID != "otter" || l.Term != 1 {
		t.Errorf("%+v", l)
	}
	after := first.workers()
	if !slices.Equal(after.ids(), before.ids()) || after.Term != before.Term || after.of("otter").Incarnation != before.of("otter").Incarnation {
		t.Errorf("before %+v, after %+v", before, after)
	}
	second.moot([]string{"MOOT_TOKEN=" + first.token("--room", room, "--role", "client")}, "workers").refuses(77, "does not know this token")
}

// On a terminal of 20 columns no line of the table is wider and every worker is named;
// elsewhere it is whole. Neither has escape codes.
func TestWorkers_NarrowTerminalAndNone(t *testing.T) {
	t.Parallel()
	h := shop.visit(t)
	plain := h.moot(nil, "workers")
	cmd, err := h.Moot(t.Context(), "workers")
	if err != nil {
		t.Fatal(err)
	}
	narrow := onTerminal(t, 20, cmd)
	for _, c := range []*command{plain, narrow} {
		c.refuses(0)
		if text := c.out.String() + c.err.String(); strings.Contains(text, escape) {
			t.Errorf("%q has escape codes", text)
		}
		for _, w := range h.workers().Workers {
			if !strings.Contains(c.out.String(), w.PeerID) {
				t.Errorf("%s is not in\n%s", w.PeerID, c.out)
			}
		}
	}
	if !strings.Contains(plain.out.String(), "24000 MB") {
		t.Errorf("the table without a terminal is\n%s", plain.out)
	}
	table, _, _ := strings.Cut(narrow.out.String(), "* = admin")
	for line := range strings.Lines(table) {
		if line = strings.TrimRight(line, "\r\n"); utf8.RuneCountInString(line) > 20 {
			t.Errorf("%q is wider than 20 columns", line)
		}
	}
}

// A worker's log is coloured on a terminal, unless NO_COLOR is set, and nowhere else.
func TestWorker_ColoursOnATerminalOnly(t *testing.T) {
	t.Parallel()
	h := shop.visit(t)
	// It warns of a setting that means nothing, and ends since the folder is taken.
	settings := []string{"MOOT_STATE_DIR=" + filepath.Join(h.Dir, "otter"), "MOOT_SLOT=2", "TERM=xterm", "NO_COLOR="}
	for _, tt := range []struct {
		name     string
		run      func(*exec.Cmd) *command
		noColor  string
		coloured bool
	}{
		{"on a terminal", func(cmd *exec.Cmd) *command { return onTerminal(t, 80, cmd) }, "", true},
		{"with NO_COLOR", func(cmd *exec.Cmd) *command { return onTerminal(t, 80, cmd) }, "1", false},
		{"elsewhere", func(cmd *exec.Cmd) *command { return start(t, cmd) }, "", false},
	} {
		cmd, err := h.Worker(t.Context(), stage.Spec{PeerID: "otter"}, append(settings, "NO_COLOR="+tt.noColor)...)
		if err != nil {
			t.Fatal(err)
		}
		c := tt.run(cmd)
		if code, said := c.end(), c.out.String()+c.err.String(); code != 78 || !strings.Contains(said, "MOOT_SLOTS") || strings.Contains(said, escape) != tt.coloured {
			t.Errorf("%s: exit code %d, %q", tt.name, code, said)
		}
	}
}

const escape = "\x1b"

// onTerminal runs a command on a terminal of so many columns; stdout and stderr are one.
func onTerminal(t *testing.T, columns int, cmd *exec.Cmd) *command {
	t.Helper()
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skip("no script(1) here, which makes a terminal")
	}
	line := fmt.Sprintf("stty cols %d; exec %s", columns, strings.Join(cmd.Args, " "))
	inner := exec.Command(script, "--quiet", "--return", "--command", line, "/dev/null")
	inner.Env, inner.SysProcAttr = cmd.Env, cmd.SysProcAttr
	return start(t, inner)
}
