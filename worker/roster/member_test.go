package roster

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster/guard"
)

// A whim is what a hostile member puts into a change of its own row. It has its key,
// so checksum and signatures are right whatever the rest is.
type whim struct {
	shape             byte // bit 0: a first row, with /s; 1: other dependencies; 2: no predecessors; 3: swapped keys
	seq, startOp, row int8 // added to what is right
	static            int8 // to the /s that /d names
	free, slots       int
	beat              int64
	status, job       string
	name, tag         string
}

// A hostileRoom is one in which the member w2 has written once, and w3 not yet; w1 is
// attacked and w4 looks on.
type hostileRoom struct {
	*room
	victim, witness *Roster
	members         [2]*Roster
}

func newHostileRoom(t testing.TB) hostileRoom {
	rm := newRoom(t)
	r := rm.join("w1", "w2", "w3", "w4")
	for _, chunk := range [][]byte{write(t, r[0], events.StatusAvailable), write(t, r[1], events.StatusAvailable)} {
		for _, other := range r {
			other.Apply([][]byte{chunk})
		}
	}
	return hostileRoom{rm, r[0], r[3], [2]*Roster{r[1], r[2]}}
}

// forge makes the change of a whim.
func (h hostileRoom) forge(t testing.TB, w whim) []byte {
	first := int(w.shape & 1)
	f := forge(t, h.members[first], events.StatusBusy)
	if w.shape&2 != 0 {
		f.depend(h.victim.present.hash)
	}
	f.change.Seq += uint64(w.seq)
	f.change.StartOp += uint64(w.startOp)
	f.dynamic.Seq += uint64(w.row)
	f.dynamic.StaticSeq += uint64(w.static)
	f.dynamic.Dynamic = Dynamic{Status: events.Status(w.status), Job: w.job, Free: w.free, LastHeartbeat: events.At(start.AddDate(0, 0, int(w.beat%1e5)))}
	if f.static != nil {
		f.static.Slots, f.static.Metadata.Name = w.slots, w.name
		f.static.Metadata.Tags = map[string]string{w.tag: w.name}
		f.static.Seq += uint64(w.row)
	}
	f.signed()
	if w.shape&4 != 0 {
		for i := range f.change.Ops {
			f.change.Ops[i].Pred = guard.OpID{}
		}
	}
	if w.shape&8 != 0 {
		slices.Reverse(f.change.Ops)
	}
	return f.chunk()
}

// suffer gives the victim the change. If it takes it, it must be able to go on: write,
// save, load, and agree with a replica that took the same. The room is spent then.
func (h hostileRoom) suffer(t testing.TB, chunk []byte) (accepted bool) {
	t.Helper()
	bounded(t, fuzzTime, func() { accepted = h.victim.Apply([][]byte{chunk}).Accepted > 0 })
	if !accepted {
		return false
	}
	wantSound(t, h.victim)
	own := goesOn(t, h.victim)
	apply(t, h.witness, chunk, own)
	wantEqual(t, h.victim, h.witness)
	return true
}

// FuzzMember plays a member who signs what it likes: guard, rules and signature, then
// automerge, reading, an own write, saving and loading after each change accepted.
func FuzzMember(f *testing.F) {
	for _, w := range whims {
		f.Add(w.shape, w.seq, w.startOp, w.row, w.static, w.free, w.slots, w.beat, w.status, w.job, w.name, w.tag)
	}
	h := newHostileRoom(f)
	f.Fuzz(func(t *testing.T, shape byte, seq, startOp, row, static int8, free, slots int, beat int64, status, job, name, tag string) {
		w := whim{shape, seq, startOp, row, static, free, slots, beat, status, job, name, tag}
		if h.suffer(t, h.forge(t, w)) {
			h = newHostileRoom(t)
		}
	})
}

var whims = []whim{
	{status: "busy", job: "j-1", slots: 1, name: "Anna's machine", tag: "site"},
	{shape: 1, status: "available", free: 1, slots: 8, name: "new here", tag: "owner", beat: 1},
	{shape: 2, status: "reserved", name: "\x1b[2J", tag: "\u2028"},
	{shape: 5, seq: -1, startOp: 1, row: 1, static: -1, status: "draining", free: -1, slots: -1, beat: -1 << 40, name: "<&>", tag: "\xff"},
	{shape: 8, seq: 1, startOp: -1, row: -1, static: 1, status: "departed", job: "\x00"},
}

// A short deterministic play of FuzzMember, which changes one thing of a seed at a
// time: some of it must be accepted and some refused.
func TestApply_WhatAMemberSignsNeverSpoilsTheDocument(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 0))
	small := func() int8 { return int8(rng.IntN(5) - 2) }
	text := func() string {
		runes := []rune("aZ0 \"\\<&>\x00\x1b\u2028\ufffd\U0001f600")
		return string(runes[rng.IntN(len(runes))]) + string(runes[rng.IntN(len(runes))])
	}
	h, accepted := newHostileRoom(t), 0
	const plays = 300
	for range plays {
		w := whims[rng.IntN(2)]
		switch rng.IntN(10) {
		case 0:
			w.shape ^= 1 << rng.IntN(4)
		case 1:
			w.seq = small()
		case 2:
			w.startOp = small()
		case 3:
			w.row = small()
		case 4:
			w.static = small()
		case 5:
			w.free, w.slots = int(small()), int(small())
		case 6:
			w.beat = rng.Int64() - rng.Int64()
		case 7:
			w.status = []string{"available", "reserved", "busy", "draining", "departed", ""}[rng.IntN(6)]
		case 8:
			w.job = text()
		default:
			w.name, w.tag = text(), text()
		}
		if h.suffer(t, h.forge(t, w)) {
			accepted++
			h = newHostileRoom(t)
		}
	}
	if accepted < plays/10 || accepted > plays*9/10 {
		t.Errorf("%d of %d accepted: the play shows little", accepted, plays)
	}
}
