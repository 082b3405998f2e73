package client

import (
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

func TestPulse_WhenAWorkerIsLost(t *testing.T) {
	t0 := time.Unix(1_763_000_000, 0)
	at := func(s float64) time.Time { return t0.Add(time.Duration(s * float64(time.Second))) }
	never := time.Time{}
	cases := []struct {
		name   string
		happen func(*pulse)
		due    time.Time
	}{
		{"all is well", func(p *pulse) {}, never},
		{"a silence that ended", func(p *pulse) { p.suspected(true, at(3)); p.suspected(false, at(4)) }, never},
		{"15 s of silence: the link noticed it after 2 to 3", func(p *pulse) { p.suspected(true, at(3)) }, at(45)},
		{"suspected again and again counts from the first", func(p *pulse) { p.suspected(true, at(3)); p.suspected(true, at(9)) }, at(45)},
		{"the link failed in silence", func(p *pulse) { p.suspected(true, at(3)); p.cut(at(9)) }, at(45)},
		{"the link was closed", func(p *pulse) { p.cut(at(1)) }, at(46)},
		{"another link", func(p *pulse) { p.suspected(true, at(3)); p.cut(at(9)); p.mended() }, never},
		{"it left: frames may be on their way", func(p *pulse) { p.departed(events.ReasonLeft, at(1)) }, at(3)},
		{"it crashed and may be started again", func(p *pulse) { p.departed(events.ReasonCrashed, at(1)) }, at(31)},
		{"it crashed, as the hub says again and again", func(p *pulse) {
			p.departed(events.ReasonCrashed, at(1))
			p.cut(at(9))
			p.departed(events.ReasonCrashed, at(10))
		}, at(31)},
		{"it left and its link is closed", func(p *pulse) { p.cut(at(1)); p.departed(events.ReasonLeft, at(1)) }, at(1)},
		{"only the hub cannot hear it", func(p *pulse) { p.departed(events.ReasonSilent, at(1)) }, never},
		{"nobody hears it", func(p *pulse) { p.departed(events.ReasonSilent, at(1)); p.suspected(true, at(3)) }, at(31)},
		{"it came back", func(p *pulse) { p.departed(events.ReasonCrashed, at(1)); p.departed("", at(2)) }, never},
	}
	for _, c := range cases {
		var p pulse
		if c.happen(&p); !p.due().Equal(c.due) {
			t.Errorf("%s: lost at %v, want %v", c.name, p.due(), c.due)
		}
	}
}

func TestDeparture_OfTheSeatOnly(t *testing.T) {
	seat := events.Seat{PeerID: "w", Incarnation: 7}
	event := func(peer string, inc uint64, reason string) events.PeerEvent {
		return events.PeerEvent{Seat: events.Seat{PeerID: peer, Incarnation: inc}, Reason: reason}
	}
	cases := []struct {
		name, event string
		p           events.PeerEvent
		want        holding
		of          bool
	}{
		{"it crashed", events.EventPeerLeft, event("w", 7, "crashed"), holding{7, "crashed"}, true},
		{"an older process left", events.EventPeerLeft, event("w", 6, "crashed"), holding{}, false},
		{"another worker left", events.EventPeerLeft, event("x", 7, "crashed"), holding{}, false},
		{"a newer process came", events.EventPeerJoined, event("w", 8, ""), holding{8, ""}, true},
		{"it is back", events.EventPeerJoined, event("w", 7, ""), holding{7, ""}, true},
		{"suspicion is no departure", events.EventPeerSuspect, event("w", 7, "closed"), holding{}, false},
		{"without a reason it is gone too", events.EventPeerLeft, event("w", 7, ""), holding{7, events.ReasonLeft}, true},
	}
	for _, c := range cases {
		if got, of := departure(seat, c.event, c.p); got != c.want || of != c.of {
			t.Errorf("%s: %+v %v, want %+v %v", c.name, got, of, c.want, c.of)
		}
	}
}

func TestHolder_ByTheHubsRecord(t *testing.T) {
	seat := events.Seat{PeerID: "w", Incarnation: 7}
	peer := func(inc uint64, away string) events.RoomInfo {
		return events.RoomInfo{Peers: []events.PeerInfo{{Seat: events.Seat{PeerID: "w", Incarnation: inc}, Away: away != "", AwayReason: away}}}
	}
	for _, c := range []struct {
		name string
		info events.RoomInfo
		want holding
	}{
		{"here", peer(7, ""), holding{7, ""}},
		{"away", peer(7, "silent"), holding{7, "silent"}},
		{"a newer process", peer(8, ""), holding{8, ""}},
		{"unknown", events.RoomInfo{}, holding{7, events.ReasonLeft}},
	} {
		if got := holderOf(seat, c.info); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
