package cli

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

func TestLogger_JSONWhereThereIsNoTerminal(t *testing.T) {
	var b bytes.Buffer
	log, err := Logger(&b, "info", "")
	if err != nil {
		t.Fatal(err)
	}
	log.Debug("frame")
	log.Info("joined", "room_id", "lab", "timeout", 30*time.Second)
	var got struct{ Time, Level, Msg, Room_id, Timeout string }
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, b.String())
	}
	if got.Msg != "joined" || got.Room_id != "lab" || got.Timeout != "30s" || !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`).MatchString(got.Time) {
		t.Errorf("got %+v", got)
	}
}

func TestLogger_TextWithoutColoursInAFile(t *testing.T) {
	var b bytes.Buffer
	log, err := Logger(&b, "DEBUG", "text")
	if err != nil {
		t.Fatal(err)
	}
	log.Debug("frame", "peer_id", "w1")
	if got := b.String(); !strings.Contains(got, "frame") || !strings.Contains(got, "peer_id=w1") || strings.Contains(got, "\x1b") {
		t.Errorf("got %q", got)
	}
}

func TestLogger_RefusesWhatItDoesNotKnow(t *testing.T) {
	for _, tt := range [][2]string{{"loud", ""}, {"info", "xml"}} {
		if _, err := Logger(&bytes.Buffer{}, tt[0], tt[1]); events.CodeOf(err) != events.CodeConfig {
			t.Errorf("%v: %v", tt, err)
		}
	}
}
