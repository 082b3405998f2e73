package roster

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/moothall/moothall/events"
)

func TestAdopt_NeverShowsAnOlderRow(t *testing.T) {
	_, replicas, genesis := inhabited(t)
	w1, w2, w3 := replicas[0], replicas[1], replicas[2]
	apply(t, w3, write(t, w2, events.StatusBusy)) // in the old generation, unseen by the founder

	newer := adopt(t, w3, genesis)
	if len(newer) != 1 || newer[0].PeerID != "w2" || !strings.Contains(newer[0].Dynamic, `"busy"`) {
		t.Errorf("newer rows %+v, want the busy one of w2", newer)
	}
	if got := statusOf(t, w3, "w2"); got != events.StatusBusy {
		t.Errorf("shows %s after the adoption, showed busy before", got)
	}
	if got := statusOf(t, w1, "w2"); got != events.StatusAvailable {
		t.Errorf("the founder shows %s", got)
	}
	adopt(t, w2, genesis)
	chunk := write(t, w2, events.StatusBusy)
	apply(t, w1, chunk)
	apply(t, w3, chunk)
	wantEqual(t, w1, w3)
	wantEqual(t, w1, w2)
}

// A worker whose incarnation changes (the hub's store was wiped) goes on with what
// it showed, also with rows that its generation lacks.
func TestInherit_NeverShowsAnOlderRow(t *testing.T) {
	rm, replicas, genesis := inhabited(t)
	w2, w3 := replicas[1], replicas[2]
	apply(t, w3, write(t, w2, events.StatusBusy)) // in the old generation, unseen by the founder
	adopt(t, w3, genesis)

	heir := rm.replica("w3", 9)
	heir.Inherit(w3)
	wantEqual(t, w3, heir)
	if got := statusOf(t, heir, "w2"); got != events.StatusBusy {
		t.Errorf("shows %s, the one before showed busy", got)
	}
}

func TestAdopt_OwnerWritesAgainWhatItsGenesisHasOlder(t *testing.T) {
	_, replicas, genesis := inhabited(t)
	w1, w2, w3 := replicas[0], replicas[1], replicas[2]
	for _, status := range []events.Status{events.StatusBusy, events.StatusAvailable} {
		apply(t, w3, write(t, w2, status)) // back to what the genesis says, two versions later
	}
	adopt(t, w2, genesis)
	adopt(t, w3, genesis)
	chunk := write(t, w2, events.StatusAvailable)
	if chunk == nil {
		t.Fatal("nothing written, and w1 and w3 show rows of different age for ever")
	}
	apply(t, w1, chunk)
	apply(t, w3, chunk)
	wantEqual(t, w1, w3)
}

// An admin may leave a row out, and gains nothing: its owner writes it again.
func TestAdopt_ARowThatTheAdminDropsComesBack(t *testing.T) {
	rm, replicas, _ := inhabited(t)
	w1, w2 := replicas[0], replicas[1]
	g := generationOf(1, 2)
	genesis, err := w1.Found(g, rm.seatCertificate(w1, g.Term), func(s events.Seat) bool { return s.PeerID != "w2" })
	if err != nil || len(genesis.Rows) != 2 {
		t.Fatalf("%d rows, %v", len(genesis.Rows), err)
	}
	for _, r := range replicas[1:] {
		newer := adopt(t, r, genesis)
		if len(newer) != 1 || newer[0].PeerID != "w2" {
			t.Errorf("%s misses %+v", r.config.Seat, newer)
		}
	}
	spread(t, replicas, write(t, w2, events.StatusAvailable))
	for _, r := range replicas {
		wantEqual(t, w1, r)
		if row := rowOfPeer(t, r, "w2"); row.Seq != 2 {
			t.Errorf("%s shows seq %d of w2", r.config.Seat, row.Seq)
		}
	}
}

func TestAdopt_RowsThatTheFounderLackedAreNewer(t *testing.T) {
	rm := newRoom(t)
	replicas := rm.join("w1", "w2", "w3")
	genesis := rm.found(replicas[0], generationOf(1, 1))
	apply(t, replicas[2], write(t, replicas[1], events.StatusBusy))

	newer := adopt(t, replicas[2], genesis)
	if len(newer) != 1 || newer[0].PeerID != "w2" {
		t.Errorf("newer rows %+v, want that of w2", newer)
	}
	if rows := replicas[2].Rows(); len(rows) != 0 {
		t.Errorf("shows %d rows of a document without rows", len(rows))
	}
}

