// Package election says who comes first and which term counts. It is pure: no
// clock, no I/O. A Fence belongs to one goroutine.
package election

import (
	"cmp"
	"slices"
	"time"

	"github.com/moothall/moothall/events"
)

// A Candidate is a living member that may become admin.
type Candidate struct {
	events.Seat
	GPUMemoryMB int64
}

// Rank orders candidates for the admin's seat: more GPU memory first, then the
// lower peer id (work list 2.2). The input is not changed.
func Rank(candidates []Candidate) []Candidate {
	ranked := slices.Clone(candidates)
	slices.SortFunc(ranked, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(b.GPUMemoryMB, a.GPUMemoryMB), cmp.Compare(a.PeerID, b.PeerID))
	})
	return ranked
}

// Elect is the first in rank; false if nobody stands.
func Elect(candidates []Candidate) (events.Seat, bool) {
	if len(candidates) == 0 {
		return events.Seat{}, false
	}
	return Rank(candidates)[0].Seat, true
}

// Place is the rank of a seat, counted from 0; -1 if it does not stand.
func Place(candidates []Candidate, seat events.Seat) int {
	return slices.IndexFunc(Rank(candidates), func(c Candidate) bool { return c.Seat == seat })
}

// Steps of the delay before a claim: the first in rank claims at once, each
// further one gives those before it time to be announced, and whoever reaches no
// majority of the members lets the better connected go first.
const (
	RankStep      = 150 * time.Millisecond
	MinorityDelay = 2 * time.Second
)

// Delay is how long the member at a place (from 0) waits before it claims, when
// it reaches reached of members, itself included in both.
func Delay(place, reached, members int) time.Duration {
	d := time.Duration(place) * RankStep
	if 2*reached <= members {
		d += MinorityDelay
	}
	return d
}
