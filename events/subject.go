package events

import "strings"

// Kinds of subject below room.<room>. (DESIGN: the sender is the last token, and
// the server lets a peer publish only under its own.)
const (
	KindService = "svc"
	KindSignal  = "signal"
	KindQuery   = "query"
	KindWork    = "work"
	KindRoster  = "roster"
	KindJob     = "job"
	KindEvent   = "event"
)

// Verbs of the service subjects room.<room>.svc.<verb>.<from>.
const (
	VerbRegister = "register"
	VerbLeave    = "leave"
	VerbLease    = "lease"
	VerbInfo     = "info"
	VerbClaim    = "claim"
	VerbGone     = "gone"
	VerbStatus   = "status"
)

// ServiceVerbs lists the verbs that the hub answers.
func ServiceVerbs() []string {
	return []string{VerbRegister, VerbLeave, VerbLease, VerbInfo, VerbClaim, VerbGone, VerbStatus}
}

// Events of a room, all published by the hub only.
const (
	EventAdmin       = "admin"
	EventPeerJoined  = "peer.joined"
	EventPeerSuspect = "peer.suspect"
	EventPeerLeft    = "peer.left"
)

// Any is the wildcard of one token, for subscriptions.
const Any = "*"

// ServiceSubject is where from asks the hub.
func ServiceSubject(room, verb, from string) string { return join(room, KindService, verb, from) }

// SignalSubject carries an offer, its answer as reply, and late candidates.
func SignalSubject(room, to, from string) string { return join(room, KindSignal, to, from) }

// QuerySubject carries query_workers to the admin.
func QuerySubject(room, to, from string) string { return join(room, KindQuery, to, from) }

// WorkSubject carries reserve and release to a worker.
func WorkSubject(room, to, from string) string { return join(room, KindWork, to, from) }

// RosterSubject carries the admin's changes of the view.
func RosterSubject(room, from string) string { return join(room, KindRoster, from) }

// JobSubject carries a worker's job states.
func JobSubject(room, from string) string { return join(room, KindJob, from) }

// EventSubject carries what the hub says to everyone in the room.
func EventSubject(room, event string) string { return join(room, KindEvent, event) }

func join(room string, tokens ...string) string {
	return "room." + room + "." + strings.Join(tokens, ".")
}

// A Subject is a parsed subject. Verb is set for service subjects and holds the
// event's name for event subjects; To for addressed ones; From for all but events.
type Subject struct {
	Room, Kind, Verb, To, From string
}

// ParseSubject takes a subject apart. It accepts only subjects that the builders
// of this file make, with valid ids.
func ParseSubject(s string) (Subject, error) {
	bad := func() (Subject, error) { return Subject{}, Errorf(CodeInvalid, "subject %q is not of a room", s) }
	t := strings.Split(s, ".")
	if len(t) < 4 || t[0] != "room" || ValidID("room", t[1]) != nil {
		return bad()
	}
	p := Subject{Room: t[1], Kind: t[2]}
	rest := t[3:]
	switch p.Kind {
	case KindEvent:
		p.Verb = strings.Join(rest, ".")
		if p.Verb != EventAdmin && p.Verb != EventPeerJoined && p.Verb != EventPeerSuspect && p.Verb != EventPeerLeft {
			return bad()
		}
		return p, nil
	case KindRoster, KindJob:
		if len(rest) != 1 {
			return bad()
		}
		p.From = rest[0]
	case KindService:
		if len(rest) != 2 {
			return bad()
		}
		p.Verb, p.From = rest[0], rest[1]
	case KindSignal, KindQuery, KindWork:
		if len(rest) != 2 || ValidID("peer id", rest[0]) != nil {
			return bad()
		}
		p.To, p.From = rest[0], rest[1]
	default:
		return bad()
	}
	if ValidID("peer id", p.From) != nil {
		return bad()
	}
	return p, nil
}

// InboxPrefix is the only inbox that a peer may subscribe to.
func InboxPrefix(room, peer string) string { return "_INBOX." + room + "." + peer }

// ReplyAllowed reports whether a responder may answer to reply for a request by
// peer from. NATS does not check a request's reply subject, so without this a
// peer could make a responder publish anywhere (the confused deputy).
func ReplyAllowed(reply, room, from string) bool {
	rest, ok := strings.CutPrefix(reply, InboxPrefix(room, from)+".")
	return ok && rest != "" && !strings.ContainsAny(rest, "*> \t\r\n")
}
