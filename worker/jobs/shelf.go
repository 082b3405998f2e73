package jobs

import (
	"slices"
	"time"
)

// A shelf says which jobs that ended are kept: all for a time, and of those that
// nobody waits for any more only the last few. It is pure.
type shelf struct {
	keepFor time.Duration
	keep    int
	jobs    []shelved // in the order of their ends
}

type shelved struct {
	id    string
	ended time.Time
	spare bool // fetched, or nothing to fetch
}

func (s *shelf) add(id string, ended time.Time, spare bool) {
	i, _ := slices.BinarySearchFunc(s.jobs, ended, func(x shelved, t time.Time) int {
		if x.ended.After(t) {
			return 1
		}
		return -1
	})
	s.jobs = slices.Insert(s.jobs, i, shelved{id, ended, spare})
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
		over := now.Sub(x.ended) > s.keepFor || x.spare && spare > s.keep
		if over && !inUse(x.id) {
			ids = append(ids, x.id)
			continue
		}
		kept = append(kept, x)
	}
	slices.Reverse(kept)
	s.jobs = kept
	return ids
}
