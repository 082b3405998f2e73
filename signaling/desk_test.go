package signaling

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nkeys"
)

// A desk applies decisions to one record, as a hub would, without any I/O.
type desk struct {
	t     testing.TB
	g     Registry
	r     Record
	store string
	facts Facts
	now   time.Time
	keys  map[string]nkeys.KeyPair
	last  Decision
}

var testStore = events.StoreID(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli(), 1)

func newDesk(t testing.TB) *desk {
	hub := newKey(t)
	return &desk{
		t: t, r: NewRecord(testRoom, testStore), store: testStore, facts: Facts{},
		g:   Registry{Limits: events.DefaultLimits(), RolloutPercent: 100, Hub: hub, HubKeys: []string{publicKey(t, hub)}},
		now: time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC), keys: map[string]nkeys.KeyPair{},
	}
}

func newKey(t testing.TB) nkeys.KeyPair {
	k, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func publicKey(t testing.TB, k nkeys.KeyPair) string {
	p, err := k.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (d *desk) key(peer string) nkeys.KeyPair {
	if d.keys[peer] == nil {
		d.keys[peer] = newKey(d.t)
	}
	return d.keys[peer]
}

// settle takes a decision over, as stored.
func (d *desk) settle(x Decision, err error) (Decision, error) {
	if err == nil {
		d.r, d.last = x.Record, x
		for _, n := range x.Notices {
			if n.Event == events.EventPeerLeft {
				delete(d.facts, n.Seat.PeerID)
			}
		}
	}
	return x, err
}

type with func(*events.Register)

func instance(i string) with   { return func(q *events.Register) { q.Instance = i } }
func lastSeen(inc uint64) with { return func(q *events.Register) { q.LastIncarnation = inc } }
func withoutRegistry() with    { return func(q *events.Register) { q.Registry = false } }
func memory(mb int64) with {
	return func(q *events.Register) { q.Metadata.Properties.GPUMemoryMB = mb }
}
func nkeyOf(k string) with    { return func(q *events.Register) { q.NKey = k } }
func reporting(s string) with { return func(q *events.Register) { q.Status = events.Status(s) } }
func proving(c events.SeatCertificate) with {
	return func(q *events.Register) { q.Certificate = c }
}

func (d *desk) register(peer string, how ...with) (Decision, error) {
	q := events.Register{
		NKey: publicKey(d.t, d.key(peer)), Instance: peer + "/1", Registry: true,
		Metadata: events.Metadata{Name: peer, Properties: events.Properties{GPUMemoryMB: 16000}},
	}
	for _, f := range how {
		f(&q)
	}
	store := d.store
	if d.g.Overtaken(d.r, q.Certificate) && q.Certificate.Store >= store {
		store = Above(q.Certificate.Store, d.now, 2)
		d.store = store
	}
	return d.settle(d.g.Register(d.r, store, peer, q, d.now))
}

func (d *desk) seat(peer string, how ...with) events.Seat {
	x, err := d.register(peer, how...)
	if err != nil {
		d.t.Fatalf("register %s: %v", peer, err)
	}
	return x.Seat
}

func (d *desk) seats(n int) (all []events.Seat) {
	for i := range n {
		all = append(all, d.seat(fmt.Sprintf("worker-%02d", i+1)))
	}
	return all
}

func (d *desk) goodbye(s events.Seat) events.Goodbye {
	g, err := events.Goodbye{Room: testRoom, Seat: s}.Sign(d.key(s.PeerID))
	if err != nil {
		d.t.Fatal(err)
	}
	return g
}

func (d *desk) leave(s events.Seat) (Decision, error) {
	return d.settle(d.g.Leave(d.r, s.PeerID, events.Leave{Goodbye: d.goodbye(s)}, d.facts, d.now))
}

func (d *desk) mustLeave(s events.Seat) {
	if _, err := d.leave(s); err != nil {
		d.t.Fatalf("leave %s: %v", s, err)
	}
}

// claim is by s for the term after the record's, with what f changes.
func (d *desk) claim(s events.Seat, evidence string, f ...func(*events.Claim)) (Decision, error) {
	c := events.Claim{Seat: s, After: d.r.Tenure.Term, Holder: d.r.Admin(), Evidence: evidence}
	for _, change := range f {
		change(&c)
	}
	return d.settle(d.g.Claim(d.r, d.store, s.PeerID, c, d.facts, d.now))
}

func (d *desk) mustClaim(s events.Seat, evidence string, f ...func(*events.Claim)) {
	if _, err := d.claim(s, evidence, f...); err != nil {
		d.t.Fatalf("claim by %s (%s): %v", s, evidence, err)
	}
}

// good is a testimony that establishes a crash.
func good(c *events.Claim) {
	c.Testimony = events.Testimony{AnsweredMS: 2000, RTTMS: 1, SilentMS: 100}
}

func (d *desk) lost(s events.Seat, ago time.Duration) {
	d.facts[s.PeerID] = Fact{Incarnation: s.Incarnation, Lost: d.now.Add(-ago)}
}

func (d *desk) lapsed(s events.Seat) {
	d.facts[s.PeerID] = Fact{Incarnation: s.Incarnation, Lapsed: d.now}
}

func (d *desk) wantAdmin(s events.Seat, term uint64, reason string) {
	d.t.Helper()
	if d.r.Admin() != s || d.r.Tenure.N != term || (!s.IsZero() && d.r.Tenure.Reason != reason) {
		d.t.Fatalf("admin %s in term %d (%s), want %s in term %d (%s)", d.r.Admin(), d.r.Tenure.N, d.r.Tenure.Reason, s, term, reason)
	}
}

func (d *desk) wantVacant(reason string) {
	d.t.Helper()
	if !d.r.Admin().IsZero() || d.r.Vacancy == nil || d.r.Vacancy.Reason != reason {
		d.t.Fatalf("admin %s, vacancy %+v, want vacant: %s", d.r.Admin(), d.r.Vacancy, reason)
	}
}

func (d *desk) wantNotices(want ...string) {
	d.t.Helper()
	var got []string
	for _, n := range d.last.Notices {
		got = append(got, fmt.Sprintf("%s %s %s", n.Event, n.Seat, n.Reason))
	}
	if !slices.Equal(got, want) {
		d.t.Fatalf("notices %q, want %q", got, want)
	}
}

func (d *desk) refused(code events.Code) func(Decision, error) {
	return func(_ Decision, err error) {
		d.t.Helper()
		if events.CodeOf(err) != code {
			d.t.Fatalf("got %v, want code %s", err, code)
		}
	}
}
