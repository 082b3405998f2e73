package worklist

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// boxes is how many check boxes each number of the work list has. Each number has
// one acceptance line besides.
var boxes = map[string]int{
	"1.1": 4, "1.2": 4, "1.3": 5, "2.1": 5, "2.2": 4, "2.3": 4, "2.4": 4, "3.1": 4, "3.2": 4, "3.3": 5, "3.4": 4, "3.5": 5,
	"4.1": 4, "4.2": 4, "4.3": 5, "4.4": 4, "4.5": 5, "5.1": 4, "5.2": 4, "5.3": 3, "5.4": 5,
	"6.1": 4, "6.2": 4, "6.3": 4, "6.4": 4, "6.5": 4, "7.1": 4, "7.2": 4, "7.3": 4, "7.4": 4, "7.5": 4, "7.6": 4,
	"8.1": 4, "8.2": 4, "8.3": 5, "8.4": 4, "8.5": 4, "9.1": 4, "9.2": 5, "9.3": 3, "9.4": 4, "9.5": 7,
}

// States of a row.
const (
	done    = "done"        // proved by the named tests
	partly  = "partly"      // the named tests prove a part
	changed = "changed"     // by the decision that the row cites
	later   = "later issue" // not begun
)

// A row is one line of a table of the page: a number ("2.3"), one of its check
// boxes ("2.3.1") or its acceptance line ("2.3 accepted").
type row struct {
	id, number string
	state      string
	tests      []string // "folder.TestName"
	decisions  []string // file names in docs/adr
}

func (r row) summary() bool { return r.id == r.number }

var (
	idPattern       = regexp.MustCompile(`^(\d\.\d)(\.\d| accepted)?$`)
	testPattern     = regexp.MustCompile("`([^`]*(?:Test|Example|Fuzz|Benchmark)[^`]*)`")
	decisionPattern = regexp.MustCompile(`\]\(adr/([^)]+)\)`)
)

// parse reads the rows of all tables whose first cell is an id.
func parse(page string) []row {
	var rows []row
	for line := range strings.Lines(page) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		id := idPattern.FindStringSubmatch(strings.TrimSpace(cells[0]))
		if id == nil || len(cells) != 4 {
			continue
		}
		r := row{id: id[0], number: id[1], state: strings.TrimSpace(cells[2])}
		for _, m := range testPattern.FindAllStringSubmatch(cells[3], -1) {
			r.tests = append(r.tests, m[1])
		}
		for _, m := range decisionPattern.FindAllStringSubmatch(cells[3], -1) {
			r.decisions = append(r.decisions, m[1])
		}
		rows = append(rows, r)
	}
	return rows
}

// wanted are the ids of all rows that the page must have.
func wanted() []string {
	var ids []string
	for _, number := range slices.Sorted(maps.Keys(boxes)) {
		ids = append(ids, number)
		for i := range boxes[number] {
			ids = append(ids, fmt.Sprintf("%s.%d", number, i+1))
		}
		ids = append(ids, number+" accepted")
	}
	return ids
}

// problems are what is wrong with the page, given the tests and decisions that exist.
func problems(rows []row, tests, decisions map[string]bool) []string {
	var found []string
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	seen := map[string]int{}
	for _, r := range rows {
		seen[r.id]++
		for _, t := range r.tests {
			if !tests[t] {
				say("%s names %s, and there is no such test", r.id, t)
			}
		}
		for _, d := range r.decisions {
			if !decisions[d] {
				say("%s cites docs/adr/%s, and there is no such page", r.id, d)
			}
		}
		if why := r.unproved(); why != "" {
			say("%s %s", r.id, why)
		}
	}
	for _, id := range wanted() {
		if seen[id] != 1 {
			say("%s stands on the page %d times, not once", id, seen[id])
		}
	}
	for id := range seen {
		if !slices.Contains(wanted(), id) {
			say("%s is not in the work list", id)
		}
	}
	for number, state := range summaries(rows) {
		for _, r := range rows {
			if r.summary() && r.number == number && r.state != state {
				say("%s is said to be %q, its parts make it %q", number, r.state, state)
			}
		}
	}
	return found
}

// unproved says what a row's state claims without showing it, or "".
func (r row) unproved() string {
	switch r.state {
	case done, partly:
		if len(r.tests) == 0 && !r.summary() {
			return fmt.Sprintf("is %q and names no test", r.state)
		}
	case changed:
		if len(r.decisions) == 0 && !r.summary() {
			return "is changed and cites no decision"
		}
	case later:
		if len(r.tests) > 0 {
			return "is for a later issue and names tests: say partly"
		}
	default:
		return fmt.Sprintf("has the state %q, not one of done, partly, changed, later issue", r.state)
	}
	return ""
}

// summaries derives each number's state from its parts: all alike, or done where
// some are changed, else partly.
func summaries(rows []row) map[string]string {
	parts := map[string]map[string]bool{}
	for _, r := range rows {
		if r.summary() {
			continue
		}
		if parts[r.number] == nil {
			parts[r.number] = map[string]bool{}
		}
		parts[r.number][r.state] = true
	}
	states := map[string]string{}
	for number, of := range parts {
		switch {
		case len(of) == 1:
			states[number] = slices.Collect(maps.Keys(of))[0]
		case len(of) == 2 && of[done] && of[changed]:
			states[number] = done
		default:
			states[number] = partly
		}
	}
	return states
}
