package replica

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster"
)

// peerRoster is the document of another member of the driver's room.
func (d *driver) peerRoster(id string, inc uint64) *roster.Roster {
	return roster.New(roster.Config{
		Room: "lab", Seat: seat(id, inc), Key: d.keys[id], Certificate: d.member(id, inc), HubKeys: []string{public(d.hub)},
	})
}

// genesisIn is the newest genesis among the outputs.
func genesisIn(t *testing.T, out []Output) (g events.Genesis, ok bool) {
	t.Helper()
	for _, s := range only[Send](out) {
		if events.FrameType(s.Frame[0]) == events.FrameGenesis {
			if err := events.Unpack(s.Frame[events.FrameHeader:], &g); err != nil {
				t.Fatal(err)
			}
			ok = true
		}
	}
	return g, ok
}

// adminOf makes worker-b admin of term 2 and returns its genesis.
func adminOf(t *testing.T) (*driver, events.Genesis) {
	d := newDriver(t)
	g, ok := genesisIn(t, d.elect(2, "worker-b", 2))
	if !ok {
		t.Fatal("no genesis")
	}
	d.quiet()
	return d, g
}

func adopted(t testing.TB, r *roster.Roster, g events.Genesis) *roster.Roster {
	t.Helper()
	if ok, _, err := r.Adopt(g); !ok || err != nil {
		t.Fatalf("not adopted: %v", err)
	}
	return r
}

func row(t testing.TB, r *roster.Roster, status events.Status, job string) []byte {
	t.Helper()
	chunk, err := r.Write(roster.Static{Slots: 1, Metadata: metadata(8000)}, roster.Dynamic{Status: status, Job: job})
	if err != nil {
		t.Fatal(err)
	}
	return chunk
}

// signed are the rows that a document shows, as their owners signed them.
func signed(r *roster.Roster) (rows []events.SignedRow) {
	for _, row := range r.Rows() {
		rows = append(rows, row.Signed)
	}
	return rows
}

func (d *driver) state(from *roster.Roster, id string, inc uint64, chunks ...[]byte) []Output {
	return d.frame(seat(id, inc), events.FrameStatusUpdate, events.State{
		Fence: events.Term{Store: store, N: 2}, Position: from.Position(), Chunks: chunks,
	})
}

func TestAdmin_BeginsAGenerationWhenTheHistoryIsFull(t *testing.T) {
	d, g := adminOf(t)
	c := adopted(t, d.peerRoster("worker-c", 3), g)
	for i := range roster.MaxBytes / 400 {
		chunk := row(t, c, events.StatusBusy, fmt.Sprintf("j-%04d", i))
		d.state(c, "worker-c", 3, chunk)
		next, ok := genesisIn(t, d.step(Quiet{}))
		if !ok {
			continue
		}
		if i < 100 || next.Generation != (events.Generation{Term: g.Generation.Term, Count: 1}) {
			t.Fatalf("generation %s after %d changes", next.Generation, i+1)
		}
		if len(next.Rows) != 2 || !strings.Contains(next.Rows[1].Dynamic, fmt.Sprintf("j-%04d", i)) {
			t.Errorf("rows %+v", next.Rows)
		}
		if ok, newer, err := c.Adopt(next); !ok || err != nil || newer != nil {
			t.Errorf("adopted %v, newer %v: %v", ok, newer, err)
		}
		return
	}
	t.Fatal("the history is never full")
}

