package replica

import (
	"slices"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

// The hub's welcome lists who is here. After another connection a member that departed
// before is still shown as departed, and its row kept; of one that is missing for
// reasons unknown the record is asked.
func TestRegistered_AgainForgetsNoDeparture(t *testing.T) {
	d := newDriver(t)
	d.elect(2, "worker-b", 2)
	d.presence(events.TypePeerLeft, seat("worker-a", 1), events.ReasonCrashed, standing(2, "worker-b", 2))
	welcome := func(peers ...events.PeerInfo) []Output {
		return d.step(Registered{events.RegisteredAuth{
			RoomID: "lab", PeerID: "worker-b", Incarnation: 2, Peers: peers, Standing: standing(2, "worker-b", 2),
			MemberCertificate: d.member("worker-b", 2), Registry: true, Limits: events.DefaultLimits(), SeatKeys: []string{public(d.hub)},
		}})
	}
	shown := func(id string) events.Status {
		i := slices.IndexFunc(d.quiet().Workers, func(w events.Worker) bool { return w.PeerID == id })
		if i < 0 {
			return "not at all"
		}
		return d.view.Workers[i].Status
	}
	out := welcome(d.peer("worker-c", 3))
	if s := shown("worker-a"); s != events.StatusDeparted || len(only[Refresh](out)) != 0 {
		t.Errorf("worker-a is shown %s, %d refreshes", s, len(only[Refresh](out)))
	}
	if !d.replica.keepRow(seat("worker-a", 1)) {
		t.Error("the next generation would drop the row of one who has just departed")
	}
	if out := welcome(); len(only[Refresh](out)) != 1 {
		t.Errorf("worker-c is missing and the record is not asked: %v", out)
	}
}

// A list may be older than the news that came before it, but not because a peer had a
// later incarnation in a store that is lost.
func TestRefreshed_LaterIncarnationsAreThoseOfTheRoomsStore(t *testing.T) {
	for _, c := range []struct {
		name     string
		standing events.Standing
		want     uint64
	}{
		{"a list that was overtaken", events.Standing{Term: events.Term{Store: store, N: 1}, AdminPeerID: "worker-a", AdminIncarnation: 1, MembersVersion: 9}, 4},
		{"another store", events.Standing{Term: events.Term{Store: "1893456000001-00000001", N: 1}, MembersVersion: 2}, 3},
	} {
		d := newDriver(t)
		d.step(Presence{events.PeerEvent{Type: events.TypePeerJoined, RoomID: "lab", Seat: seat("worker-c", 4), Peer: d.peer("worker-c", 4), Standing: standing(1, "worker-a", 1)}})
		d.step(Refreshed{RoomInfo: events.RoomInfo{
			Peers: []events.PeerInfo{d.peer("worker-a", 1), d.peer("worker-b", 2), d.peer("worker-c", 3)}, SeatKeys: []string{public(d.hub)}, Standing: c.standing,
		}})
		if got := d.replica.members["worker-c"].Incarnation; got != c.want {
			t.Errorf("%s: worker-c#%d, want #%d", c.name, got, c.want)
		}
	}
}

// A store that was put back counts the versions of its list from there again, in the
// same term: what the hub says on a new connection is where it stands.
func TestRegistered_AVersionThatWentBackHidesNoVacancy(t *testing.T) {
	d := newDriver(t)
	d.elect(1, "worker-a", 1)
	d.step(HubDown{})
	d.step(HubUp{})
	back := standing(1, "worker-a", 1)
	back.MembersVersion = 7
	out := d.step(Registered{events.RegisteredAuth{
		RoomID: "lab", PeerID: "worker-b", Incarnation: 2, Peers: []events.PeerInfo{d.peer("worker-a", 1), d.peer("worker-c", 3)}, Standing: back,
		MemberCertificate: d.member("worker-b", 2), Registry: true, Limits: events.DefaultLimits(), SeatKeys: []string{public(d.hub)},
	}})
	if len(only[Refresh](out)) != 1 {
		t.Error("news may have overtaken the answer, and the record is not asked")
	}
	vacant := events.Standing{Term: back.Term, MembersVersion: 8}
	out = d.presence(events.TypePeerLeft, seat("worker-a", 1), events.ReasonSilent, vacant)
	if claims := only[Claim](append(out, d.awake(time.Second)...)); len(claims) == 0 || claims[0].Evidence != events.EvidenceVacant {
		t.Errorf("claims %v", claims)
	}
}

// Who missed that a peer is back hears that it is suspected: it asks the peer and the
// hub. Word of a suspicion that its departure has overtaken means nothing any more.
func TestSuspect_OfOneWhoseReturnWasMissed(t *testing.T) {
	for _, missed := range []bool{true, false} {
		d := newDriver(t)
		st := standing(1, "worker-a", 1)
		st.MembersVersion++
		d.presence(events.TypePeerLeft, seat("worker-c", 3), events.ReasonSilent, st)
		if missed {
			st.MembersVersion++
		}
		out := d.presence(events.TypePeerSuspect, seat("worker-c", 3), events.ReasonCrashed, st)
		if asked := sent(out, "worker-c", events.FramePing); asked != missed {
			t.Errorf("missed %v: asked the peer %v", missed, asked)
		}
		if asked := len(only[Refresh](out)) > 0; asked != missed {
			t.Errorf("missed %v: asked the hub %v", missed, asked)
		}
		if away := d.replica.members["worker-c"].Away; away == missed {
			t.Errorf("missed %v: away %v", missed, away)
		}
	}
}
