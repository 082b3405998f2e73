package jobs

import (
	"slices"
	"time"
)

// A shelf says which jobs that ended are kept: all for a time, of those that nobody
// waits for any more only the last few, and all together up to a size. It is pure.
type shelf struct {
	keepFor   time.Duration
	keep      int
	keepBytes int64
	jobs      []shelved // the longest kept first
}

type shelved struct {
	id    string
	since time.Time // kept since then, on the monotonic clock
	bytes int64     // on disk
	spare bool      // fetched, or nothing to fetch
}

// add puts a job on the shelf, after those that are kept since the same time.
func (s *shelf) add(id string, since time.Time, bytes int64, spare bool) {
	i, _ := slices.BinarySearchFunc(s.jobs, since, func(x shelved, t time.Time) int {
		if x.since.After(t) {
			return 1
		}
		return -1
	})
	s.jobs = slices.Insert(s.jobs, i, shelved{id, since, bytes, spare})
}

// ages says for how long each job is kept.
func (s *shelf) ages(now time.Time) ages {
	all := ages{}
	for _, x := range s.jobs {
		all[x.id] = now.Sub(x.since).Seconds()
	}
	return all
}

// ages are seconds by the jobs' ids. They count what passes while a worker runs: a clock
// that jumps ages no job, and neither does a machine that is off.
type ages map[string]float64

// since is from when on a job is kept: from now if nobody knows better.
func (a ages) since(now time.Time, id string) time.Time {
	return now.Add(-time.Duration(a[id] * float64(time.Second)))
}

// fetched says that a job's outputs have reached a client.
func (s *shelf) fetched(id string) {
	for i := range s.jobs {
		if s.jobs[i].id == id {
			s.jobs[i].spare = true
		}
	}
}

// expire takes the jobs off that are not kept any longer, save those in use.
func (s *shelf) expire(now time.Time, inUse func(id string) bool) (ids []string) {
	spare := 0
	var kept []shelved
	for _, x := range slices.Backward(s.jobs) {
		if x.spare {
			spare++
		}
		over := now.Sub(x.since) > s.keepFor || x.spare && spare > s.keep
		if over && !inUse(x.id) {
			ids = append(ids, x.id)
			continue
		}
		kept = append(kept, x)
	}
	slices.Reverse(kept)
	s.jobs = kept
	return append(ids, s.shrink(inUse)...)
}

// shrink takes the oldest jobs off until the others are small enough: first those that
// nobody waits for.
func (s *shelf) shrink(inUse func(id string) bool) (ids []string) {
	var size int64
	for _, x := range s.jobs {
		size += x.bytes
	}
	for _, spare := range []bool{true, false} {
		s.jobs = slices.DeleteFunc(s.jobs, func(x shelved) bool {
			gone := size > s.keepBytes && x.spare == spare && !inUse(x.id)
			if gone {
				size -= x.bytes
				ids = append(ids, x.id)
			}
			return gone
		})
	}
	return ids
}