func TestAdmin_BeginsAGenerationWithoutWhoEquivocates(t *testing.T) {
	d, g := adminOf(t)
	c, clone := adopted(t, d.peerRoster("worker-c", 3), g), adopted(t, d.peerRoster("worker-c", 3), g)
	d.state(c, "worker-c", 3, row(t, c, events.StatusBusy, "one"))
	d.step(Quiet{})
	// The proof may come from anybody.
	out := slices.Concat(d.state(clone, "worker-a", 1, row(t, clone, events.StatusBusy, "two")), d.step(Quiet{}))
	next, ok := genesisIn(t, out)
	if !ok || len(next.Rows) != 1 || !slices.Equal(next.Banned, []events.Seat{seat("worker-c", 3)}) {
		t.Fatalf("genesis %v: rows %+v, banned %v", ok, next.Rows, next.Banned)
	}
	adopted(t, c, next)
	if _, err := c.Write(roster.Static{}, roster.Dynamic{Status: events.StatusBusy}); roster.ReasonOf(err) != roster.Banned {
		t.Errorf("the offender's own replica: %v", err)
	}
	v := d.quiet()
	i := slices.IndexFunc(v.Workers, func(w events.Worker) bool { return w.PeerID == "worker-c" })
	if i < 0 || v.Workers[i].Status != events.StatusSuspect {
		t.Errorf("workers %+v", v.Workers)
	}
	if d.replica.conduct[seat("worker-a", 1)].offences != 0 {
		t.Error("who brought the proof was blamed")
	}
	// Its next process is another seat.
	d.step(Presence{events.PeerEvent{Type: events.TypePeerJoined, Seat: seat("worker-c", 9), Peer: d.peer("worker-c", 9), Standing: standing(2, "worker-b", 2)}})
	d.step(LinkUp{seat("worker-c", 9), "direct"})
	again := adopted(t, d.peerRoster("worker-c", 9), next)
	d.state(again, "worker-c", 9, row(t, again, events.StatusAvailable, ""))
	if v := d.quiet(); v.Workers[2].Status != events.StatusAvailable || v.Workers[2].Incarnation != 9 {
		t.Errorf("worker %+v", v.Workers[2])
	}
}

