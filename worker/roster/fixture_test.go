package roster

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nkeys"

	"github.com/moothall/moothall/events"
)

// A room makes replicas of one room and signs for its hub.
type room struct {
	t    testing.TB
	name string
	hub  nkeys.KeyPair
}

func newRoom(t testing.TB) *room { return &room{t, "lab", testKey(t, "hub")} }

// testKey is the same key for the same name in every run.
func testKey(t testing.TB, name string) nkeys.KeyPair {
	t.Helper()
	k, err := nkeys.FromRawSeed(nkeys.PrefixByteUser, fmt.Appendf(nil, "%32s", name))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func publicKey(t testing.TB, k nkeys.KeyPair) string {
	t.Helper()
	p, err := k.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (rm *room) hubKeys() []string { return []string{publicKey(rm.t, rm.hub)} }

// config is that of a peer's process; the key is the peer's.
func (rm *room) config(peer string, incarnation uint64) Config {
	rm.t.Helper()
	key, seat := testKey(rm.t, peer), events.Seat{PeerID: peer, Incarnation: incarnation}
	cert, err := events.MemberCertificate{Room: rm.name, Seat: seat, Key: publicKey(rm.t, key)}.Sign(rm.hub)
	if err != nil {
		rm.t.Fatal(err)
	}
	return Config{Room: rm.name, Seat: seat, Key: key, Certificate: cert, HubKeys: rm.hubKeys()}
}

func (rm *room) replica(peer string, incarnation uint64) *Roster {
	return New(rm.config(peer, incarnation))
}

func (rm *room) seatCertificate(admin *Roster, term events.Term) events.SeatCertificate {
	rm.t.Helper()
	cert, err := events.SeatCertificate{
		Room: rm.name, Term: term, Seat: admin.config.Seat, Key: admin.config.Certificate.Key,
	}.Sign(rm.hub)
	if err != nil {
		rm.t.Fatal(err)
	}
	return cert
}

// found has the admin found a generation that keeps every row.
func (rm *room) found(admin *Roster, g events.Generation) events.Genesis {
	rm.t.Helper()
	genesis, err := admin.Found(g, rm.seatCertificate(admin, g.Term), everySeat)
	if err != nil {
		rm.t.Fatal(err)
	}
	return genesis
}

// join makes replicas of the peers, incarnation 1, of which the first founds the
// first generation and the others adopt it.
func (rm *room) join(peers ...string) []*Roster {
	rm.t.Helper()
	replicas := make([]*Roster, len(peers))
	var genesis events.Genesis
	for i, p := range peers {
		replicas[i] = rm.replica(p, 1)
		if i == 0 {
			genesis = rm.found(replicas[0], generationOf(1, 0))
			continue
		}
		adopt(rm.t, replicas[i], genesis)
	}
	return replicas
}

func everySeat(events.Seat) bool { return true }

func generationOf(term, n uint64) events.Generation {
	return events.Generation{Term: events.Term{Store: events.StoreID(1700000000000, 1), N: term}, Count: n}
}

func adopt(t testing.TB, r *Roster, g events.Genesis) []events.SignedRow {
	t.Helper()
	adopted, newer, err := r.Adopt(g)
	if err != nil || !adopted {
		t.Fatalf("adopt %s: adopted %v, %v", g.Generation, adopted, err)
	}
	return newer
}

var start = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

func staticOf(r *Roster) Static {
	return Static{
		Metadata: events.Metadata{
			Name:       "Machine of " + r.config.Seat.PeerID,
			Tags:       map[string]string{"site": "basement", "owner": "anna"},
			Properties: events.Properties{GPUMemoryMB: 16000, GPUModel: "RTX 4090", Hostname: "box"},
		},
		Commands: []string{"track", "train"},
		Slots:    1,
		Joined:   events.At(start),
	}
}

func dynamicOf(status events.Status) Dynamic {
	return Dynamic{Status: status, Free: 1, LastHeartbeat: events.At(start)}
}

func write(t testing.TB, r *Roster, status events.Status) []byte {
	t.Helper()
	chunk, err := r.Write(staticOf(r), dynamicOf(status))
	if err != nil {
		t.Fatal(err)
	}
	return chunk
}

// apply wants every chunk to be accepted.
func apply(t testing.TB, r *Roster, chunks ...[]byte) {
	t.Helper()
	if a := r.Apply(chunks); a.Accepted != len(chunks) || len(a.Refused) > 0 {
		t.Fatalf("accepted %d of %d, refused %v, %d wait", a.Accepted, len(chunks), a.Refused, a.Waiting)
	}
}

// refused wants the chunk to be refused for the reason and the replica to stay as
// it is.
func refused(t testing.TB, r *Roster, chunk []byte, want Reason) {
	t.Helper()
	position, version, rows := r.Position(), r.Version(), r.Rows()
	a := r.Apply([][]byte{chunk})
	if a.Accepted != 0 || a.Waiting != 0 || len(a.Refused) != 1 || ReasonOf(a.Refused[0]) != want {
		t.Errorf("accepted %d, %d wait, refused %v; want one refusal for %s", a.Accepted, a.Waiting, a.Refused, want)
	}
	if d := cmp.Diff(position, r.Position()); d != "" || version != r.Version() {
		t.Errorf("position changed: %s, version %d to %d", d, version, r.Version())
	}
	if d := cmp.Diff(rows, r.Rows()); d != "" {
		t.Errorf("rows changed: %s", d)
	}
}

func rowOfPeer(t testing.TB, r *Roster, peer string) Row {
	t.Helper()
	rows := r.Rows()
	i := slices.IndexFunc(rows, func(row Row) bool { return row.PeerID == peer })
	if i < 0 {
		t.Fatalf("no row of %s among %d", peer, len(rows))
	}
	return rows[i]
}

func statusOf(t testing.TB, r *Roster, peer string) events.Status {
	t.Helper()
	return rowOfPeer(t, r, peer).Status
}

func wantEqual(t testing.TB, a, b *Roster) {
	t.Helper()
	if d := cmp.Diff(a.Position(), b.Position()); d != "" {
		t.Errorf("positions differ: %s", d)
	}
	if d := cmp.Diff(a.Rows(), b.Rows()); d != "" {
		t.Errorf("rows differ: %s", d)
	}
}
