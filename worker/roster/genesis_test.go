package roster

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/moothall/moothall/events"
)

// inhabited is a room of three replicas that hold everyone's row, and its next
// genesis, founded by the first, that the others have not seen.
func inhabited(t *testing.T) (*room, []*Roster, events.Genesis) {
	t.Helper()
	rm := newRoom(t)
	replicas := rm.join("w1", "w2", "w3")
	for _, r := range replicas {
		spread(t, replicas, write(t, r, events.StatusAvailable))
	}
	return rm, replicas, rm.found(replicas[0], generationOf(1, 1))
}

// spread gives a chunk to all replicas; its owner has it already.
func spread(t *testing.T, replicas []*Roster, chunk []byte) {
	t.Helper()
	for _, r := range replicas {
		if a := r.Apply([][]byte{chunk}); len(a.Refused) > 0 || a.Waiting > 0 {
			t.Fatalf("%s: refused %v, %d wait", r.config.Seat, a.Refused, a.Waiting)
		}
	}
}

func TestGenesis_ByteIdenticalFromAnyBuilder(t *testing.T) {
	_, replicas, genesis := inhabited(t)
	chunk := replicas[0].present.history.entries[0].chunk
	for _, r := range replicas[1:] {
		if newer := adopt(t, r, genesis); newer != nil {
			t.Errorf("%s holds %d newer rows", r.config.Seat, len(newer))
		}
		if d := cmp.Diff(chunk, r.present.history.entries[0].chunk); d != "" {
			t.Errorf("first change differs: %s", d)
		}
		wantEqual(t, replicas[0], r)
	}
	if adopted, _, err := replicas[1].Adopt(genesis); adopted || err != nil {
		t.Errorf("adopted the same genesis twice: %v, %v", adopted, err)
	}
}

func TestGenesis_SurvivesTheWire(t *testing.T) {
	rm, replicas, genesis := inhabited(t)
	_, payload, err := events.ParseFrame(events.Pack(events.FrameGenesis, genesis))
	if err != nil {
		t.Fatal(err)
	}
	var received events.Genesis
	if err := events.Unpack(payload, &received); err != nil {
		t.Fatal(err)
	}
	joiner := rm.replica("w9", 1)
	adopt(t, joiner, received)
	if d := cmp.Diff(replicas[0].Genesis(), joiner.Genesis()); d != "" {
		t.Errorf("genesis changed on the way: %s", d)
	}
	wantEqual(t, replicas[0], joiner)
}

func TestGenesis_IdenticalOwnRowIsNotWrittenAgain(t *testing.T) {
	_, replicas, genesis := inhabited(t)
	adopt(t, replicas[1], genesis)
	if chunk := write(t, replicas[1], events.StatusAvailable); chunk != nil {
		t.Errorf("chunk of %d bytes for the row that the genesis has", len(chunk))
	}
	chunk := write(t, replicas[1], events.StatusBusy)
	apply(t, replicas[0], chunk)
	wantEqual(t, replicas[0], replicas[1])
	if row := rowOfPeer(t, replicas[0], "w2"); row.Seq != 2 || row.StaticSeq != 1 {
		t.Errorf("seq %d, static %d; want 2 and the 1 of the older generation", row.Seq, row.StaticSeq)
	}
}