func TestAdopt_NewerRowsGoToTheAdmin(t *testing.T) {
	d := newDriver(t)
	a := d.peerRoster("worker-a", 1)
	g1, err := a.Found(events.Generation{Term: events.Term{Store: store, N: 1}}, d.certificate(1, "worker-a", 1), func(events.Seat) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	d.frame(seat("worker-a", 1), events.FrameGenesis, g1)
	c := adopted(t, d.peerRoster("worker-c", 3), g1)
	d.frame(seat("worker-c", 3), events.FrameStatusUpdate, events.State{
		Fence: g1.Generation.Term, Position: c.Position(), Chunks: [][]byte{row(t, c, events.StatusBusy, "kept")},
	})
	// The admin begins a generation without having heard of that row.
	g2, err := a.Found(events.Generation{Term: g1.Generation.Term, Count: 1}, g1.Certificate, func(events.Seat) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	var want events.Want
	for _, s := range only[Send](d.frame(seat("worker-a", 1), events.FrameGenesis, g2)) {
		if events.FrameType(s.Frame[0]) == events.FrameWant && s.To == "worker-a" {
			if err := events.Unpack(s.Frame[events.FrameHeader:], &want); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(want.Rows) != 1 || want.Rows[0].Seat != seat("worker-c", 3) || want.Generation != g2.Generation {
		t.Fatalf("the admin was told %+v", want)
	}
	if newer, refused := a.Learn(want.Rows); len(newer) != 1 || refused != nil {
		t.Errorf("learned %v, refused %v", newer, refused)
	}
}

func TestWant_RowsOfThoseAwayBeginAGenerationOnceAMinute(t *testing.T) {
	d, g := adminOf(t)
	c := adopted(t, d.peerRoster("worker-c", 3), g)
	row(t, c, events.StatusBusy, "kept")
	want := events.Want{Generation: g.Generation, Rows: signed(c)}
	began := func(w events.Want) (events.Genesis, bool) {
		return genesisIn(t, slices.Concat(d.frame(seat("worker-a", 1), events.FrameWant, w), d.step(Quiet{})))
	}
	if _, ok := began(want); ok {
		t.Error("its owner is linked and writes it itself")
	}
	if v := d.quiet(); v.Version == 0 || len(v.Workers) != 3 {
		t.Fatalf("view %+v", v)
	}
	d.presence(events.TypePeerLeft, seat("worker-c", 3), events.ReasonCrashed, standing(2, "worker-b", 2))
	d.step(LinkDown{seat("worker-c", 3)})
	row(t, c, events.StatusAvailable, "")
	want.Rows = signed(c)
	next, ok := began(want)
	if !ok || len(next.Rows) != 2 {
		t.Fatalf("genesis %v with %d rows", ok, len(next.Rows))
	}
	if _, ok := began(want); ok {
		t.Error("a row that is not news began another")
	}
	damaged := events.Want{Generation: next.Generation, Damaged: true}
	if _, ok := began(damaged); ok {
		t.Error("two within a minute")
	}
	d.now = d.now.Add(RenewInterval)
	if _, ok := genesisIn(t, slices.Concat(d.pass(0), d.step(Quiet{}))); !ok {
		t.Error("the second one was forgotten")
	}
}

func TestQuarantine_WhoBreaksRulesIsNotListenedTo(t *testing.T) {
	d, g := adminOf(t)
	c := adopted(t, d.peerRoster("worker-c", 3), g)
	for range MaxOffences + 1 {
		d.state(c, "worker-c", 3, []byte("garbage"))
	}
	d.state(c, "worker-c", 3, row(t, c, events.StatusBusy, "true"))
	status := func() events.Status { return d.quiet().Workers[2].Status }
	if status() == events.StatusBusy {
		t.Error("it is listened to")
	}
	if out := d.frame(seat("worker-c", 3), events.FramePing, events.Ping{Nonce: 7}); !sent(out, "worker-c", events.FramePong) {
		t.Error("its sign of life is not answered")
	}
	d.pass(QuarantineTime + time.Second)
	d.state(c, "worker-c", 3, c.Since(nil)...)
	if status() != events.StatusBusy {
		t.Error("it is never listened to again")
	}
}

// The rows of those who left are in no later genesis: sending them to the admin with
// each one would cost more from day to day.
func TestAdopt_RowsOfThoseLongGoneAreNotMissed(t *testing.T) {
	for _, c := range []struct {
		away time.Duration
		want bool
	}{{AwayRowsKept - time.Second, true}, {AwayRowsKept, false}} {
		d := newDriver(t)
		a := d.peerRoster("worker-a", 1)
		every := func(events.Seat) bool { return true }
		g1, err := a.Found(events.Generation{Term: events.Term{Store: store, N: 1}}, d.certificate(1, "worker-a", 1), every)
		if err != nil {
			t.Fatal(err)
		}
		d.frame(seat("worker-a", 1), events.FrameGenesis, g1)
		c3 := adopted(t, d.peerRoster("worker-c", 3), g1)
		d.frame(seat("worker-c", 3), events.FrameStatusUpdate, events.State{
			Fence: g1.Generation.Term, Position: c3.Position(), Chunks: [][]byte{row(t, c3, events.StatusBusy, "last")},
		})
		d.presence(events.TypePeerLeft, seat("worker-c", 3), events.ReasonLeft, standing(1, "worker-a", 1))
		d.now = d.now.Add(c.away)
		g2, err := a.Found(events.Generation{Term: g1.Generation.Term, Count: 1}, g1.Certificate, every)
		if err != nil {
			t.Fatal(err)
		}
		if out := d.frame(seat("worker-a", 1), events.FrameGenesis, g2); sent(out, "worker-a", events.FrameWant) != c.want {
			t.Errorf("away for %v: sent %v, want %v", c.away, !c.want, c.want)
		}
	}
}

func TestJoined_WhomTheHubForgotIsForgotten(t *testing.T) {
	d := newDriver(t)
	asked := false
	for i := range maxMembers {
		id := fmt.Sprintf("passing-%d", i)
		d.keys[id] = d.keys["worker-c"]
		p := d.peer(id, 4)
		out := d.step(Presence{events.PeerEvent{Type: events.TypePeerJoined, Seat: p.Seat, Peer: p, Standing: standing(1, "worker-a", 1)}})
		asked = asked || len(only[Refresh](out)) > 0
	}
	if !asked {
		t.Fatal("the hub's list is never asked for")
	}
	d.step(Refreshed{RoomInfo: events.RoomInfo{Peers: []events.PeerInfo{d.peer("worker-a", 1), d.peer("worker-b", 2), d.peer("worker-c", 3)}}})
	if v := d.quiet(); len(v.Workers) != 3 {
		t.Errorf("%d workers are shown", len(v.Workers))
	}
}
