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
	jobs      []shelved // in the order of their ends
}

type shelved struct {
	id    string
	ended time.Time
	bytes int64 // on disk
	spare bool  // fetched, or nothing to fetch
}

func (s *shelf) add(id string, ended time.Time, bytes int64, spare bool) {
	i, _ := slices.BinarySearchFunc(s.jobs, ended, func(x shelved, t time.Time) int {
		if x.ended.After(t) {
			return 1
		}
		return -1
	})
	s.jobs = slices.Insert(s.jobs, i, shelved{id, ended, bytes, spare})
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