func TestFound_KeepsHighestIncarnationsAndWhomTheFounderWants(t *testing.T) {
	rm := newRoom(t)
	w1 := rm.join("w1")[0]
	write(t, w1, events.StatusAvailable)
	for _, seat := range []events.Seat{{PeerID: "w2", Incarnation: 1}, {PeerID: "w2", Incarnation: 7}, {PeerID: "w3", Incarnation: 1}} {
		r := rm.replica(seat.PeerID, seat.Incarnation)
		adopt(t, r, w1.Genesis())
		apply(t, w1, write(t, r, events.StatusBusy))
	}
	g := generationOf(2, 0)
	genesis, err := w1.Found(g, rm.seatCertificate(w1, g.Term), func(s events.Seat) bool { return s.PeerID != "w3" })
	if err != nil {
		t.Fatal(err)
	}
	var seats []string
	for _, row := range genesis.Rows {
		seats = append(seats, row.Seat.String())
	}
	if d := cmp.Diff([]string{"w1#1", "w2#7"}, seats); d != "" {
		t.Errorf("seats (-want +got): %s", d)
	}
	if w1.Changes() != 1 || w1.Version() != 6 || len(w1.Position().Heads) != 1 || w1.Position().Heads[0] != genesis.Hash {
		t.Errorf("position %+v with %d changes, version %d", w1.Position(), w1.Changes(), w1.Version())
	}
}

func TestFound_OfTenFullRowsFitsAFrameAndMoreIsRefused(t *testing.T) {
	rm := newRoom(t)
	w1 := rm.join("w0")[0]
	fill := func(from, to int) {
		for i := from; i < to; i++ {
			r := rm.replica(fmt.Sprintf("w%02d", i), 1)
			adopt(t, r, w1.Genesis())
			s := staticOf(r)
			s.Commands = slices.Repeat([]string{strings.Repeat("c", 60)}, 40)
			chunk, err := r.Write(s, dynamicOf(events.StatusAvailable))
			if err != nil {
				t.Fatal(err)
			}
			apply(t, w1, chunk)
		}
	}
	fill(0, 10)
	if genesis := rm.found(w1, generationOf(2, 0)); len(genesis.Rows) != 10 {
		t.Errorf("%d rows", len(genesis.Rows))
	}
	fill(10, 20)
	g := generationOf(3, 0)
	if _, err := w1.Found(g, rm.seatCertificate(w1, g.Term), everySeat); ReasonOf(err) != GenesisRows {
		t.Errorf("error %v, want a refusal for %s", err, GenesisRows)
	}
	if w1.Genesis().Generation != generationOf(2, 0) {
		t.Errorf("present generation %s after a failed foundation", w1.Genesis().Generation)
	}
}

func TestFound_OnlyTheAdminAndOnlyUpwards(t *testing.T) {
	rm := newRoom(t)
	replicas := rm.join("w1", "w2")
	w1, w2 := replicas[0], replicas[1]
	up, cert := generationOf(2, 0), rm.seatCertificate(w1, generationOf(2, 0).Term)
	cases := []struct {
		name string
		r    *Roster
		g    events.Generation
		cert events.SeatCertificate
		want Reason
	}{
		{"certificate of another seat", w2, up, cert, GenesisCertificate},
		{"the present generation", w1, generationOf(1, 0), rm.seatCertificate(w1, generationOf(1, 0).Term), GenesisTerm},
		{"certificate of another term", w1, generationOf(3, 0), cert, GenesisTerm},
		{"certificate that no hub signed", w1, up, func() events.SeatCertificate { c := cert; c.Signature = "x"; return c }(), GenesisCertificate},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := c.r.Found(c.g, c.cert, everySeat); ReasonOf(err) != c.want {
				t.Errorf("error %v, want a refusal for %s", err, c.want)
			}
		})
	}
}

func TestFound_LeavesOutRowsThatAreNotTrustedAnyMore(t *testing.T) {
	rm, replicas, _ := inhabited(t)
	w1 := replicas[0]
	other := &room{t, rm.name, testKey(t, "next hub")}
	w1.Trust(other.hubKeys())
	if genesis := other.found(w1, generationOf(2, 0)); len(genesis.Rows) != 0 {
		t.Errorf("%d rows that nobody would accept", len(genesis.Rows))
	}
	w1.Trust(append(other.hubKeys(), rm.hubKeys()...))
	if genesis := other.found(w1, generationOf(3, 0)); len(genesis.Rows) != 3 {
		t.Errorf("%d rows, want the 3 that are remembered", len(genesis.Rows))
	}
}