func TestAdopt_TiesGoToTheLowerHash(t *testing.T) {
	rm := newRoom(t)
	// Two admins of one term exist only if a hub misbehaves; the room agrees even then.
	a, b := rm.replica("w1", 1), rm.replica("w2", 1)
	ga, gb := rm.found(a, generationOf(1, 0)), rm.found(b, generationOf(1, 0))
	low, high := ga, gb
	if gb.Hash < ga.Hash {
		low, high = gb, ga
	}
	r := rm.replica("w3", 1)
	adopt(t, r, high)
	adopt(t, r, low)
	if adopted, _, err := r.Adopt(high); adopted || err != nil {
		t.Errorf("went back to the higher hash: %v, %v", adopted, err)
	}
	if adopted, _, err := r.Adopt(rm.found(a, generationOf(1, 1))); !adopted || err != nil {
		t.Errorf("did not go on to the next generation: %v, %v", adopted, err)
	}
}

func TestAdopt_RefusesWhatDoesNotHold(t *testing.T) {
	rm, replicas, genesis := inhabited(t)
	founder := replicas[0]
	resign := func(g *events.Genesis) {
		next := newGeneration(rm.name, founder.config.Seat, founding{g.Generation, g.Certificate, rowsOfSigned(g.Rows), g.Banned})
		sig, err := events.SignGenesis(founder.config.Key, rm.name, g.Generation, next.genesis.Hash)
		if err != nil {
			t.Fatal(err)
		}
		g.Hash, g.Signature = next.genesis.Hash, sig
	}
	later := rm.found(founder, generationOf(5, 0))
	write(t, founder, events.StatusBusy)
	fromLater := rowOfPeer(t, founder, "w1").Signed

	cases := []struct {
		name   string
		change func(*events.Genesis)
		want   Reason
	}{
		{"another protocol version", func(g *events.Genesis) { g.V = 2 }, GenesisVersion},
		{"certificate that no hub signed", func(g *events.Genesis) { g.Certificate.PeerID = "w2" }, GenesisCertificate},
		{"certificate of another term", func(g *events.Genesis) { g.Certificate = later.Certificate }, GenesisTerm},
		{"header signed for another generation", func(g *events.Genesis) { g.Generation.Count++ }, GenesisSignature},
		{"header of another hash", func(g *events.Genesis) { g.Hash = strings.Repeat("0", 64) }, GenesisSignature},
		{"a genesis by a member that is not the admin", func(g *events.Genesis) {
			sig, err := events.SignGenesis(replicas[1].config.Key, rm.name, g.Generation, g.Hash)
			if err != nil {
				t.Fatal(err)
			}
			g.Signature = sig
		}, GenesisSignature},
		{"an invented row", func(g *events.Genesis) {
			inventor := &room{t, rm.name, testKey(t, "inventor")} // an admin is no hub
			w8 := inventor.join("w8")[0]
			write(t, w8, events.StatusAvailable)
			g.Rows = append(g.Rows, rowOfPeer(t, w8, "w8").Signed)
			resign(g)
		}, BadCertificate},
		{"a row left out", func(g *events.Genesis) { g.Rows = g.Rows[1:] }, GenesisHash},
		{"a peer twice", func(g *events.Genesis) { g.Rows = append(g.Rows, g.Rows[2]) }, GenesisRows},
		{"rows not sorted", func(g *events.Genesis) { slices.Reverse(g.Rows) }, GenesisRows},
		{"a row under another seat", func(g *events.Genesis) { g.Rows[2].PeerID = "w4"; resign(g) }, WrongSeat},
		{"a row changed by one word", func(g *events.Genesis) {
			g.Rows[1].Dynamic = strings.Replace(g.Rows[1].Dynamic, "available", "busy", 1)
			resign(g)
		}, BadSignature},
		{"a static row changed by one number", func(g *events.Genesis) {
			g.Rows[1].Static = strings.Replace(g.Rows[1].Static, "16000", "96000", 1)
			resign(g)
		}, BadSignature},
		{"a row with another key", func(g *events.Genesis) {
			g.Rows[1].Static = strings.Replace(g.Rows[1].Static, replicas[1].config.Certificate.Key, replicas[2].config.Certificate.Key, 1)
			resign(g)
		}, BadCertificate},
		{"a row without its dynamic part", func(g *events.Genesis) { g.Rows[1].Dynamic = ""; resign(g) }, WrongText},
		{"a row with fields not sorted", func(g *events.Genesis) {
			g.Rows[1].Static = strings.Replace(g.Rows[1].Static, `{"v":1,`, `{"extra":1,"v":1,`, 1)
			resign(g)
		}, WrongText},
		{"a scalar over the bound", func(g *events.Genesis) { g.Rows[1].Static += strings.Repeat(" ", events.MaxChange); resign(g) }, WrongValue},
		{"the two scalars exchanged", func(g *events.Genesis) {
			g.Rows[1].Static, g.Rows[1].Dynamic = g.Rows[1].Dynamic, g.Rows[1].Static
			resign(g)
		}, WrongText},
		{"a ban that was not signed", func(g *events.Genesis) { g.Rows = g.Rows[:2]; g.Banned = []events.Seat{{PeerID: "w3", Incarnation: 1}} }, GenesisHash},
		{"a banned seat with a row", func(g *events.Genesis) { g.Banned = []events.Seat{{PeerID: "w3", Incarnation: 1}}; resign(g) }, GenesisRows},
		{"banned seats not sorted", func(g *events.Genesis) {
			g.Banned = []events.Seat{{PeerID: "w8", Incarnation: 1}, {PeerID: "w7", Incarnation: 1}}
			resign(g)
		}, GenesisRows},
		{"a row of a later generation", func(g *events.Genesis) { g.Rows[0] = fromLater; resign(g) }, WrongGeneration},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := copyOf(t, genesis)
			c.change(&g)
			r := rm.replica("w9", 1)
			adopted, newer, err := r.Adopt(g)
			if adopted || newer != nil || ReasonOf(err) != c.want {
				t.Errorf("adopted %v, newer %v, error %v; want a refusal for %s", adopted, newer, err, c.want)
			}
			if !r.Position().Generation.IsZero() || r.Version() != 0 {
				t.Errorf("position %+v after a refusal", r.Position())
			}
		})
	}
}

