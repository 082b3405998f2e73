package replica

import (
	"slices"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

// A hub that hears nobody for 6 s gives every lease its full time again (signaling.Doubt).
// So that a second's delay on a busy machine is not taken for deafness, the leases of four
// that registered at once leave it no silence of more than 3.2 s, whichever of them is gone.
func TestLease_ThoseOfARoomAreSpread(t *testing.T) {
	const room = 4
	for first := range uint64(1000) {
		for gone := range uint64(room) {
			var at []time.Duration
			for i := range uint64(room) {
				if i != gone {
					at = append(at, firstLease(seat("worker", first+i), events.LeaseInterval))
				}
			}
			slices.Sort(at)
			longest := at[0] + events.LeaseInterval - at[len(at)-1]
			for i := 1; i < len(at); i++ {
				longest = max(longest, at[i]-at[i-1])
			}
			if longest > 3200*time.Millisecond {
				t.Fatalf("seats from %d on, without number %d: nobody for %s (%v)", first, gone, longest, at)
			}
		}
	}
}

func TestLease_TheFirstComesWithinAnIntervalTheNextAfterOne(t *testing.T) {
	d := newDriver(t) // incarnation 2
	begun, wait := d.now, firstLease(seat("worker-b", 2), events.LeaseInterval)
	for i := range 3 {
		for len(only[Renew](d.pass(d.replica.Next().Sub(d.now)))) == 0 {
		}
		if due := begun.Add(wait + time.Duration(i)*events.LeaseInterval); !d.now.Equal(due) {
			t.Fatalf("lease %d after %s, not %s", i+1, d.now.Sub(begun), due.Sub(begun))
		}
	}
}

// An event is sent once. Who missed that another joined would never dial it.
func TestRenewed_WhatWasMissedIsAskedFor(t *testing.T) {
	d := newDriver(t)
	for _, c := range []struct {
		versions uint64
		asks     bool
	}{{0, false}, {1, true}} {
		s := standing(1, "worker-a", 1)
		s.MembersVersion += c.versions
		out := d.step(Renewed{Ack: events.Ack{Standing: s, Certificate: d.certificate(1, "worker-a", 1)}})
		if asked := len(only[Refresh](out)) == 1; asked != c.asks {
			t.Errorf("%d versions later: asked %v", c.versions, asked)
		}
	}
}
