package signaling

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

func TestRequest_OfAnotherProtocolIsRefused(t *testing.T) {
	for body, want := range map[string]events.Code{
		``: "", `{}`: "", `{"v":1}`: "", `{"v":1,"unknown":[]}`: "",
		`{"v":2}`: events.CodeVersion, `[`: events.CodeInvalid, `{"v":"x"}`: events.CodeInvalid,
		strings.Repeat(" ", events.MaxMessage+1): events.CodeTooLarge,
	} {
		err := request{data: []byte(body)}.decode(&events.InfoRequest{})
		if got := events.CodeOf(err); got != want {
			t.Errorf("%.20q: %q, want %q", body, got, want)
		}
	}
}

func FuzzAddressed_OnlyIntoTheSendersInbox(f *testing.F) {
	f.Add("room.lab.svc.info.w", "_INBOX.lab.w.x")
	f.Add("room.lab.svc.info.w", "_INBOX.lab.v.x")
	f.Add("room.lab.svc.info.w.x", "_INBOX.lab.w.>")
	f.Fuzz(func(t *testing.T, subject, reply string) {
		q, ok := addressed(subject, reply, nil, nil)
		if !ok {
			return
		}
		if !strings.HasPrefix(reply, "_INBOX."+q.room+"."+q.from+".") || !strings.HasSuffix(subject, "."+q.from) || strings.ContainsAny(reply, "*> ") {
			t.Fatalf("%q answers to %q as %+v", subject, reply, q)
		}
	})
}

// FuzzRegistry_NoMessageBreaksTheHub feeds bodies to every verb (I9): whatever is
// written, the hub refuses or decides, and the record stays a room's.
func FuzzRegistry_NoMessageBreaksTheHub(f *testing.F) {
	for i, body := range []string{
		`{"instance":"x","registry":true,"last_incarnation":18446744073709551615}`,
		`{"goodbye":{"room_id":"lab","peer_id":"worker-02","incarnation":2}}`,
		`{"peer_id":"worker-02","incarnation":2,"instance":"x"}`,
		`{"peer_id":"worker-02","incarnation":2,"after":{"term":1},"holder":{"peer_id":"worker-01","incarnation":1},"evidence":"crash","testimony":{"rtt_ms":9223372036854775807}}`,
		`{"peer_id":"worker-01","incarnation":1,"member":{"peer_id":"worker-02","incarnation":2},"fence":{"term":1}}`,
		`{"peer_id":"worker-02","incarnation":2,"status":"busy"}`,
	} {
		f.Add(byte(i), []byte(body))
	}
	room := newDesk(f)
	room.lost(room.seats(2)[0], time.Second)
	f.Fuzz(func(t *testing.T, verb byte, body []byte) {
		d := *room
		d.t, d.facts = t, maps.Clone(room.facts)
		const from = "worker-02"
		_, _ = d.settle(d.dispatch(verb, from, request{data: body}))
		if d.r.Here() > 3 || d.r.Room != testRoom {
			t.Fatalf("%+v", d.r)
		}
		d.g.Info(d.r, d.facts)
		d.g.Workers(d.r, events.Filters{}, d.facts, d.now)
	})
}

// dispatch decides on a body as the hub would.
func (d *desk) dispatch(verb byte, from string, q request) (Decision, error) {
	switch verb % 6 {
	case 0:
		var m events.Register
		if err := q.decode(&m); err != nil {
			return Decision{}, err
		}
		return d.g.Register(d.r, d.store, from, m, d.now)
	case 1:
		var m events.Leave
		if err := q.decode(&m); err != nil {
			return Decision{}, err
		}
		return d.g.Leave(d.r, from, m, d.facts, d.now)
	case 2:
		var m events.Lease
		if err := q.decode(&m); err != nil {
			return Decision{}, err
		}
		return Decision{Record: d.r}, d.g.Renew(d.r, from, m)
	case 3:
		var m events.Claim
		if err := q.decode(&m); err != nil {
			return Decision{}, err
		}
		return d.g.Claim(d.r, d.store, from, m, d.facts, d.now)
	case 4:
		var m events.Gone
		if err := q.decode(&m); err != nil {
			return Decision{}, err
		}
		return d.g.Gone(d.r, from, m, d.facts, d.now)
	default:
		var m events.StatusReport
		if err := q.decode(&m); err != nil {
			return Decision{}, err
		}
		return d.g.Report(d.r, from, m, d.now)
	}
}
