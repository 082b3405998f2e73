//go:build linux

package faults

import (
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// drawn are the rounds of a test with random instants and what they are drawn from:
// ROUNDS (default 2) and SEED (default 1) of the environment. Both are printed.
type drawn struct {
	*rand.Rand
	rounds int
}

func draw(t *testing.T) drawn {
	t.Helper()
	rounds, seed := setting(t, "ROUNDS", 2), setting(t, "SEED", 1)
	name := fnv.New64a()
	_, _ = name.Write([]byte(t.Name())) // never fails
	t.Logf("drawn: ROUNDS=%d SEED=%d", rounds, seed)
	return drawn{rand.New(rand.NewPCG(uint64(seed), name.Sum64())), rounds}
}

func setting(t *testing.T, name string, standard int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return standard
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number from 1 on", name, text)
	}
	return n
}

// between is a duration from low to high.
func (d drawn) between(low, high time.Duration) time.Duration {
	return low + time.Duration(d.Int64N(int64(high-low)+1))
}

// one is one of these.
func (d drawn) one(of []string) string { return of[d.IntN(len(of))] }
