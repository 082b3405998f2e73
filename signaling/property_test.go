package signaling

import (
	"fmt"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"pgregory.net/rapid"
)

// TestProperty_RandomRoomsKeepTheInvariants drives one record with random
// registrations, goodbyes, crashes, lapses and claims, good and bad, and checks after
// every step: at most ten seats (I5), at most one admin per term (I1), terms and
// incarnations that never fall (I2), an admin that is a living registry member.
func TestProperty_RandomRoomsKeepTheInvariants(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := newDesk(t)
		admins := map[events.Term]events.Seat{}
		newest := map[string]uint64{}
		var seen []events.Seat
		peer := rapid.Custom(func(rt *rapid.T) string { return fmt.Sprintf("w%d", rapid.IntRange(1, 13).Draw(rt, "peer")) })
		anySeat := func(rt *rapid.T) events.Seat {
			if len(seen) == 0 {
				return events.Seat{PeerID: "w1", Incarnation: 1}
			}
			return rapid.SampledFrom(seen).Draw(rt, "seat")
		}
		rt.Repeat(map[string]func(*rapid.T){
			"register": func(rt *rapid.T) {
				p := peer.Draw(rt, "who")
				how := []with{
					instance(fmt.Sprintf("%s/%d", p, rapid.IntRange(1, 3).Draw(rt, "instance"))),
					lastSeen(rapid.Uint64Range(0, 40).Draw(rt, "last")),
				}
				if rapid.IntRange(0, 4).Draw(rt, "old") == 0 {
					how = append(how, withoutRegistry())
				}
				before := d.r.member(p)
				x, err := d.register(p, how...)
				if err != nil {
					return
				}
				if before == nil || before.Seat != x.Seat {
					if x.Seat.Incarnation <= newest[p] {
						rt.Fatalf("%s after incarnation %d", x.Seat, newest[p])
					}
					newest[p] = x.Seat.Incarnation
				}
				seen = append(seen, x.Seat)
			},
			"leave": func(rt *rapid.T) { _, _ = d.leave(anySeat(rt)) },
			"lose":  func(rt *rapid.T) { d.lost(anySeat(rt), time.Millisecond) },
			"lapse": func(rt *rapid.T) {
				d.lapsed(anySeat(rt))
				_, _ = d.settle(d.g.Lapse(d.r, d.facts, d.now), nil)
			},
			"claim": func(rt *rapid.T) {
				evidence := rapid.SampledFrom([]string{events.EvidenceVacant, events.EvidenceCrash, events.EvidenceLapse}).Draw(rt, "evidence")
				holder := d.r.Admin()
				_, wasLost := d.facts[holder.PeerID]
				by := anySeat(rt)
				x, err := d.claim(by, evidence, good)
				if err == nil && x.Elected && !holder.IsZero() && !wasLost {
					rt.Fatalf("%s deposed %s of which the hub knew nothing", by, holder)
				}
			},
			"gone": func(rt *rapid.T) {
				by, who := anySeat(rt), anySeat(rt)
				q := events.Gone{Seat: by, Term: d.r.Tenure.Term, Member: who, Testimony: events.Testimony{SilentMS: 100}}
				_, _ = d.settle(d.g.Gone(d.r, by.PeerID, q, d.facts, d.now))
			},
			"": func(rt *rapid.T) {
				d.now = d.now.Add(time.Second)
				if here := d.r.Here(); here > 10 {
					rt.Fatalf("%d seats", here)
				}
				a := d.r.Admin()
				if a.IsZero() {
					return
				}
				if m := d.r.member(a.PeerID); !d.r.holds(a) || !m.Registry {
					rt.Fatalf("admin %s is %+v", a, m)
				}
				term := d.r.Tenure.Term
				if was, ok := admins[term]; ok && was != a {
					rt.Fatalf("two admins in term %s: %s and %s", term, was, a)
				}
				for other := range admins {
					if other.Compare(term) > 0 {
						rt.Fatalf("term fell from %s to %s", other, term)
					}
				}
				admins[term] = a
			},
		})
	})
}
