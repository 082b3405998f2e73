package roster

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/automerge/automerge-go"
	"github.com/nats-io/nkeys"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster/guard"
)

// A forgery is a replica's honest next change, to be spoilt and then signed.
type forgery struct {
	t       testing.TB
	change  guard.Change
	static  *staticText // nil if the change has none
	dynamic dynamicText
	key     events.Signer
}

// forge begins with what the replica would write now, without writing it.
func forge(t testing.TB, r *Roster, status events.Status) *forgery {
	t.Helper()
	c, err := r.compose(staticOf(r), dynamicOf(status), r.present.seats[r.config.Seat].row.Seq == 0)
	if err != nil {
		t.Fatal(err)
	}
	f := &forgery{t: t, change: c, key: r.config.Key}
	f.dynamic, _ = parseDynamic(c.Ops[len(c.Ops)-1].Value)
	if len(c.Ops) == 2 {
		s, _ := parseStatic(c.Ops[0].Value)
		f.static = &s
	}
	return f
}

// depend sets the dependencies in the change and in what is signed.
func (f *forgery) depend(deps ...guard.Hash) {
	slices.SortFunc(deps, compareHashes)
	f.change.Deps = deps
	f.dynamic.Deps = hashDeps(deps)
	if f.static != nil {
		f.static.Deps = f.dynamic.Deps
	}
}

// signed signs the texts as they are now and puts them into the change.
func (f *forgery) signed() *forgery {
	f.t.Helper()
	text, err := f.dynamic.sign(f.key)
	if err != nil {
		f.t.Fatal(err)
	}
	f.change.Ops[len(f.change.Ops)-1].Value = text
	if f.static != nil {
		if f.change.Ops[0].Value, err = f.static.sign(f.key); err != nil {
			f.t.Fatal(err)
		}
	}
	return f
}

func (f *forgery) chunk() []byte {
	chunk, _ := f.change.Encode()
	return chunk
}

// A scene is a room in which w1 has written twice, w2 once and w3 never; every
// replica has it all.
type scene struct {
	*room
	w1, w2, w3 *Roster
	first      []byte // w1's first chunk
}

func newScene(t *testing.T) scene {
	t.Helper()
	rm := newRoom(t)
	replicas := rm.join("w1", "w2", "w3")
	s := scene{rm, replicas[0], replicas[1], replicas[2], nil}
	s.first = write(t, s.w1, events.StatusAvailable)
	spread(t, replicas, s.first)
	spread(t, replicas, write(t, s.w2, events.StatusAvailable))
	spread(t, replicas, write(t, s.w1, events.StatusBusy))
	return s
}

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
		{"a seq used before: proof of equivocation", func(t *testing.T, s scene) []byte {
			f := forge(t, s.w1, events.StatusAvailable)
			f.change.Seq--
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

// newVictim is a worker that has joined and not yet written.
func newVictim(s scene, peer string) *Roster {
	r := s.replica(peer, 1)
	adopt(s.t, r, s.w1.Genesis())
	apply(s.t, r, s.w1.Since(nil)...)
	return r
}

func mustCompose(t *testing.T, r *Roster) guard.Change {
	t.Helper()
	c, err := r.compose(staticOf(r), dynamicOf(events.StatusAvailable), true)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// compressed is the change chunk as automerge's third type of chunk.
func compressed(t *testing.T, chunk []byte) []byte {
	t.Helper()
	const header = 9 // magic, checksum, type
	_, n := binary.Uvarint(chunk[header:])
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(chunk[header+n:]); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	head := append(bytes.Clone(chunk[:8]), 2)
	return append(binary.AppendUvarint(head, uint64(b.Len())), b.Bytes()...)
}

// TestApply_RefusesWhatARowNeverNeeds has automerge itself make the changes, so
// they are well-formed: the guard's narrowness refuses them.
func TestApply_RefusesWhatARowNeverNeeds(t *testing.T) {
	zero := automerge.CommitOptions{Time: &time.Time{}}
	now := time.Unix(1700000000, 0)
	set := func(key string, value any) func(*automerge.Doc) error {
		return func(d *automerge.Doc) error { return d.Path(key).Set(value) }
	}
	key := rowKey(events.Seat{PeerID: "w1", Incarnation: 1}, "d")
	cases := []struct {
		name    string
		edits   []func(*automerge.Doc) error
		message string
		options automerge.CommitOptions
		want    Reason
	}{
		{"a time", edits(set(key, "x")), "", automerge.CommitOptions{Time: &now}, "chunk_not_plain"},
		{"a message", edits(set(key, "x")), "hello", zero, "chunk_not_plain"},
		{"no operation", nil, "", automerge.CommitOptions{Time: &time.Time{}, AllowEmpty: true}, "chunk_not_plain"},
		{"three operations", edits(set(key, "x"), set("a", "x"), set("b", "x")), "", zero, "chunk_not_plain"},
		{"a number", edits(set(key, int64(1))), "", zero, "chunk_not_plain"},
		{"a truth value", edits(set(key, true)), "", zero, "chunk_not_plain"},
		{"a null", edits(set(key, nil)), "", zero, "chunk_not_plain"},
		{"bytes", edits(set(key, []byte("x"))), "", zero, "chunk_not_plain"},
		{"a map", edits(set(key, map[string]string{"a": "b"})), "", zero, "chunk_not_plain"},
		{"a list", edits(set(key, []string{"a"})), "", zero, "chunk_not_plain"},
		{"a counter", edits(set(key, automerge.NewCounter(1))), "", zero, "chunk_not_plain"},
		{"a text", edits(set(key, automerge.NewText("x"))), "", zero, "chunk_not_plain"},
		{"a deletion", edits(func(d *automerge.Doc) error { return d.Path("admin").Delete() }), "", zero, "chunk_not_plain"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			doc, err := s.w1.present.document.doc.Fork()
			if err != nil {
				t.Fatal(err)
			}
			for _, edit := range c.edits {
				if err := edit(doc); err != nil {
					t.Fatal(err)
				}
			}
			hash, err := doc.Commit(c.message, c.options)
			if err != nil {
				t.Fatal(err)
			}
			change, err := doc.Change(hash)
			if err != nil {
				t.Fatal(err)
			}
			refused(t, s.w2, change.Save(), c.want)
		})
	}
}

func edits(e ...func(*automerge.Doc) error) []func(*automerge.Doc) error { return e }

// TestApply_ForgeriesAreHonestButForOneThing makes sure that the unspoilt
// forgeries are accepted, so that each case above fails for its own reason.
func TestApply_ForgeriesAreHonestButForOneThing(t *testing.T) {
	s := newScene(t)
	apply(t, s.w2, forge(t, s.w1, events.StatusAvailable).signed().chunk())
	apply(t, s.w2, forge(t, s.w3, events.StatusAvailable).signed().chunk())
}
