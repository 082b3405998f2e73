// Package worklist keeps docs/worklist.md true: every number of the work list, all
// its check boxes and its acceptance line have a row, and what a row names exists.
package worklist

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

func TestPage_IsTrue(t *testing.T) {
	page, err := os.ReadFile(root + "/docs/worklist.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems(parse(string(page)), testsOf(t, os.DirFS(root)), decisionsOf(t)) {
		t.Error(p)
	}
}

func TestBoxes_AreThoseOfTheWorkList(t *testing.T) {
	sum := 0
	for _, n := range boxes {
		sum += n
	}
	if len(boxes) != 42 || sum != 178 {
		t.Errorf("%d numbers with %d check boxes, the work list has 42 with 178", len(boxes), sum)
	}
}

var testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Example|Fuzz|Benchmark)\w*)\(`)

// testsOf are the module's tests as "folder.TestName".
func testsOf(t *testing.T, tree fs.FS) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || otherModule(tree, name)) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		source, err := fs.ReadFile(tree, name)
		for _, m := range testFunc.FindAllSubmatch(source, -1) {
			tests[path.Dir(name)+"."+string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

func otherModule(tree fs.FS, folder string) bool {
	_, err := fs.Stat(tree, path.Join(folder, "go.mod"))
	return err == nil
}

func decisionsOf(t *testing.T) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir(root + "/docs/adr")
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]bool{}
	for _, e := range entries {
		pages[e.Name()] = true
	}
	return pages
}

// A page with one number wrong in each way that matters, so that the rules are
// seen to bite.
func TestProblems_AreFound(t *testing.T) {
	tests := map[string]bool{"worker/election.TestElect": true}
	decisions := map[string]bool{"0001-record-decisions.md": true}
	proof := "`worker/election.TestElect`"
	cases := []struct {
		name, line string
		want       string // "" where nothing is wrong
	}{
		{"done with a test", "| 1.1.1 | x | done | " + proof + " |", ""},
		{"changed by a decision", "| 1.1.1 | x | changed | [0001](adr/0001-record-decisions.md) |", ""},
		{"done without a name", "| 1.1.1 | x | done | see the code |", `1.1.1 is "done" and names no test`},
		{"partly without a name", "| 1.1.1 | x | partly | |", `1.1.1 is "partly" and names no test`},
		{"a test that does not exist", "| 1.1.1 | x | done | `worker/election.TestGone` |", "no such test"},
		{"a test without its folder", "| 1.1.1 | x | done | `TestElect` |", "no such test"},
		{"changed without a decision", "| 1.1.1 | x | changed | " + proof + " |", "cites no decision"},
		{"a decision that does not exist", "| 1.1.1 | x | changed | [9](adr/0009-gone.md) |", "no such page"},
		{"a state of its own", "| 1.1.1 | x | almost | " + proof + " |", `has the state "almost"`},
		{"later, with tests", "| 1.1.1 | x | later issue | " + proof + " |", "say partly"},
		{"twice", "| 1.1.1 | x | done | " + proof + " |\n| 1.1.1 | x | done | " + proof + " |", "1.1.1 stands on the page 2 times"},
		{"missing", "", "1.1.1 stands on the page 0 times"},
		{"unknown", "| 1.1.1 | x | done | " + proof + " |\n| 1.1.9 | x | done | " + proof + " |", "1.1.9 is not in the work list"},
		{"a sum that hides a part", "| 1.1.1 | x | later issue | |", `1.1 is said to be "done", its parts make it "partly"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var page strings.Builder
			for _, id := range wanted() {
				if id == "1.1.1" {
					page.WriteString(c.line + "\n")
					continue
				}
				fmt.Fprintf(&page, "| %s | x | done | %s |\n", id, proof)
			}
			found := problems(parse(page.String()), tests, decisions)
			if c.want == "" && len(found) > 0 || c.want != "" && !slices.ContainsFunc(found, func(p string) bool { return strings.Contains(p, c.want) }) {
				t.Errorf("found %q, want %q", found, c.want)
			}
		})
	}
}
