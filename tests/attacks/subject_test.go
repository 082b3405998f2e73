package attacks

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/moothall/moothall/events"
)

var eventNames = []string{events.EventAdmin, events.EventPeerJoined, events.EventPeerSuspect, events.EventPeerLeft, "other"}

// outsideRooms are subjects that belong to the server and the hub's store.
var outsideRooms = []string{
	"$JS.API.INFO", "$JS.API.STREAM.LIST", "$JS.API.STREAM.CREATE.KV_rooms", "$JS.API.STREAM.DELETE.KV_rooms", "$JS.API.STREAM.MSG.GET.KV_rooms",
	"$JS.API.DIRECT.GET.KV_rooms", "$JS.API.CONSUMER.CREATE.KV_rooms", "$JS.ACK.KV_rooms.x.1.1.1.1.1",
	"$KV.rooms.lab", "$KV.rooms.attic", "$KV.rooms.>", "$O.x.C.y",
	"$SYS.REQ.SERVER.PING", "$SYS.REQ.SERVER.PING.CONNZ", "$SYS.REQ.SERVER.x.KICK", "$SYS.REQ.ACCOUNT.x.CONNZ", "$SYS.REQ.CLAIMS.UPDATE", "$SYS.REQ.USER.INFO",
	"$SYS.ACCOUNT.x.DISCONNECT", "$SRV.PING", "$SRV.INFO.signaling", "$SRV.STATS", "$NRG.V.x", "$GNR.x", "$LDS.x",
	"_INBOX.x", "_R_.x", "room.x", "x",
}

// speech is every subject under which somebody could be taken for a peer of a room, or
// for the hub.
func speech(room, from, to string) []string {
	var all []string
	for _, verb := range append(events.ServiceVerbs(), "ice", "events", "other") {
		all = append(all, events.ServiceSubject(room, verb, from))
	}
	for _, event := range eventNames {
		all = append(all, events.EventSubject(room, event))
	}
	return append(all,
		events.SignalSubject(room, to, from), events.QuerySubject(room, to, from), events.WorkSubject(room, to, from),
		"room."+room+".relay."+to+"."+from, events.RosterSubject(room, from), events.JobSubject(room, from),
		events.InboxPrefix(room, to)+".x", events.InboxPrefix(room, from)+".x",
		// Names that NATS reads as patterns, and such that only look like others.
		"room."+room+".svc.register.*", "room."+room+".svc.register.>", "room."+room+".signal."+to+".*", "room."+room+".signal.*."+from,
		"room."+room+".>", "room.*.event.admin", "room."+room+".event.>", "_INBOX."+room+".>", "_INBOX.>", ">", "*",
		"room."+room+".signal."+to+"."+from+".x", "room."+strings.ToUpper(room)+".svc.register."+from, "ROOM."+room+".svc.register."+from,
		"room."+room+".signal."+to+"."+strings.ToUpper(from),
	)
}

// ears is every subject that would let somebody hear what is not for it.
func ears(room, me, other string) []string {
	all := []string{
		">", "*", "*.>", "room.>", "room.*", "room.*.>", "room.*.event.>", "room.*.*.*.*", "*." + room + ".>", "room." + room + ".>", "room." + room + ".*", "room." + room + ".*.>",
		"room." + room + ".*.*.*", "room." + room + ".svc.>", "room." + room + ".svc.*.*", "room." + room + ".svc.register.*", "room." + room + ".svc.lease.>",
		"room." + room + ".*." + me + ".*", "room." + room + ".relay." + other + ".*", "room." + room + ".relay.>",
		"_INBOX.>", "_INBOX.*", "_INBOX.*.>", "_INBOX.*.*.>", "_INBOX." + room + ".>", "_INBOX." + room + ".*.>", "_INBOX." + room + ".*.x", "_INBOX.*." + me + ".>",
		events.InboxPrefix(room, other) + ".>", events.InboxPrefix(room, other) + ".*", events.InboxPrefix(room, other) + ".x",
		"$JS.>", "$JS.API.>", "$KV.>", "$KV.rooms.*", "$SYS.>", "$SYS.ACCOUNT.*.*", "$SYS.REQ.>", "$SRV.>", "$SRV.PING", "$*.>", "_R_.>",
	}
	for _, kind := range []string{events.KindSignal, events.KindQuery, events.KindWork} {
		base := "room." + room + "." + kind
		all = append(all, base+".>", base+".*.*", base+"."+other+".*", base+"."+other+".>", base+"."+other+"."+me, base+".*."+me, base+".*.*.>")
	}
	return all
}

