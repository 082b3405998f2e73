package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
)

// gcPercent trades memory, of which a schedule needs little, for fewer collections.
const gcPercent = 400

// A Summary adds up many schedules.
type Summary struct {
	Runs, Steps, Violations int
	Faults                  map[string]int
	Digest                  string
	idle                    int // schedules with too few faults
}

// A schedule has at least this many faults and kinds of them.
const minFaults, minKinds = 5, 3

func (r Result) idle() bool {
	n := 0
	for _, times := range r.Faults {
		n += times
	}
	return n < minFaults || len(r.Faults) < minKinds
}

// OK reports whether no invariant fell, every kind of fault happened, and no schedule
// had too few.
func (s Summary) OK() bool {
	for _, k := range faultKinds {
		if s.Faults[k.name] == 0 {
			return false
		}
	}
	return s.Violations == 0 && s.idle == 0
}

func (s Summary) String() string {
	faults := make([]string, len(faultKinds))
	for i, k := range faultKinds {
		faults[i] = fmt.Sprintf("%s=%d", k.name, s.Faults[k.name])
	}
	return fmt.Sprintf("sim: runs=%d steps=%d violations=%d faults{%s} digest=%s",
		s.Runs, s.Steps, s.Violations, strings.Join(faults, ","), s.Digest)
}

// Many plays runs schedules from seed on, one on each core, and reports each that has
// a violation. After each it yields the summary of all so far, in the order of seeds,
// which does not depend on which ends first.
func Many(seed uint64, runs int, report func(r Result, seed uint64)) iter.Seq[Summary] {
	return func(yield func(Summary) bool) {
		defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
		s := Summary{Faults: map[string]int{}}
		digest := sha256.New()
		for i, r := range play(seed, runs) {
			s.Runs++
			s.Steps += r.Steps
			digest.Write([]byte(r.Digest))
			for k, n := range r.Faults {
				s.Faults[k] += n
			}
			if r.idle() {
				s.idle++
			}
			if len(r.Violations) > 0 {
				s.Violations++
				report(r, seed+uint64(i))
			}
			s.Digest = hex.EncodeToString(digest.Sum(nil))[:16]
			if !yield(s) {
				return
			}
		}
	}
}

// play yields the results of schedules in the order of their seeds.
func play(seed uint64, runs int) iter.Seq2[int, Result] {
	return func(yield func(int, Result) bool) {
		results := make([]chan Result, runs)
		for i := range results {
			results[i] = make(chan Result, 1)
		}
		next, wg := make(chan int), sync.WaitGroup{}
		stop := make(chan struct{})
		for range runtime.GOMAXPROCS(0) {
			wg.Go(func() {
				for i := range next {
					results[i] <- Run(Options{Seed: seed + uint64(i)})
				}
			})
		}
		wg.Go(func() {
			defer close(next)
			for i := range runs {
				select {
				case next <- i:
				case <-stop:
					return
				}
			}
		})
		defer wg.Wait()
		defer close(stop)
		for i, r := range results {
			if !yield(i, <-r) {
				return
			}
		}
	}
}
