package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// logOf is a worker's log: what is old, and what it prints then.
func logOf(t *testing.T, old, then string) tail {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte(old+then), 0o600); err != nil {
		t.Fatal(err)
	}
	return tail{path, int64(len(old))}
}

func elected(stamp, admin string, term string) string {
	return `{"time":"2026-11-25T01:00:00.` + stamp + `Z","level":"INFO","msg":"admin elected","admin_peer_id":"` + admin + `","term":` + term + "}\n"
}

func TestLastAfter_TheLastOfAllCountsWithItsWholeMillisecond(t *testing.T) {
	early := logOf(t, elected("100", "a", "1"), "panic: not JSON\n"+elected("200", "b", "2"))
	late := logOf(t, "", elected("150", "a", "1")+elected("250", "b", "2")+elected("900", "c", "3")+`{"time":"2026-`)
	last, all := lastAfter([]tail{early, late}, 1)
	if want := time.Date(2026, 11, 25, 1, 0, 0, 251e6, time.UTC); !all || !last.Equal(want) {
		t.Errorf("%v, %v", last, all)
	}
}

func TestLastAfter_AllMustAgree(t *testing.T) {
	b := logOf(t, "", elected("200", "b", "2"))
	for name, other := range map[string]tail{
		"silent":              logOf(t, elected("200", "b", "2"), ""),
		"of the old term":     logOf(t, "", elected("200", "a", "1")),
		"with another admin":  logOf(t, "", elected("200", "c", "2")),
		"with another term":   logOf(t, "", elected("200", "b", "3")),
		"in a log that ended": {path: filepath.Join(t.TempDir(), "none")},
	} {
		for _, logs := range [][]tail{{b, other}, {other, b}} {
			if _, all := lastAfter(logs, 1); all {
				t.Errorf("a worker %s counts", name)
			}
		}
	}
	if _, all := lastAfter(nil, 1); all {
		t.Error("nobody counts as all")
	}
}

func TestShare_RoundsAddUp(t *testing.T) {
	for _, of := range []int{0, 3, 20, 50} {
		sum := 0
		for round := range 7 {
			s := share(of, round, 7)
			if sum += s; s < of/7 || s > of/7+1 {
				t.Errorf("%d of %d in round %d", s, of, round)
			}
		}
		if sum != of {
			t.Errorf("%d of %d", sum, of)
		}
	}
}

func TestRival_IsComparedByMedians(t *testing.T) {
	ours := sample{what: "ours", unit: milliseconds, values: []float64{50, 100, 150}}
	r := rival{sample: sample{what: "slow", unit: milliseconds}}
	for _, out := range []string{`{"what":"slow 1.0","seconds":[1,2],"false_departed":2}`, `{"what":"slow 1.0","seconds":[3],"false_departed":1}`} {
		if err := r.take([]byte(out)); err != nil {
			t.Fatal(err)
		}
	}
	r.troubles = []string{"once"}
	got := r.against(ours)
	if want := "20.0 x ours, called the living gone 3 times, failed 1 times"; got.note != want || got.verdict() != want {
		t.Errorf("%q", got.note)
	}
	if row := render([]sample{got}); !strings.HasSuffix(row, "| slow 1.0 | 2000 ms | 3000 ms | 3000 ms | 3 |  | "+got.note+" |\n") {
		t.Errorf("%s", row)
	}
	broken := rival{sample: sample{what: "broken", unit: milliseconds}, troubles: []string{"never"}}
	if row := render([]sample{broken.against(ours)}); !strings.HasSuffix(row, "| broken | - | - | - | 0 |  | failed 1 times |\n") {
		t.Errorf("%s", row)
	}
}

func TestRival_ThatDoesLessIsBelow(t *testing.T) {
	ours := sample{what: "ours", unit: milliseconds, values: []float64{3, 4, 5}}
	r := rival{sample: sample{unit: milliseconds}}
	if err := r.take([]byte(`{"what":"bare","seconds":[0.001,0.002,0.003],"lost":2}`)); err != nil {
		t.Fatal(err)
	}
	if got, want := r.below(ours).note, "ours is 2.0 x that, lost 2"; got != want {
		t.Errorf("%q", got)
	}
}

func TestSample_TheTailIsJudgedToo(t *testing.T) {
	s := sample{unit: milliseconds, target: 150, tail: 500, values: []float64{100, 100, 501}}
	if s.verdict() != "missed" {
		t.Errorf("a p99 of %v is %q", s.at(0.99), s.verdict())
	}
	if s.tail = 502; s.verdict() != "met" {
		t.Errorf("a p99 of %v is %q", s.at(0.99), s.verdict())
	}
}

func TestChosen_InOurOrder(t *testing.T) {
	todo, err := chosen("calm,discovery")
	if err != nil || len(todo) != 2 || todo[0].name != "discovery" || todo[1].name != "calm" {
		t.Errorf("%v, %v", todo, err)
	}
	if _, err := chosen("calm,clam"); err == nil || !strings.Contains(err.Error(), "clam") {
		t.Errorf("%v", err)
	}
	if all, err := chosen(strings.Join(names(), ",")); err != nil || len(all) != len(measures()) {
		t.Errorf("%v, %v", all, err)
	}
}

func TestRivals_WithoutTheProgramThereAreNone(t *testing.T) {
	bin := t.TempDir()
	if got := rivals(bin, leaders); len(got) != 0 {
		t.Errorf("%v", got)
	}
	if err := os.WriteFile(filepath.Join(bin, "peers"), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rivals(bin, leaders) {
		got = append(got, r.name)
	}
	if !slices.Equal(got, leaders) {
		t.Errorf("%v", got)
	}
}