// ownSpeech and ownEars say, apart from how the server is set up, what a role may do:
// the table of subjects in docs/asyncapi.yaml, by hand.
func ownSpeech(m *member, subject string) bool {
	base := "room." + m.room + "."
	three := func(kind string) bool {
		to, ok := strings.CutPrefix(subject, base+kind+".")
		to, mine := strings.CutSuffix(to, "."+m.id)
		return ok && mine && !strings.Contains(to, ".")
	}
	switch m.role {
	case events.RoleWorker:
		return three("svc") || three("signal") || subject == base+"roster."+m.id || subject == base+"job."+m.id
	case events.RoleClient:
		return three("signal") || three("query") || three("work") || subject == base+"svc.info."+m.id
	}
	return subject == base+"svc.info."+m.id
}

func ownEars(m *member, subject string) bool {
	base, inbox := "room."+m.room+".", events.InboxPrefix(m.room, m.id)+"."
	if strings.HasPrefix(subject, base+"event.") || strings.HasPrefix(subject, inbox) {
		return true
	}
	// NATS takes ">" for one more name where a role has "*". Nobody may publish deeper.
	addressed := func(kind string) bool { return strings.HasPrefix(subject, base+kind+"."+m.id+".") }
	told := strings.HasPrefix(subject, base+"roster.") || strings.HasPrefix(subject, base+"job.")
	switch m.role {
	case events.RoleWorker:
		return addressed("signal") || addressed("query") || addressed("work")
	case events.RoleClient:
		return addressed("signal") || told
	}
	return told
}

// A crew is one attacker of each kind: in the lab a worker, a client and a viewer, in
// the attic its admin, a worker and a client.
func crew(t *testing.T) []*member {
	t.Helper()
	s := hall.visit(t)
	name := strings.ToLower(t.Name()[len("Test"):])
	boss := admit(t, s, attic, events.RoleWorker, "boss-"+name)
	boss.register(t)
	return []*member{
		admit(t, s, lab, events.RoleWorker, "mole-"+name), admit(t, s, lab, events.RoleClient, ""), admit(t, s, lab, events.RoleViewer, ""),
		boss, admit(t, s, attic, events.RoleWorker, "grunt-"+name), admit(t, s, attic, events.RoleClient, ""),
	}
}

// victims are the crew and the real workers, of which heron is admin.
func victims(crew []*member) []*member {
	return append(slices.Clone(crew), &member{room: lab, id: "heron", role: events.RoleWorker}, &member{room: lab, id: "lynx", role: events.RoleWorker})
}

