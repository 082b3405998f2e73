package signaling

import (
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

func TestConfig_ZeroValueIsTheDefault(t *testing.T) {
	c := Config{Limits: events.Limits{MaxWorkers: 3}}
	must(t, c.Validate())
	c = c.withDefaults()
	want := events.DefaultLimits()
	want.MaxWorkers = 3
	if c.Limits != want || c.WarnWorkers != 8 || c.RolloutPercent != 100 || c.JWTLife != time.Hour {
		t.Fatalf("%+v", c)
	}
}

func TestConfig_EveryProblemAtOnce(t *testing.T) {
	err := Config{
		Limits:         events.Limits{MaxWorkers: MaxSeats + 1, LeaseTTLMS: 60_000, HeartbeatMS: -1},
		RolloutPercent: 101, JWTLife: time.Second,
	}.Validate()
	if e := wantCode(t, err, events.CodeConfig); len(e.Facts) != 5 {
		t.Fatalf("%q", e.Facts)
	}
	must(t, Config{RolloutPercent: NoRooms}.Validate())
}
