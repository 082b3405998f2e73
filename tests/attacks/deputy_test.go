package attacks

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/moothall/moothall/events"
)

// An errand is where a deputy could be sent: the server does not check what a request
// names as its reply subject.
func errands(by, victim *member) []string {
	return []string{
		events.InboxPrefix(lab, victim.id) + ".x", events.InboxPrefix(lab, victim.id) + ".ask", "_INBOX." + lab + "." + victim.id, "_INBOX.x",
		events.InboxPrefix(lab, by.id), events.InboxPrefix(lab, by.id) + victim.id + ".x", events.InboxPrefix(attic, by.id) + ".x",
		events.SignalSubject(lab, victim.id, "heron"), events.SignalSubject(lab, victim.id, "lynx"), events.SignalSubject(lab, "lynx", victim.id),
		events.ServiceSubject(lab, events.VerbLeave, "lynx"), events.ServiceSubject(lab, events.VerbClaim, "lynx"),
		events.EventSubject(lab, events.EventAdmin), events.EventSubject(lab, events.EventPeerLeft), events.EventSubject(attic, events.EventAdmin),
		events.RosterSubject(lab, "heron"), events.JobSubject(lab, "heron"), events.QuerySubject(lab, "heron", victim.id), events.WorkSubject(lab, "lynx", victim.id),
		"$KV.rooms.lab", "$JS.API.STREAM.DELETE.KV_rooms", "$JS.API.STREAM.PURGE.KV_rooms", "$SYS.REQ.SERVER.PING", "$SRV.PING",
	}
}

// desks is whom a role may ask, hub and workers: each of them answers.
func desks(by *member) []string {
	all := []string{events.ServiceSubject(lab, events.VerbInfo, by.id)}
	switch by.role {
	case events.RoleWorker:
		all = nil
		for _, verb := range events.ServiceVerbs() {
			all = append(all, events.ServiceSubject(lab, verb, by.id))
		}
		all = append(all, events.SignalSubject(lab, "heron", by.id), events.SignalSubject(lab, "lynx", by.id))
	case events.RoleClient:
		for _, worker := range []string{"heron", "lynx"} {
			all = append(all, events.SignalSubject(lab, worker, by.id), events.WorkSubject(lab, worker, by.id), events.QuerySubject(lab, worker, by.id))
		}
	}
	return all
}

// Nobody answers anywhere but in the asker's own inbox: neither the hub nor a worker
// can be made to speak to a third one, or as somebody.
func TestDeputy_NobodyRunsAnothersErrands(t *testing.T) {
	t.Parallel()
	s := hall.visit(t)
	const id = "deputy"
	by := []*member{admit(t, s, lab, events.RoleWorker, id), admit(t, s, lab, events.RoleClient, ""), admit(t, s, lab, events.RoleViewer, "")}
	victims := []*member{admit(t, s, lab, events.RoleClient, ""), admit(t, s, lab, events.RoleWorker, id+"-victim")}
	for _, v := range victims {
		v.subscribe(events.InboxPrefix(lab, v.id)+".>", "", 1)
		v.subscribe(events.SignalSubject(lab, v.id, events.Any), "", 2)
		v.subscribe(events.EventSubject(lab, ">"), "", 3)
		if v.role == events.RoleClient {
			v.subscribe(events.RosterSubject(lab, events.Any), "", 4)
			v.subscribe(events.JobSubject(lab, events.Any), "", 5)
		}
		if refused := v.sync(); len(refused) > 0 {
			t.Fatal(refused)
		}
	}
	for _, m := range by {
		for _, desk := range desks(m) {
			for _, victim := range victims {
				sent := errands(m, victim)
				for _, reply := range sent {
					m.publish(desk, reply, "{}")
				}
				if refused := m.sync(); len(refused) > 0 {
					t.Fatalf("%s may not ask at %s: %v", m, desk, refused)
				}
				// Who answers this one has seen all before it.
				if m.ask(t, desk, struct{}{}) == "" {
					t.Fatalf("nobody answers %s at %s", m, desk)
				}
				victim.sync()
				if heard := slices.DeleteFunc(victim.take(), honest); len(heard) > 0 {
					all.attack(t, true, "%s at %s: %s heard %+v", m, desk, victim, heard)
				}
				for range sent {
					all.attack(t, false, "")
				}
			}
		}
	}
	var r events.RoomInfo
	if err := json.Unmarshal([]byte(by[2].ask(t, events.ServiceSubject(lab, events.VerbInfo, by[2].id), struct{}{})), &r); err != nil || r.AdminPeerID != "heron" || r.Term.N != 1 {
		t.Errorf("the room's record is %+v (%v)", r, err)
	}
}

// honest is what the hub and the admin say to the room unasked.
func honest(m message) bool {
	var said struct {
		Type string `json:"type"`
	}
	_ = json.Unmarshal([]byte(m.data), &said) // what it is not, it does not say
	s, err := events.ParseSubject(m.subject)
	if err != nil {
		return false
	}
	switch s.Kind {
	case events.KindEvent:
		return said.Type == events.TypeAnnouncement || said.Type == events.TypePeerJoined || said.Type == events.TypePeerSuspect || said.Type == events.TypePeerLeft
	case events.KindRoster:
		return said.Type == "worker_status"
	case events.KindJob:
		return said.Type == "job"
	}
	return false
}
