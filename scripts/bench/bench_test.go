package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestSample_MedianIsJudged(t *testing.T) {
	s := sample{what: "x", unit: milliseconds, target: 10}
	for i := range 100 {
		s.took(time.Duration(100-i) * 100 * time.Microsecond) // 0.1 to 10 ms
	}
	for share, want := range map[float64]float64{0: 0.1, 0.5: 5.1, 0.99: 10, 1: 10} {
		if got := s.at(share); got != want {
			t.Errorf("at %v: %v, want %v", share, got, want)
		}
	}
	if s.verdict() != "met" {
		t.Errorf("a median of %v is %q", s.at(0.5), s.verdict())
	}
	if s.target = 5; s.verdict() != "missed" {
		t.Errorf("a median of %v with target 5 is %q", s.at(0.5), s.verdict())
	}
}

func TestRender(t *testing.T) {
	got := render([]sample{{what: "mesh complete", unit: seconds, target: 2, values: []float64{0.41, 0.52, 0.6}}})
	if want := "| mesh complete | 0.52 s | 0.6 s | 0.6 s | 3 | < 2 s | met |\n"; !strings.HasSuffix(got, want) {
		t.Errorf("%s", got)
	}
}

func TestParseStat_TheNameMayContainAnything(t *testing.T) {
	got, err := parseStat("7 (a) b (c)) S 1 7 7 0 -1 4194560 1300 0 0 0 150 50 0 0 20 0 9 0")
	if err != nil || got != 2 {
		t.Errorf("%v s, %v", got, err)
	}
	if _, err := parseStat("7 (x) S"); err == nil {
		t.Error("half a line is accepted")
	}
}

func TestIdle_ReadsThisProcess(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc")
	}
	used, err := cpuSeconds(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	resident, err := residentMB(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if used < 0 || used > 3600 || resident < 1 || resident > 4096 {
		t.Errorf("%v s, %v MB", used, resident)
	}
}
