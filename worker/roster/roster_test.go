package roster

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/moothall/moothall/events"
)

func TestWrite_BeforeTheFirstGenesis(t *testing.T) {
	r := newRoom(t).replica("w1", 1)
	if _, err := r.Write(staticOf(r), dynamicOf(events.StatusAvailable)); !errors.Is(err, ErrNoGeneration) {
		t.Errorf("error %v, want ErrNoGeneration", err)
	}
	if p := r.Position(); !p.Generation.IsZero() || p.Genesis != "" || len(p.Heads) != 0 {
		t.Errorf("position %+v, want zero", p)
	}
	if rows, chunks := r.Rows(), r.Since(nil); rows != nil || chunks != nil || r.Changes() != 0 || r.Bytes() != 0 {
		t.Errorf("%d rows, %d chunks, %d changes, %d bytes, want none", len(rows), len(chunks), r.Changes(), r.Bytes())
	}
	if !r.Missing([]string{"00"}) {
		t.Error("misses nothing")
	}
	refused(t, r, []byte("chunk"), NoGeneration)
}

func TestWrite_ShowsTheOwnRowToEveryone(t *testing.T) {
	replicas := newRoom(t).join("w1", "w2")
	w1, w2 := replicas[0], replicas[1]
	apply(t, w1, write(t, w2, events.StatusBusy))

	want := Row{
		Seat: w2.config.Seat, Key: w2.config.Certificate.Key,
		Static: staticOf(w2), Dynamic: dynamicOf(events.StatusBusy), StaticSeq: 1, Seq: 1,
	}
	got := rowOfPeer(t, w1, "w2")
	want.Signed = got.Signed
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("row (-want +got): %s", d)
	}
	wantEqual(t, w1, w2)
}

func TestWrite_OnlyWhatDiffers(t *testing.T) {
	r := newRoom(t).join("w1")[0]
	s, d := staticOf(r), dynamicOf(events.StatusAvailable)
	first, err := r.Write(s, d)
	if err != nil || first == nil {
		t.Fatalf("first write: %d bytes, %v", len(first), err)
	}
	if again, err := r.Write(s, d); err != nil || again != nil {
		t.Errorf("equal write: %d bytes, %v, want none", len(again), err)
	}
	d.Status = events.StatusBusy
	dynamic, err := r.Write(s, d)
	if err != nil || len(dynamic) == 0 || len(dynamic) >= len(first) {
		t.Errorf("dynamic write: %d bytes, %v, want less than %d", len(dynamic), err, len(first))
	}
	if row := r.Rows()[0]; row.StaticSeq != 1 || row.Seq != 2 {
		t.Errorf("seq %d of static, %d of row, want 1 and 2", row.StaticSeq, row.Seq)
	}
	s.Slots = 2
	if both, err := r.Write(s, d); err != nil || len(both) <= len(dynamic) {
		t.Errorf("static write: %d bytes, %v", len(both), err)
	}
	if row := r.Rows()[0]; row.StaticSeq != 3 || row.Seq != 3 || row.Slots != 2 {
		t.Errorf("seq %d of static, %d of row, %d slots, want 3, 3, 2", row.StaticSeq, row.Seq, row.Slots)
	}
	if r.Changes() != 4 || r.Bytes() == 0 || r.Version() != 4 {
		t.Errorf("%d changes, %d bytes, version %d; want 4 changes, version 4", r.Changes(), r.Bytes(), r.Version())
	}
}

func TestWrite_RefusesWhatPeersWouldRefuse(t *testing.T) {
	rm := newRoom(t)
	foreign := rm.config("w1", 1)
	foreign.Certificate.Signature = "x"
	huge := func(s *Static, _ *Dynamic) { s.Commands = []string{string(make([]byte, events.MaxChange))} }
	cases := []struct {
		name   string
		config Config
		change func(*Static, *Dynamic)
		want   Reason
	}{
		{"status of the hub's record", rm.config("w1", 1), func(_ *Static, d *Dynamic) { d.Status = events.StatusDeparted }, WrongValue},
		{"free slots below zero", rm.config("w1", 1), func(_ *Static, d *Dynamic) { d.Free = -1 }, WrongValue},
		{"slots below zero", rm.config("w1", 1), func(s *Static, _ *Dynamic) { s.Slots = -1 }, WrongValue},
		{"memory below zero", rm.config("w1", 1), func(s *Static, _ *Dynamic) { s.Metadata.Properties.GPUMemoryMB = -1 }, WrongValue},
		{"too large", rm.config("w1", 1), huge, "chunk_too_large"},
		{"certificate of nobody", foreign, func(*Static, *Dynamic) {}, BadCertificate},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := New(c.config)
			if c.want == BadCertificate {
				adopt(t, r, rm.join("w2")[0].Genesis())
			} else {
				rm.found(r, generationOf(1, 0))
			}
			s, d := staticOf(r), dynamicOf(events.StatusAvailable)
			c.change(&s, &d)
			before := r.Position()
			if chunk, err := r.Write(s, d); ReasonOf(err) != c.want || chunk != nil {
				t.Errorf("chunk of %d bytes, %v; want a refusal for %s", len(chunk), err, c.want)
			}
			if d := cmp.Diff(before, r.Position()); d != "" {
				t.Errorf("position changed: %s", d)
			}
		})
	}
}

