package election

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"pgregory.net/rapid"
)

func candidate(peer string, memory int64) Candidate {
	return Candidate{events.Seat{PeerID: peer, Incarnation: 1}, memory}
}

// Work list 2.2: 16000, 24000, 16000 MB elect worker-2.
func TestElect_HighestGPUMemoryWins(t *testing.T) {
	got, ok := Elect([]Candidate{candidate("worker-1", 16000), candidate("worker-2", 24000), candidate("worker-3", 16000)})
	if !ok || got.PeerID != "worker-2" {
		t.Fatalf("elected %v", got)
	}
}

func TestElect_SameMemoryLowerPeerIDWins(t *testing.T) {
	got, _ := Elect([]Candidate{candidate("worker-3", 16000), candidate("worker-1", 16000), candidate("worker-2", 16000)})
	if got.PeerID != "worker-1" {
		t.Fatalf("elected %v", got)
	}
}

func TestElect_TwoWorkersOneBecomesAdmin(t *testing.T) {
	all := []Candidate{candidate("worker-1", 8000), candidate("worker-2", 8001)}
	admin, _ := Elect(all)
	for _, c := range all {
		if first := Place(all, c.Seat) == 0; first != (c.Seat == admin) {
			t.Errorf("%v: first in rank %v, admin %v", c.Seat, first, admin)
		}
	}
}

func TestElect_NobodyStands(t *testing.T) {
	if seat, ok := Elect(nil); ok {
		t.Fatalf("elected %v of nobody", seat)
	}
	if Place(nil, events.Seat{PeerID: "a"}) != -1 {
		t.Fatal("an absent seat has a place")
	}
}

// Every worker computes the rank for itself: the order it knows the others in
// must not matter.
func TestElect_TenWorkersAgreeWhateverTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 10).Draw(t, "n")
		all := make([]Candidate, n)
		for i := range all {
			all[i] = candidate(string(rune('a'+i)), rapid.Int64Range(0, 3).Draw(t, "memory")*8000)
		}
		want, _ := Elect(all)
		seed := rapid.Uint64().Draw(t, "seed")
		rand.New(rand.NewPCG(seed, 0)).Shuffle(n, func(i, j int) { all[i], all[j] = all[j], all[i] })
		if got, _ := Elect(all); got != want {
			t.Fatalf("elected %v, then %v", want, got)
		}
	})
}

func TestDelay(t *testing.T) {
	for _, c := range []struct {
		place, reached, members int
		want                    time.Duration
	}{
		{0, 9, 9, 0},
		{1, 9, 9, RankStep},
		{3, 5, 9, 3 * RankStep},
		{0, 4, 9, MinorityDelay},
		{0, 1, 2, MinorityDelay}, // half is no majority
		{0, 1, 1, 0},
	} {
		if got := Delay(c.place, c.reached, c.members); got != c.want {
			t.Errorf("Delay(%d, %d, %d) = %v, want %v", c.place, c.reached, c.members, got, c.want)
		}
	}
}

func TestFence_AcceptedTermNeverFalls(t *testing.T) {
	cert := func(store string, n uint64, peer string) events.SeatCertificate {
		return events.SeatCertificate{Term: events.Term{Store: store, N: n}, Seat: events.Seat{PeerID: peer, Incarnation: 1}}
	}
	var f Fence
	steps := []struct {
		give events.SeatCertificate
		want Verdict
		peer string
	}{
		{cert("s1", 1, "a"), Newer, "a"},
		{cert("s1", 3, "b"), Newer, "b"},
		{cert("s1", 3, "b"), Same, "b"},
		{cert("s1", 2, "c"), Older, "b"},
		{cert("s0", 9, "c"), Older, "b"}, // a term of an older store, however high
		{cert("s2", 1, "d"), Newer, "d"}, // a wiped store begins again, above
	}
	for i, s := range steps {
		if got := f.Accept(s.give); got != s.want || f.Holder().PeerID != s.peer {
			t.Errorf("step %d: verdict %d, admin %v", i, got, f.Holder())
		}
	}
}
