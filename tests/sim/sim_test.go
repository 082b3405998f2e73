package sim

import (
	"testing"
	"time"
)

func TestScheduleWithoutFaultsComesToRest(t *testing.T) {
	for peers := 1; peers <= 10; peers++ {
		if r := Run(Options{Seed: uint64(peers), Peers: peers, Turmoil: time.Nanosecond}); len(r.Violations) > 0 {
			t.Errorf("%d peers: %v", peers, r.Violations)
		}
	}
}

// A slice of what make soak plays; every kind of fault must have happened.
func TestInvariantsHoldUnderFaults(t *testing.T) {
	runs := 60
	if testing.Short() {
		runs = 20
	}
	var s Summary
	for s = range Many(1, runs, func(r Result, seed uint64) { t.Errorf("seed %d: %v", seed, r.Violations) }) {
	}
	t.Log(s)
	if !s.OK() {
		t.Errorf("not a full slice: %s", s)
	}
}

func TestSameSeedSameDigest(t *testing.T) {
	a, b := Run(Options{Seed: 7}), Run(Options{Seed: 7})
	if a.Digest != b.Digest || a.Steps != b.Steps {
		t.Fatalf("seed 7 gave %s in %d steps, then %s in %d", a.Digest, a.Steps, b.Digest, b.Steps)
	}
	if c := Run(Options{Seed: 8}); c.Digest == a.Digest {
		t.Fatal("another seed gave the same digest")
	}
}
