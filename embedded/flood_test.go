package embedded

import (
	"fmt"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
)

func TestWatchdog_FindsWhoSendsTooMuch(t *testing.T) {
	keys := openKeys(t, t.TempDir())
	s := startServer(t, Config{Port: -1}, keys)
	quiet, err := admit(t, s, keys, events.RoleWorker, "quiet")
	if err != nil {
		t.Fatal(err)
	}
	loud, err := admit(t, s, keys, events.RoleWorker, "loud")
	if err != nil {
		t.Fatal(err)
	}
	own := connect(t, s, Rooms)
	dog, now, step := NewWatchdog(s), time.Unix(0, 0), time.Duration(0)
	look := func(what string, want ...string) {
		t.Helper()
		found, err := dog.Look(now)
		if err != nil {
			t.Fatal(err)
		}
		var peers []string
		for _, f := range found {
			peers = append(peers, f.Peer)
		}
		if len(peers) != len(want) || len(want) > 0 && (peers[0] != want[0] || found[0].Room != "lab" || found[0].Token != "of-"+want[0] || found[0].NKey == "") {
			t.Errorf("%s: found %+v, want %v", what, found, want)
		}
		now = now.Add(step)
	}
	send := func(nc *nats.Conn, subject string, times, size int) {
		t.Helper()
		for range times {
			if err := nc.Publish(subject, make([]byte, size)); err != nil {
				t.Fatal(err)
			}
		}
		// The server counts what it has read after it has answered; a second answer
		// comes after that.
		for range 2 {
			if err := nc.FlushWithContext(within(t)); err != nil {
				t.Fatal(err)
			}
		}
	}
	look("at first nobody is known")
	send(loud, events.RosterSubject("lab", "loud"), burstMessages-10, 1)
	send(quiet, events.RosterSubject("lab", "quiet"), 10, 1)
	send(own, events.EventSubject("lab", events.EventAdmin), 2*burstMessages, 1)
	look("as much as is allowed at once, and the hub itself")
	send(loud, events.RosterSubject("lab", "loud"), 11, 1)
	step = time.Second
	look("more at once", "loud")
	look("and none since")
	step = 0
	look("nor in the next second")
	send(quiet, events.RosterSubject("lab", "quiet"), burstBytes/events.MaxMessage+1, events.MaxMessage)
	step = 2 * time.Second
	look("too much", "quiet")
	step = 25 * time.Millisecond
	for n := range 40 {
		send(loud, events.RosterSubject("lab", "loud"), floodMessages/40, 1)
		look(fmt.Sprintf("as many as are allowed, look %d", n))
	}
	for range 2 {
		send(loud, events.RosterSubject("lab", "loud"), burstMessages/2+floodMessages/40, 1)
		look("as many as are allowed after a rest of none")
	}
	send(loud, events.RosterSubject("lab", "loud"), floodMessages/40*2, 1)
	look("and more", "loud")
}

func BenchmarkWatchdog_Look(b *testing.B) {
	keys := openKeys(b, b.TempDir())
	s := startServer(b, Config{Port: -1}, keys)
	for i := range 100 {
		if _, err := admit(b, s, keys, events.RoleWorker, fmt.Sprintf("peer-%d", i)); err != nil {
			b.Fatal(err)
		}
	}
	dog := NewWatchdog(s)
	for b.Loop() {
		if _, err := dog.Look(time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}
