package roster

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/moothall/moothall/events"
)

// The canonical texts, byte for byte: every worker of a room must agree on them,
// so a change here is a change of textVersion.
func TestText_CanonicalForm(t *testing.T) {
	r := newRoom(t).join("w1")[0]
	s, d := staticOf(r), dynamicOf(events.StatusBusy)
	s.Metadata.Name = `<a & "b">` + "\u2028\U0001f642"
	d.Job = "job-1"
	if _, err := r.Write(s, d); err != nil {
		t.Fatal(err)
	}
	signed := r.Rows()[0].Signed
	heading := `{"v":1,"room_id":"lab","generation":{"store":"1700000000000-00000001","term":1,"n":0},"peer_id":"w1","incarnation":1,`
	deps := `"seq":1,"deps":"` + hashDeps(r.present.history.entries[1].deps) + `",`
	static := heading + `"kind":"s",` + deps +
		`"key":"` + r.config.Certificate.Key + `","certificate":"` + r.config.Certificate.Signature + `",` +
		`"metadata":{"name":"<a & \"b\">\u2028` + "\U0001f642" + `","tags":{"owner":"anna","site":"basement"},` +
		`"properties":{"gpu_memory_mb":16000,"gpu_model":"RTX 4090","hostname":"box"}},"commands":["track","train"],"slots":1,` +
		`"joined":"2026-05-04T03:02:01.000Z"`
	dynamic := heading + `"kind":"d",` + deps +
		`"static_seq":1,"status":"busy","job":"job-1","free":1,"last_heartbeat":"2026-05-04T03:02:01.000Z"`
	for _, c := range []struct{ name, got, want string }{{"/s", signed.Static, static}, {"/d", signed.Dynamic, dynamic}} {
		sig, err := events.SignText(r.config.Key, "moothall row v1\n"+c.want+"}")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want+`,"sig":"`+sig+`"}`, c.got); d != "" {
			t.Errorf("%s (-want +got): %s", c.name, d)
		}
	}
}

func TestRowKey_ReadsOnlyWhatItWrites(t *testing.T) {
	seat := events.Seat{PeerID: "worker-1", Incarnation: 18446744073709551615}
	got, kind, ok := parseRowKey(rowKey(seat, kindDynamic))
	if !ok || got != seat || kind != kindDynamic {
		t.Errorf("%v %q %v", got, kind, ok)
	}
	for _, key := range []string{
		"", "admin", "w/a/1", "w/a/1/d/x", "x/a/1/d", "w//1/d", "w/A/1/d", "w/*/1/d", "w/a/+1/d", "w/a/01/d", "w/a/-1/d", "w/a//d",
		"w/a/18446744073709551616/d",
	} {
		if seat, kind, ok := parseRowKey(key); ok {
			t.Errorf("%q is read as %q of %v", key, kind, seat)
		}
	}
}

// The actor must differ for everything that it binds.
func TestActor_BindsRoomSeatGenerationAndGenesis(t *testing.T) {
	seat, g := events.Seat{PeerID: "w1", Incarnation: 1}, generationOf(1, 0)
	var h, otherHash [32]byte
	otherHash[0] = 1
	base := actorOf("lab", seat, g, h)
	others := map[string][16]byte{
		"room":        actorOf("attic", seat, g, h),
		"peer":        actorOf("lab", events.Seat{PeerID: "w2", Incarnation: 1}, g, h),
		"incarnation": actorOf("lab", events.Seat{PeerID: "w1", Incarnation: 2}, g, h),
		"store":       actorOf("lab", seat, events.Generation{Term: events.Term{Store: "x", N: 1}}, h),
		"term":        actorOf("lab", seat, generationOf(2, 0), h),
		"count":       actorOf("lab", seat, generationOf(1, 1), h),
		"genesis":     actorOf("lab", seat, g, otherHash),
	}
	for what, actor := range others {
		if actor == base {
			t.Errorf("the same actor with another %s", what)
		}
	}
	if again := actorOf("lab", seat, g, h); again != base {
		t.Error("not the same actor twice")
	}
}
