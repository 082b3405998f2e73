package main

import (
	"os"
	"strings"
	"testing"
)

const found = `pan:1: assertion violated (( !(certified[9])||I1_ONE_ADMIN) (at depth 5)
Warning: Search not completed
State-vector 92 byte, depth reached 5, errors: 1
      203 states, stored
  128.293	total actual memory usage
pan: elapsed time 0.5 seconds
`

func TestRead_AViolationIsNamed(t *testing.T) {
	o, err := read(found)
	if want := (outcome{states: 203, depth: 5, seconds: 0.5, memory: 128.293, fell: "I1_ONE_ADMIN"}); err != nil || o != want {
		t.Errorf("read %+v, %v, want %+v", o, err, want)
	}
}

// A busy machine takes more than a thousand seconds, which spin prints otherwise.
func TestRead_LargeNumbers(t *testing.T) {
	o, err := read("State-vector 100 byte, depth reached 39, errors: 0\n 4.2e+07 states, stored\n 3334.688\ttotal actual memory usage\npan: elapsed time 2.84e+03 seconds\n")
	if want := (outcome{whole: true, states: 42e6, depth: 39, seconds: 2840, memory: 3334.688}); err != nil || o != want {
		t.Errorf("read %+v, %v, want %+v", o, err, want)
	}
}

func TestRead_AnErrorThatIsNoInvariantIsOne(t *testing.T) {
	for _, out := range []string{"", strings.Replace(found, "I1_ONE_ADMIN", "x", 1)} {
		if o, err := read(out); err == nil {
			t.Errorf("read %+v from %q", o, out)
		}
	}
}

func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		falls string
		got   outcome
		ok    bool
	}{
		"as designed, all seen":     {"", outcome{whole: true}, true},
		"as designed, not all seen": {"", outcome{}, false},
		"as designed, violated":     {"", outcome{fell: "ANSWERS"}, false},
		"without a rule, violated":  {"ANSWERS", outcome{fell: "ANSWERS"}, true},
		"without a rule, otherwise": {"ANSWERS", outcome{fell: "RECOVERY"}, false},
		"without a rule, nothing":   {"ANSWERS", outcome{whole: true}, false},
	} {
		if verdict, ok := (search{falls: c.falls}).judge(c.got); ok != c.ok {
			t.Errorf("%s: %q, ok %v", name, verdict, ok)
		}
	}
}

// A flag that the model does not know takes no rule away, and a search that the page
// does not explain is a riddle.
func TestSearches_AreInTheModelAndOnItsPage(t *testing.T) {
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	model, page := read("../../"+file), read("../../docs/model/README.md")
	for _, s := range searches {
		if !strings.Contains(page, "| "+s.name+" |") {
			t.Errorf("docs/model/README.md has no row for %q", s.name)
		}
		for _, flag := range strings.Fields(s.flags) {
			if !strings.Contains(model, flag) {
				t.Errorf("%s does not know %s (%s)", file, flag, s.name)
			}
		}
	}
}
