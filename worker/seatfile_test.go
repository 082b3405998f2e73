package worker

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moothall/moothall/events"
)

func TestSeatFile_SurvivesARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seat.json")
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(&said, nil))
	f := openSeat(path, "lab", log)
	if f.incarnation() != 0 {
		t.Error("a new worker has an incarnation")
	}
	joined := f.joined()
	f.sat(7)
	f.sat(3)
	f.status(events.StatusBusy, "j-1")

	f = openSeat(path, "lab", log)
	if f.incarnation() != 7 || !f.joined().Equal(joined.Time.Truncate(1e6)) || !strings.Contains(said.String(), "j-1") {
		t.Errorf("incarnation %d, joined %s, want %s\n%s", f.incarnation(), f.joined(), joined, said.String())
	}
	if f = openSeat(path, "attic", log); f.incarnation() != 7 || f.now.Job != "" || !f.now.Joined.IsZero() {
		t.Errorf("in another room: %+v", f.now)
	}
}

func TestSeatFile_DamagedIsSetAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seat.json")
	for _, text := range []string{`{"incarnation":`, "\x00\x00", "[]"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		f := openSeat(path, "lab", slog.New(slog.NewTextHandler(&said, nil)))
		f.sat(2)
		if kept, err := os.ReadFile(path + ".damaged"); err != nil || string(kept) != text || !strings.Contains(said.String(), "damaged") {
			t.Errorf("%q: kept %q, %v\n%s", text, kept, err, said.String())
		}
		if again := openSeat(path, "lab", slog.New(slog.DiscardHandler)); again.incarnation() != 2 {
			t.Errorf("%q: the new file has incarnation %d", text, again.incarnation())
		}
	}
}