func TestWrite_StrangeTextBecomesCanonical(t *testing.T) {
	replicas := newRoom(t).join("w1", "w2")
	w1, w2 := replicas[0], replicas[1]
	s, d := staticOf(w1), dynamicOf(events.StatusAvailable)
	s.Metadata.Name = "a<b>&\u2028\"\\ \x1b[31m\x00\xff naïve ☃"
	s.Metadata.Tags = map[string]string{}
	s.Commands = []string{}
	d.Job = "\xfe\t"
	chunk, err := w1.Write(s, d)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, w2, chunk)
	row := w2.Rows()[0]
	if want := "a<b>&\u2028\"\\ \ufffd[31m\ufffd\ufffd naïve ☃"; row.Metadata.Name != want {
		t.Errorf("name %q, want %q", row.Metadata.Name, want)
	}
	if row.Job != "\ufffd\ufffd" {
		t.Errorf("job %q", row.Job)
	}
	if again, err := w1.Write(s, d); err != nil || again != nil {
		t.Errorf("the same once more: %d bytes, %v, want none", len(again), err)
	}
}

func TestRows_HighestIncarnationOfEachPeer(t *testing.T) {
	rm := newRoom(t)
	w1 := rm.join("w1")[0]
	old, young := rm.replica("w2", 1), rm.replica("w2", 2)
	adopt(t, old, w1.Genesis())
	adopt(t, young, w1.Genesis())
	apply(t, w1, write(t, young, events.StatusBusy), write(t, old, events.StatusAvailable))

	rows := w1.Rows()
	if len(rows) != 1 || rows[0].Incarnation != 2 || rows[0].Status != events.StatusBusy {
		t.Errorf("rows %+v, want the busy one of incarnation 2", rows)
	}
}

func TestMissingAndSince_ExactlyWhatAHolderOfTheHeadsLacks(t *testing.T) {
	replicas := newRoom(t).join("w1", "w2", "w3")
	w1, w2, w3 := replicas[0], replicas[1], replicas[2]
	a := write(t, w1, events.StatusAvailable)
	b := write(t, w2, events.StatusAvailable)
	apply(t, w1, b)
	c := write(t, w1, events.StatusBusy)
	apply(t, w3, a)

	if !w3.Missing(w1.Position().Heads) || w1.Missing(w3.Position().Heads) {
		t.Error("w3 lacks changes of w1, and w1 none of w3")
	}
	if d := cmp.Diff([][]byte{b, c}, w1.Since(w3.Position().Heads)); d != "" {
		t.Errorf("since w3's heads: %s", d)
	}
	if got := w3.Since(w1.Position().Heads); len(got) != 1 {
		t.Errorf("%d chunks since heads that w3 does not know, want all that it has: 1", len(got))
	}
	if got := w1.Since(w1.Position().Heads); got != nil {
		t.Errorf("%d chunks since the own heads", len(got))
	}
	apply(t, w3, w1.Since(w3.Position().Heads)...)
	wantEqual(t, w1, w3)
	if !w1.Missing([]string{"not a hash"}) {
		t.Error("a head that is no hash is not missing")
	}
}

func TestApply_UnknownDependenciesWait(t *testing.T) {
	replicas := newRoom(t).join("w1", "w2")
	w1, w2 := replicas[0], replicas[1]
	a, b, c := write(t, w1, events.StatusAvailable), write(t, w1, events.StatusBusy), write(t, w1, events.StatusReserved)

	for i, chunk := range [][]byte{c, b, c} {
		if got := w2.Apply([][]byte{chunk}); got.Accepted != 0 || got.Waiting != min(i+1, 2) || got.Refused != nil {
			t.Errorf("chunk %d: %+v, want it to wait", i, got)
		}
	}
	if len(w2.Rows()) != 0 {
		t.Error("a waiting change is shown")
	}
	got := w2.Apply([][]byte{a, a})
	if d := cmp.Diff(Applied{Accepted: 3, Chunks: [][]byte{a, b, c}, Peers: []string{"w1"}}, got); d != "" {
		t.Errorf("applied (-want +got): %s", d)
	}
	wantEqual(t, w1, w2)
}

func TestApply_WaitingIsBounded(t *testing.T) {
	replicas := newRoom(t).join("w1", "w2")
	w1, w2 := replicas[0], replicas[1]
	chunks := make([][]byte, MaxWaiting+2)
	for i := range chunks {
		chunks[i] = write(t, w1, []events.Status{events.StatusBusy, events.StatusAvailable}[i%2])
	}
	got := w2.Apply(chunks[1:])
	if got.Waiting != MaxWaiting || len(got.Refused) != 1 || ReasonOf(got.Refused[0]) != WaitingFull {
		t.Errorf("%d wait, refused %v; want %d and the oldest refused", got.Waiting, got.Refused, MaxWaiting)
	}
	if got := w2.Apply(chunks[:1]); got.Accepted != 1 || got.Waiting != MaxWaiting {
		t.Errorf("accepted %d, %d wait", got.Accepted, got.Waiting)
	}
	if got := w2.Apply(w1.Since(w2.Position().Heads)); got.Accepted != MaxWaiting+1 || got.Waiting != 0 {
		t.Errorf("after a pull: accepted %d, %d wait", got.Accepted, got.Waiting)
	}
	wantEqual(t, w1, w2)
}

func TestApply_DamageIsReportedAndTheDocumentBuiltAnew(t *testing.T) {
	replicas := newRoom(t).join("w1", "w2")
	w1, w2 := replicas[0], replicas[1]
	apply(t, w2, write(t, w1, events.StatusAvailable))
	w2.present.document = newDocument(w2.present.own) // a document that lacks every dependency
	chunk := write(t, w1, events.StatusBusy)
	refused(t, w2, chunk, Damage)
	apply(t, w2, chunk)
	apply(t, w1, write(t, w2, events.StatusReserved))
	wantEqual(t, w1, w2)
}
