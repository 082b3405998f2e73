package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// A printer writes one line a step: what was found, the measured number and its
// bound. The text is the same on a terminal and in a log; a terminal adds colour.
type printer struct {
	w      io.Writer
	colour bool
	failed bool // a step missed its bound, or did not come to an end
}

func newPrinter(f *os.File) *printer {
	colour := term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return &printer{w: f, colour: colour}
}

const (
	green = "32"
	red   = "31;1"
	faint = "2"
	bold  = "1"
)

func (p *printer) paint(style, text string) string {
	if !p.colour {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

func (p *printer) title(text string) { fmt.Fprintln(p.w, p.paint(bold, text)) }

func (p *printer) note(name, text string) {
	fmt.Fprintf(p.w, "     %-12s %s\n", name, p.paint(faint, text))
}

// step prints a step that came to an end.
func (p *printer) step(number int, name, found string, m measure) {
	mark, style := "ok", green
	if m.missed() {
		mark, style, p.failed = "FAIL", red, true
	}
	fmt.Fprintf(p.w, "%s %-2d %-12s %-54s %s  %s\n",
		p.paint(style, fmt.Sprintf("%-4s", mark)), number, name, found, p.paint(style, fmt.Sprintf("%9s", m)), p.paint(faint, "("+m.limit()+")"))
}

// broken prints a step that did not come to its end.
func (p *printer) broken(number int, name string, err error) {
	p.failed = true
	lines := strings.Split(err.Error(), "\n")
	fmt.Fprintf(p.w, "%s %-2d %-12s %s\n", p.paint(red, "FAIL"), number, name, lines[0])
	for _, line := range lines[1:] {
		fmt.Fprintf(p.w, "                     %s\n", line)
	}
}