func TestAdopt_OldStaticBesideNewDynamicIsRefused(t *testing.T) {
	rm := newRoom(t)
	replicas := rm.join("w1", "w2")
	founder, w2 := replicas[0], replicas[1]
	apply(t, founder, write(t, w2, events.StatusAvailable))
	old := rowOfPeer(t, founder, "w2").Signed.Static
	s := staticOf(w2)
	s.Metadata.Properties.GPUMemoryMB = 8000
	chunk, err := w2.Write(s, dynamicOf(events.StatusAvailable))
	if err != nil {
		t.Fatal(err)
	}
	apply(t, founder, chunk)

	forged := rowOfPeer(t, founder, "w2")
	forged.Signed.Static = old
	g := generationOf(1, 1)
	next := newGeneration(rm.name, founder.config.Seat, founding{g, rm.seatCertificate(founder, g.Term), []Row{forged}, nil})
	next.genesis.Signature, err = events.SignGenesis(founder.config.Key, rm.name, g, next.genesis.Hash)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := rm.replica("w9", 1).Adopt(next.genesis); ReasonOf(err) != WrongStatic {
		t.Errorf("error %v, want a refusal for %s", err, WrongStatic)
	}
}

// TestAdopt_RowsThatNoWriterMakes: only the owner itself can sign these.
func TestAdopt_RowsThatNoWriterMakes(t *testing.T) {
	rm := newRoom(t)
	r := rm.join("w1")[0]
	cases := []struct {
		name  string
		spoil func(*staticText, *dynamicText)
		want  Reason
	}{
		{"an honest one", func(*staticText, *dynamicText) {}, ""},
		{"/d older than its /s", func(_ *staticText, d *dynamicText) { d.Seq = 1 }, WrongStatic},
		{"/d that names another /s", func(_ *staticText, d *dynamicText) { d.StaticSeq = 1 }, WrongStatic},
		{"seq 0", func(s *staticText, d *dynamicText) { s.Seq, d.StaticSeq = 0, 0 }, WrongStatic},
		{"/s of another room", func(s *staticText, _ *dynamicText) { s.Room = "attic" }, WrongRoom},
		{"/d of another room", func(_ *staticText, d *dynamicText) { d.Room = "attic" }, WrongRoom},
		{"/d of another seat", func(_ *staticText, d *dynamicText) { d.Incarnation = 2 }, WrongSeat},
		{"/d of a later generation", func(_ *staticText, d *dynamicText) { d.Generation.Count = 9 }, WrongGeneration},
		{"/s of a later generation", func(s *staticText, _ *dynamicText) { s.Generation.N = 9 }, WrongGeneration},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := forge(t, r, events.StatusAvailable)
			f.static.Seq, f.dynamic.Seq, f.dynamic.StaticSeq = 2, 3, 2
			c.spoil(f.static, &f.dynamic)
			f.signed()
			signed := events.SignedRow{Seat: r.config.Seat, Static: f.change.Ops[0].Value, Dynamic: f.change.Ops[1].Value}
			_, refused := verifyRow(rm.name, generationOf(1, 0), signed, rm.hubKeys())
			if refused == nil && c.want != "" || refused != nil && refused.Reason != c.want {
				t.Errorf("refused %v, want %q", refused, c.want)
			}
		})
	}
}

// rowsOfSigned are rows as far as newGeneration looks at them.
func rowsOfSigned(signed []events.SignedRow) []Row {
	rows := make([]Row, len(signed))
	for i, s := range signed {
		rows[i] = Row{Seat: s.Seat, Signed: s}
	}
	return rows
}

func copyOf(t *testing.T, g events.Genesis) events.Genesis {
	t.Helper()
	data, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	var c events.Genesis
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	return c
}
