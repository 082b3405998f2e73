package roster

import (
	"testing"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster/guard"
)

// An attack is what one member sends in the name of another, without its key: f is the
// victim's next change, honestly signed, as it was overheard.
type attack struct {
	name  string
	spoil func(f *forgery, forger, victim *Roster)
	want  Reason
}

var attacks = []attack{
	{"the victim's row by one's own actor", func(f *forgery, forger, _ *Roster) { f.change.Actor = forger.present.own }, WrongActor},
	{"the victim's row and actor, signed by oneself", func(f *forgery, forger, _ *Roster) {
		f.key = forger.config.Key
		f.signed()
	}, BadSignature},
	{"an honest row with an old seq", func(f *forgery, _, _ *Roster) { f.change.Seq-- }, WrongSeq},
	{"an honest row with a seq skipped", func(f *forgery, _, _ *Roster) { f.change.Seq++ }, WrongSeq},
	{"an honest row in a change of the same actor and seq, other dependencies", func(f *forgery, _, victim *Roster) {
		f.change.Deps = []guard.Hash{victim.present.hash}
	}, WrongDeps},
	{"an honest row in a change of the same actor and seq, other counter", func(f *forgery, _, _ *Roster) { f.change.StartOp++ }, WrongStartOp},
	{"an honest row in a change of the same actor and seq, nothing replaced", func(f *forgery, _, _ *Roster) {
		f.change.Ops[0].Pred = guard.OpID{}
	}, WrongPred},
	{"the victim's old static row beside its new dynamic one", func(f *forgery, _, victim *Roster) {
		state := victim.present.seats[victim.config.Seat]
		old := guard.Op{Key: rowKey(victim.config.Seat, kindStatic), Value: state.row.Signed.Static, Pred: state.staticOp}
		f.change.Ops = []guard.Op{old, f.change.Ops[0]}
	}, WrongStatic},
}

// Every forger, every victim, every witness: nothing is accepted, each for its reason,
// and the victim is heard afterwards.
func TestApply_ForgeryMatrixEveryPair(t *testing.T) {
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			for forger := range 3 {
				for victim := range 3 {
					if forger != victim {
						playAttack(t, a, forger, victim)
					}
				}
			}
		})
	}
}

func playAttack(t *testing.T, a attack, forger, victim int) {
	t.Helper()
	rm := newRoom(t)
	all := rm.join("w1", "w2", "w3")
	for _, r := range all {
		spread(t, all, write(t, r, events.StatusAvailable))
	}
	f := forge(t, all[victim], events.StatusBusy)
	a.spoil(f, all[forger], all[victim])
	for witness := range all {
		if witness == forger {
			continue
		}
		refused(t, all[witness], f.chunk(), a.want)
	}
	spread(t, all, write(t, all[victim], events.StatusBusy))
	for _, r := range all {
		if got := statusOf(t, r, all[victim].config.Seat.PeerID); got != events.StatusBusy {
			t.Errorf("w%d by w%d: %s at %s afterwards", victim+1, forger+1, got, r.config.Seat)
		}
	}
}

// Who overhears an honest change can put its row into others of the same actor and seq,
// and send them when the true one has long arrived. That proves nothing against its
// owner, who signed the row alone.
func TestApply_AnHonestRowInAnotherChangeProvesNothing(t *testing.T) {
	for name, spoil := range map[string]func(*guard.Change){
		"another counter":     func(c *guard.Change) { c.StartOp++ },
		"another predecessor": func(c *guard.Change) { c.Ops[0].Pred = guard.OpID{} },
		"an older seq":        func(c *guard.Change) { c.Seq-- },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			last := s.w1.Since(nil)[2]
			for _, next := range []events.Status{events.StatusAvailable, events.StatusBusy} { // at once, and when the owner has gone on
				c, err := guard.Parse(last)
				if err != nil || c.Actor != s.w1.present.own {
					t.Fatalf("%s, %v", c.Actor, err)
				}
				spoil(&c)
				chunk, _ := c.Encode()
				refused(t, s.w2, chunk, WrongSeq)
				if who := Offender(s.w2.Apply([][]byte{chunk}).Refused[0]); !who.IsZero() {
					t.Errorf("%s counts as the offender", who)
				}
				spread(t, []*Roster{s.w2, s.w3}, write(t, s.w1, next))
			}
		})
	}
}

// A change that comes again changes nothing, now or later.
func TestApply_AReplayChangesNothing(t *testing.T) {
	s := newScene(t)
	old := s.w1.Since(nil)
	spread(t, []*Roster{s.w2, s.w3}, write(t, s.w1, events.StatusReserved))
	version, position := s.w2.Version(), s.w2.Position()
	if a := s.w2.Apply(old); a.Accepted != 0 || len(a.Refused) != 0 || a.Waiting != 0 {
		t.Errorf("%+v", a)
	}
	if s.w2.Version() != version || s.w2.Position().Heads[0] != position.Heads[0] || statusOf(t, s.w2, "w1") != events.StatusReserved {
		t.Error("the replay had an effect")
	}
	s.found(s.w2, generationOf(2, 0))
	for _, chunk := range old {
		refused(t, s.w2, chunk, WrongActor)
	}
}
