package roster

import (
	"strings"
	"testing"

	"github.com/moothall/moothall/events"
)

func TestFound_BannedSeatsHaveNoRowAndNoSay(t *testing.T) {
	rm := newRoom(t)
	replicas := rm.join("w1", "w2", "w3")
	w1, w2 := replicas[0], replicas[1]
	apply(t, w1, write(t, w2, events.StatusBusy))
	row := signedRows(w1.Rows())
	next := generationOf(1, 1)
	genesis, err := w1.Found(next, rm.seatCertificate(w1, next.Term), everySeat, w2.config.Seat)
	if err != nil {
		t.Fatal(err)
	}
	if newer := adopt(t, w2, genesis); newer != nil {
		t.Errorf("the banned row is still wanted: %v", newer)
	}
	adopt(t, replicas[2], genesis)
	if !w2.Banned(w2.config.Seat) || w2.Banned(w1.config.Seat) {
		t.Error("who is banned is not known")
	}
	if _, err := w2.Write(staticOf(w2), dynamicOf(events.StatusBusy)); ReasonOf(err) != Banned {
		t.Errorf("its own row: %v", err)
	}
	if newer, refused := w1.Learn(row); newer != nil || len(refused) != 1 || ReasonOf(refused[0]) != Banned {
		t.Errorf("its row by another way: newer %v, refused %v", newer, refused)
	}
	next.Count++
	if genesis, err = w1.Found(next, rm.seatCertificate(w1, next.Term), everySeat); err != nil || len(genesis.Banned) != 1 {
		t.Errorf("the ban is forgotten with the next generation: %+v, %v", genesis.Banned, err)
	}
	next.Count++
	gone := func(s events.Seat) bool { return s.PeerID != "w2" }
	if genesis, err = w1.Found(next, rm.seatCertificate(w1, next.Term), gone); err != nil || len(genesis.Banned) != 0 {
		t.Errorf("the ban outlives the seat: %+v, %v", genesis.Banned, err)
	}
}

func TestLearn_OnlyNewerRowsOfTheirOwners(t *testing.T) {
	rm := newRoom(t)
	replicas := rm.join("w1", "w2")
	w1, w2 := replicas[0], replicas[1]
	first := write(t, w2, events.StatusAvailable)
	apply(t, w1, first)
	old := signedRows(w2.Rows())
	write(t, w2, events.StatusBusy)
	news := signedRows(w2.Rows())

	if newer, refused := w1.Learn(old); newer != nil || refused != nil {
		t.Errorf("a row already held: newer %v, refused %v", newer, refused)
	}
	forged := []events.SignedRow{news[len(news)-1]}
	forged[0].Dynamic = strings.Replace(forged[0].Dynamic, `"busy"`, `"reserved"`, 1)
	if newer, refused := w1.Learn(forged); newer != nil || len(refused) != 1 || ReasonOf(refused[0]) != BadSignature {
		t.Errorf("a forged row: newer %v, refused %v", newer, refused)
	}
	version := w1.Version()
	if newer, refused := w1.Learn(news); len(newer) != 1 || newer[0] != w2.config.Seat || refused != nil {
		t.Errorf("newer %v, refused %v", newer, refused)
	}
	if got := rowOfPeer(t, w1, "w2"); got.Status != events.StatusBusy || w1.Version() == version {
		t.Errorf("shows %s in version %d", got.Status, w1.Version())
	}
	w1.Learn(old)
	if got := rowOfPeer(t, w1, "w2"); got.Status != events.StatusBusy {
		t.Error("the row went back")
	}
}