// shapes are the subjects of f for each ordered pair that are not the attacker's own.
func shapes(by *member, victims []*member, f func(v, to *member) []string, own func(*member, string) bool) []string {
	all := map[string]bool{}
	for _, v := range victims {
		for _, to := range victims {
			for _, subject := range f(v, to) {
				if !own(by, subject) {
					all[subject] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func speechOf(v, to *member) []string {
	return slices.Concat(speech(v.room, v.id, to.id), speech(to.room, v.id, to.id), outsideRooms)
}

func TestPublish_AsOrToAnother(t *testing.T) {
	t.Parallel()
	crew := crew(t)
	for _, by := range crew {
		subjects := shapes(by, victims(crew), speechOf, ownSpeech)
		for some := range slices.Chunk(subjects, 50) {
			for _, subject := range some {
				by.publish(subject, "", "{}")
			}
			refused := by.sync()
			for _, subject := range some {
				all.attack(t, !says(refused, "Publish", subject), "%s publishes to %s", by, subject)
			}
		}
		if by.closed != nil {
			t.Fatalf("%s was cut off: %v", by, by.closed)
		}
		t.Logf("%s: %d subjects refused", by, len(subjects))
	}
}

func TestSubscribe_ToWhatIsAnothers(t *testing.T) {
	t.Parallel()
	crew := crew(t)
	for _, by := range crew {
		subjects := shapes(by, victims(crew), func(v, to *member) []string { return ears(v.room, by.id, to.id) }, ownEars)
		id := 0
		for _, queue := range []string{"", "signaling"} {
			for some := range slices.Chunk(subjects, 50) {
				for _, subject := range some {
					id++
					by.subscribe(subject, queue, id)
				}
				refused := by.sync()
				for _, subject := range some {
					all.attack(t, !says(refused, "Subscription", subject), "%s subscribes to %s %s", by, subject, queue)
				}
			}
		}
		if by.closed != nil {
			t.Fatalf("%s was cut off: %v", by, by.closed)
		}
		t.Logf("%s: %d subjects refused, with a queue and without", by, len(subjects))
	}
	for _, by := range crew { // whatever the server said, none of them may hear anything
		by.sync()
		for _, m := range by.take() {
			all.attack(t, true, "%s heard %s", by, m.subject)
		}
	}
}

// says reports whether the server refused to do a thing with a subject.
func says(refused []string, what, subject string) bool {
	return slices.ContainsFunc(refused, func(text string) bool {
		return strings.HasPrefix(text, fmt.Sprintf("Permissions Violation for %s to %q", what, subject))
	})
}

// Without credentials no subject is open: the server ends the connection.
func TestStranger_NeitherPublishesNorSubscribes(t *testing.T) {
	t.Parallel()
	s := hall.visit(t)
	for _, subject := range slices.Concat(speech(lab, "heron", "lynx"), outsideRooms) {
		w := dialWire(t, natsAddress(s))
		w.send("CONNECT {\"verbose\":false}\r\n")
		w.publish(subject, "", "{}")
		w.sync()
		all.attack(t, w.closed == nil, "a stranger publishes to %s", subject)
		w.conn.Close()
	}
	for _, subject := range ears(lab, "heron", "lynx") {
		w := dialWire(t, natsAddress(s))
		w.send("CONNECT {\"user\":\"moothall\",\"pass\":\"moothall\"}\r\n")
		w.subscribe(subject, "", 1)
		w.sync()
		all.attack(t, w.closed == nil || len(w.heard) > 0, "a stranger subscribes to %s", subject)
		w.conn.Close()
	}
}

// The counter sees what gets through: the same attack, on what is one's own.
func TestCanary_WhatIsAllowedCountsAsAccepted(t *testing.T) {
	t.Parallel()
	s := hall.visit(t)
	m := admit(t, s, lab, events.RoleClient, "")
	var canary tally
	unseen := &testing.T{}
	own, others := events.SignalSubject(lab, "heron", m.id), events.SignalSubject(lab, "heron", "lynx")
	for _, subject := range []string{own, others} {
		m.publish(subject, "", "{}")
		canary.attack(unseen, !says(m.sync(), "Publish", subject), "%s", subject)
	}
	own, others = events.InboxPrefix(lab, m.id)+".>", events.InboxPrefix(lab, "lynx")+".>"
	for i, subject := range []string{own, others} {
		m.subscribe(subject, "", i+1)
		canary.attack(unseen, !says(m.sync(), "Subscription", subject), "%s", subject)
	}
	if tried, accepted := canary.sum(); tried != 4 || accepted != 2 || !unseen.Failed() {
		t.Errorf("attacks=%d accepted=%d, want 4 and 2", tried, accepted)
	}
}
