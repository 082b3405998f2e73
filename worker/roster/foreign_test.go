package roster

import (
	"slices"
	"testing"

	"github.com/automerge/automerge-go"
	"github.com/nats-io/nkeys"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster/guard"
)

// TestApply_RefusesForeignWrites plays every forgery against w2 and then sees
// that the worker whose row was attacked is not silenced.
func TestApply_RefusesForeignWrites(t *testing.T) {
	cases := []struct {
		name  string
		forge func(*testing.T, scene) []byte
		want  Reason
	}{
		{"another's row by one's own actor", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w3, events.StatusAvailable)
			f.change.Ops[0].Key, f.change.Ops[1].Key = rowKey(s.w1.config.Seat, "s"), rowKey(s.w1.config.Seat, "d")
			return f.chunk()
		}, WrongActor},
		{"another's row and actor, signed by oneself", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.key = s.w3.config.Key
			return f.signed().chunk()
		}, BadSignature},
		{"another's row and actor, with one's own key and certificate", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w3, events.StatusAvailable)
			victim := newVictim(s, "w4")
			f.change.Actor = victim.present.own
			f.change.Ops[0].Key, f.change.Ops[1].Key = rowKey(victim.config.Seat, "s"), rowKey(victim.config.Seat, "d")
			f.static.Seat, f.dynamic.Seat = victim.config.Seat, victim.config.Seat
			return f.signed().chunk()
		}, BadCertificate},
		{"an honest /s with a /d signed by oneself", func(t *testing.T, s scene) []byte {
			f := forge(t, newVictim(s, "w4"), events.StatusAvailable)
			text, err := f.dynamic.sign(s.w3.config.Key)
			if err != nil {
				t.Fatal(err)
			}
			f.change.Ops[1].Value = text
			return f.chunk()
		}, BadSignature},
		{"a certificate of another hub", func(t *testing.T, s scene) []byte {
			other := &room{t, s.name, testKey(t, "another hub")}
			f := forge(t, s.w3, events.StatusAvailable)
			f.static.Certificate = other.config("w3", 1).Certificate.Signature
			return f.signed().chunk()
		}, BadCertificate},
		{"a seq skipped", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.change.Seq++
			return f.chunk()
		}, WrongSeq},
		{"a seq used before", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.change.Seq--
			return f.chunk()
		}, WrongSeq},
		{"two rows for one place: proof of equivocation", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			spread(t, []*Roster{s.w2}, write(t, s.w1, events.StatusDraining))
			return f.chunk()
		}, Equivocation},
		{"two rows for the first place: proof of equivocation", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w3, events.StatusAvailable)
			spread(t, []*Roster{s.w1, s.w2}, write(t, s.w3, events.StatusDraining))
			return f.chunk()
		}, Equivocation},
		{"not based on the actor's last change", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.depend(s.w1.present.hash)
			f.change.StartOp = s.w1.present.history.maxOp(f.change.Deps) + 1
			f.change.Ops[0].Pred = guard.OpID{}
			return f.signed().chunk()
		}, WrongSeq},
		{"an operation counter skipped", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.change.StartOp++
			return f.chunk()
		}, WrongStartOp},
		{"a value that the past does not show replaced", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.change.Ops[0].Pred = s.w1.present.seats[s.w1.config.Seat].staticOp
			return f.chunk()
		}, WrongPred},
		{"no value replaced, so that two stand", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.change.Ops[0].Pred = guard.OpID{}
			return f.chunk()
		}, WrongPred},
		{"a row seq used before", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.dynamic.Seq--
			return f.signed().chunk()
		}, OldRow},
		{"replayed in another room", func(t *testing.T, s scene) []byte {
			return write(t, (&room{t, "attic", s.hub}).join("w1")[0], events.StatusAvailable)
		}, WrongActor},
		{"a row of another room in a change of this one", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.dynamic.Room = "attic"
			return f.signed().chunk()
		}, WrongRoom},
		{"replayed in another generation", func(t *testing.T, s scene) []byte {
			s.found(s.w2, generationOf(2, 0))
			return s.w1.Since(nil)[2]
		}, WrongActor},
		{"a row of another generation in a change of this one", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.dynamic.Generation.Count++
			return f.signed().chunk()
		}, WrongGeneration},
		{"an honest row in a change with other dependencies", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.change.Deps = append(f.change.Deps, s.w1.present.hash)
			slices.SortFunc(f.change.Deps, compareHashes)
			return f.chunk()
		}, WrongDeps},
		{"an honest row without its static part", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w3, events.StatusAvailable)
			f.change.Ops = f.change.Ops[1:]
			return f.chunk()
		}, WrongStatic},
		{"an honest row without its dynamic part", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w3, events.StatusAvailable)
			f.change.Ops = f.change.Ops[:1]
			return f.chunk()
		}, WrongKeys},
		{"an honest row in another order", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w3, events.StatusAvailable)
			slices.Reverse(f.change.Ops)
			return f.chunk()
		}, WrongKeys},
		{"an honest row with its signature spelt otherwise", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			value := []byte(f.change.Ops[0].Value)
			last := len(value) - len(`"}`) - 1 // of it, base64 uses two bits of six
			value[last]++
			f.change.Ops[0].Value = string(value)
			return f.chunk()
		}, BadSignature},
		{"old /s with new /d", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			state := s.w1.present.seats[s.w1.config.Seat]
			old := guard.Op{Key: rowKey(s.w1.config.Seat, "s"), Value: state.row.Signed.Static, Pred: state.staticOp}
			f.change.Ops = []guard.Op{old, f.change.Ops[0]}
			return f.chunk()
		}, WrongStatic},
		{"/d that names another /s", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.dynamic.StaticSeq++
			return f.signed().chunk()
		}, WrongStatic},
		{"a second key for one seat, though certified", func(t *testing.T, s scene) []byte {
			c := s.w1.config
			c.Key = testKey(t, "another key")
			c.Certificate.Key = publicKey(t, c.Key.(nkeys.KeyPair))
			var err error
			if c.Certificate, err = c.Certificate.Sign(s.hub); err != nil {
				t.Fatal(err)
			}
			change := mustCompose(t, &Roster{config: c, present: s.w1.present, newest: s.w1.newest})
			chunk, _ := change.Encode()
			return chunk
		}, WrongKey},
		{"/d under the name of /s", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.dynamic.Kind = kindStatic
			return f.signed().chunk()
		}, WrongKind},
		{"the row of another seat under the own key", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.dynamic.Incarnation++
			return f.signed().chunk()
		}, WrongSeat},
		{"a text of another version", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.dynamic.V++
			return f.signed().chunk()
		}, WrongText},
		{"a text that is no JSON", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.change.Ops[0].Value = "busy"
			return f.chunk()
		}, WrongText},
		{"a text with spaces", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.change.Ops[0].Value += " "
			return f.chunk()
		}, WrongText},
		{"a text with control characters", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.dynamic.Job = "\x1b[2J"
			return f.signed().chunk()
		}, WrongText},
		{"a static text with control characters", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w3, events.StatusAvailable)
			f.static.Metadata.Name = "\x1b[2J"
			return f.signed().chunk()
		}, WrongText},
		{"a status that only the hub's record gives", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.dynamic.Status = events.StatusDeparted
			return f.signed().chunk()
		}, WrongValue},
		{"a key that is no row's", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.change.Ops[0].Key = "admin"
			return f.chunk()
		}, WrongKeys},
		{"an incarnation spelt otherwise", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.change.Ops[0].Key = "w/w1/01/d"
			return f.chunk()
		}, WrongKeys},
		{"two seats in one change", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w3, events.StatusAvailable)
			f.change.Ops[0].Key = rowKey(s.w1.config.Seat, "s")
			return f.chunk()
		}, WrongKeys},
		{"one key twice", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.change.Ops = append(f.change.Ops, f.change.Ops[0])
			return f.chunk()
		}, "chunk_key_twice"},
		{"a compressed change", func(t *testing.T, s scene) []byte {
			return compressed(t, forge(t, s.w1, events.StatusAvailable).chunk())
		}, "chunk_type"},
		{"a document", func(_ *testing.T, s scene) []byte { return s.w1.present.document.doc.Save() }, "chunk_type"},
		{"two changes at once", func(t *testing.T, s scene) []byte {
			return append(forge(t, s.w1, events.StatusAvailable).chunk(), s.first...)
		}, "chunk_malformed"},
		{"a sync message", func(t *testing.T, s scene) []byte {
			m, ok := automerge.NewSyncState(s.w1.present.document.doc).GenerateMessage()
			if !ok {
				t.Fatal("no sync message")
			}
			return m.Bytes()
		}, "chunk_magic"},
		{"nothing", func(*testing.T, scene) []byte { return nil }, "chunk_magic"},
		{"more than the bound", func(*testing.T, scene) []byte { return make([]byte, events.MaxChange+1) }, "chunk_too_large"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			refused(t, s.w2, c.forge(t, s), c.want)
			if s.w2.Genesis().Hash != s.w1.Genesis().Hash {
				return // the forgery needed another generation
			}
			spread(t, []*Roster{s.w2}, write(t, s.w1, events.StatusReserved))
			apply(t, s.w2, write(t, newVictim(s, "w4"), events.StatusReserved))
			if got := statusOf(t, s.w2, "w1"); got != events.StatusReserved {
				t.Errorf("w1 is silenced: its row still says %s", got)
			}
		})
	}
}

// TestApply_ForgeriesAreHonestButForOneThing makes sure that the unspoilt
// forgeries are accepted, so that each case above fails for its own reason.
func TestApply_ForgeriesAreHonestButForOneThing(t *testing.T) {
	s := newScene(t)
	apply(t, s.w2, forge(t, s.w1, events.StatusAvailable).signed().chunk())
	apply(t, s.w2, forge(t, s.w3, events.StatusAvailable).signed().chunk())
}
