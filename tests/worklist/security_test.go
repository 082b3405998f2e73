package worklist

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// What SECURITY.md says is tried is tried, and what tests/attacks tries stands there.
func TestSecurity_EveryAttackHasItsTest(t *testing.T) {
	page, err := os.ReadFile(root + "/SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range attackProblems(string(page), testsOf(t, os.DirFS(root))) {
		t.Error(problem)
	}
}

func TestAttackProblems_AreFound(t *testing.T) {
	tests := map[string]bool{"tests/attacks.TestFlood": true, "events.TestSecret": true}
	for page, want := range map[string]int{
		"| a | b | `tests/attacks.TestFlood` | 3 |\n| c | d | `events.TestSecret` |": 0,
		"| a | b | `tests/attacks.TestFlood` `events.TestGone` |":                    1,
		"| a | b | `events.TestSecret` |":                                            1,
	} {
		if found := attackProblems(page, tests); len(found) != want {
			t.Errorf("%q: %q", page, found)
		}
	}
}

func attackProblems(page string, tests map[string]bool) (found []string) {
	named := map[string]bool{}
	for _, m := range testPattern.FindAllStringSubmatch(page, -1) {
		if named[m[1]] = true; !tests[m[1]] {
			found = append(found, m[1]+" is named and does not exist")
		}
	}
	for test := range tests {
		if strings.HasPrefix(test, "tests/attacks.Test") && test != "tests/attacks.TestMain" && !named[test] {
			found = append(found, test+" is not named")
		}
	}
	slices.Sort(found)
	return found
}
