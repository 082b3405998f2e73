package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/events/cli"
)

// A column of the table of workers. Where the terminal is narrow the columns of the
// highest rank go first; the names stay.
type column struct {
	title string
	rank  int
	limit int // widest it may be
	cell  func(events.WorkerList, events.Worker) string
}

var columns = []column{
	{"NAME", 0, 26, func(_ events.WorkerList, w events.Worker) string { return marked(w) }},
	{"PEER", 4, 34, func(_ events.WorkerList, w events.Worker) string { return w.PeerID }},
	{"STATUS", 1, 16, func(_ events.WorkerList, w events.Worker) string { return status(w) }},
	{"GPU", 3, 24, func(_ events.WorkerList, w events.Worker) string { return w.Metadata.Properties.GPUModel }},
	{"MEMORY", 2, 12, func(_ events.WorkerList, w events.Worker) string {
		return fmt.Sprintf("%d MB", w.Metadata.Properties.GPUMemoryMB)
	}},
	{"JOB", 5, 20, func(_ events.WorkerList, w events.Worker) string { return w.CurrentJob }},
	{"LINK", 6, 8, func(_ events.WorkerList, w events.Worker) string { return w.Path }},
	{"SEEN", 7, 8, func(l events.WorkerList, w events.Worker) string { return seen(l, w) }},
}

const gap = 2

// table lays the workers out for a terminal of the given width, 0 for none.
func table(list events.WorkerList, width int) string {
	if len(list.Workers) == 0 {
		return ""
	}
	cols := slices.Clone(columns)
	for {
		rows, widths := layOut(list, cols)
		if width <= 0 || total(widths) <= width {
			return render(rows, widths)
		}
		if len(cols) == 1 {
			return render(rows, []int{min(widths[0], width)})
		}
		last := slices.MaxFunc(cols, func(a, b column) int { return a.rank - b.rank })
		cols = slices.DeleteFunc(cols, func(c column) bool { return c.rank == last.rank })
	}
}

// layOut fills the cells and finds how wide each column is.
func layOut(list events.WorkerList, cols []column) (rows [][]string, widths []int) {
	header := make([]string, len(cols))
	widths = make([]int, len(cols))
	for i, c := range cols {
		header[i] = c.title
		if i == 0 {
			header[i] = "  " + c.title
		}
		widths[i] = len(header[i])
	}
	rows = append(rows, header)
	for _, w := range list.Workers {
		row := make([]string, len(cols))
		for i, c := range cols {
			row[i] = runewidth.Truncate(orDash(cli.Printable(c.cell(list, w))), c.limit, "…")
			widths[i] = max(widths[i], runewidth.StringWidth(row[i]))
		}
		rows = append(rows, row)
	}
	return rows, widths
}

func render(rows [][]string, widths []int) string {
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			if i > 0 {
				line.WriteString(strings.Repeat(" ", gap))
			}
			line.WriteString(runewidth.FillRight(runewidth.Truncate(cell, widths[i], "…"), widths[i]))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

func total(widths []int) int {
	sum := gap * (len(widths) - 1)
	for _, w := range widths {
		sum += w
	}
	return sum
}

func marked(w events.Worker) string {
	name := w.Name
	if name == "" {
		name = w.PeerID
	}
	if w.IsAdmin {
		return "* " + name
	}
	return "  " + name
}

func status(w events.Worker) string {
	if w.Stale {
		return string(w.Status) + " stale"
	}
	return string(w.Status)
}

// seen is how old the worker's last sign of life was when the list was made, both by
// the clocks of those who made it.
func seen(l events.WorkerList, w events.Worker) string {
	if w.LastHeartbeat.IsZero() || l.AsOf.IsZero() {
		return ""
	}
	d := max(0, l.AsOf.Sub(w.LastHeartbeat.Time))
	if d < time.Minute {
		return fmt.Sprintf("%ds", int(d.Seconds()))
	}
	if d < time.Hour {
		return fmt.Sprintf("%dm", int(d.Minutes()))
	}
	return fmt.Sprintf("%dh", int(d.Hours()))
}

func orDash(s string) string {
	if strings.TrimSpace(s) == "" {
		return "-"
	}
	return s
}

// terminalWidth is the width of a terminal in columns, 0 if w is none.
func terminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}
