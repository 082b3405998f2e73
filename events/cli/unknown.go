package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Unknown looks for names in the environment that begin with the prefix and are
// no settings of cfg, and for near misses of names without prefix. It returns one
// warning for each, with the setting that was perhaps meant, in the order of
// their names. others are names of the same prefix that other programs read.
func Unknown(prefix string, cfg any, others ...string) []string {
	var known, bare []string
	for _, s := range settings(prefix, cfg) {
		known = append(known, s.name)
		if f := s.fileName(); f != "" {
			known = append(known, f)
		}
		if s.bare {
			bare = append(bare, s.name)
		}
	}
	var warnings []string
	for _, name := range environment() {
		if slices.Contains(known, name) || slices.Contains(others, name) {
			continue
		}
		if strings.HasPrefix(name, prefix+"_") {
			warnings = append(warnings, notASetting(name, nearest(prefix, name, known)))
		} else if near := nearest(prefix, name, bare); near != "" {
			warnings = append(warnings, notASetting(name, near))
		}
	}
	return warnings
}

func notASetting(name, near string) string {
	if near == "" {
		return name + " is not a setting"
	}
	return fmt.Sprintf("%s is not a setting; did you mean %s?", name, near)
}

// environment lists the names that are set, sorted.
func environment() []string {
	var names []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// maxEdits is how many typing mistakes still point to a name.
const maxEdits = 2

// nearest is the candidate with the fewest typing mistakes between it and name,
// "" if none is near. A wrongly prefixed bare name has none.
func nearest(prefix, name string, candidates []string) string {
	best, found := maxEdits+1, ""
	for _, c := range candidates {
		if name == prefix+"_"+c {
			return c
		}
		if d := edits(name, c); d < best {
			best, found = d, c
		}
	}
	return found
}

// edits is the Levenshtein distance of two names.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next := min(row[j]+1, row[j+1]+1, diagonal+cost)
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