func TestCheck_BuildsADamagedDocumentAnew(t *testing.T) {
	rm := newRoom(t)
	replicas := rm.join("w1", "w2")
	w1 := replicas[0]
	apply(t, w1, write(t, replicas[1], events.StatusAvailable))
	if err := w1.Check(); err != nil {
		t.Fatal(err)
	}
	damaged := w1.present.document
	w1.present.document = newDocument(w1.present.own)
	if damaged.check(w1.present.history.heads()) != nil || w1.present.document.check(w1.present.history.heads()) == nil {
		t.Fatal("the check does not see what is missing")
	}
	if err := w1.Check(); err != nil {
		t.Errorf("not built anew: %v", err)
	}
	apply(t, w1, write(t, replicas[1], events.StatusBusy))
	w1.present.history.tips[w1.present.hash] = struct{}{} // a history that no document has
	if err := w1.Check(); err == nil {
		t.Error("damage that lasts is no error")
	}
}

func TestFull_AtEitherBound(t *testing.T) {
	rm := newRoom(t)
	w1 := rm.join("w1")[0]
	status := []events.Status{events.StatusBusy, events.StatusAvailable}
	n := 0
	for ; !w1.Full(); n++ {
		write(t, w1, status[n%2])
	}
	if b := w1.Bytes() - len(w1.present.history.entries[0].chunk); b < MaxBytes || b > MaxBytes+events.MaxChange {
		t.Errorf("full at %d bytes", b)
	}
	t.Logf("%d status changes fill a generation", n)
	rm.found(w1, generationOf(1, 1))
	if w1.Full() {
		t.Error("the next generation begins full")
	}
	w1.present.history.entries = append(w1.present.history.entries, make([]entry, MaxChanges)...)
	if !w1.Full() {
		t.Errorf("not full with %d changes", w1.Changes())
	}
}

func TestForget_NotWhatTheGenerationHas(t *testing.T) {
	rm := newRoom(t)
	replicas := rm.join("w1", "w2", "w3")
	w1, w2 := replicas[0], replicas[1]
	for _, r := range replicas[1:] {
		apply(t, w1, write(t, r, events.StatusBusy))
	}
	everybody := func(string) bool { return true }
	w1.Forget(everybody)
	if len(w1.Rows()) != 2 || len(w1.newest) != 2 {
		t.Fatalf("rows %v, newest %v", w1.Rows(), w1.newest)
	}
	next := generationOf(1, 1)
	if _, err := w1.Found(next, rm.seatCertificate(w1, next.Term), func(s events.Seat) bool { return s != w2.config.Seat }); err != nil {
		t.Fatal(err)
	}
	w1.Forget(func(string) bool { return false })
	if len(w1.newest) != 2 {
		t.Error("forgotten though not gone")
	}
	w1.Forget(everybody)
	if _, ok := w1.newest["w3"]; len(w1.newest) != 1 || !ok {
		t.Errorf("newest %v", w1.newest)
	}
}

// The hub's list may lack a peer for a while, and another member hold an older row of it.
func TestForget_NoOlderRowIsShownThan(t *testing.T) {
	rm := newRoom(t)
	replicas := rm.join("w1", "w2", "w3")
	w1, w2, w3 := replicas[0], replicas[1], replicas[2]
	old := write(t, w2, events.StatusAvailable)
	apply(t, w1, old)
	apply(t, w3, old)
	older := signedRows(w3.Rows())
	apply(t, w1, write(t, w2, events.StatusBusy))
	none := generationOf(1, 1)
	genesis, err := w3.Found(none, rm.seatCertificate(w3, none.Term), func(events.Seat) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	adopt(t, w1, genesis)
	w1.Forget(func(string) bool { return true })
	if newer, refused := w1.Learn(older); newer != nil || refused != nil {
		t.Errorf("an older row is news: %v, %v", newer, refused)
	}
	adopt(t, w1, rm.found(w3, generationOf(1, 2)))
	if rows := w1.Rows(); len(rows) != 0 {
		t.Errorf("shows %s seq %d", rows[0].Seat, rows[0].Seq)
	}
	adopt(t, w2, w1.Genesis())
	apply(t, w1, write(t, w2, events.StatusDraining))
	if got := rowOfPeer(t, w1, "w2"); got.Status != events.StatusDraining {
		t.Errorf("its owner's next row is not shown: %+v", got)
	}
}
