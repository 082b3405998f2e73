package signaling

import (
	"time"

	"github.com/moothall/moothall/events"
)

// Certificate is the hub's word on the present term: who is admin, or that it is vacant.
func (g Registry) Certificate(r Record) events.SeatCertificate {
	c := events.SeatCertificate{Room: r.Room, Term: r.Tenure.Term}
	if admin := r.Admin(); !admin.IsZero() {
		c.Seat, c.Key = admin, r.Tenure.Key
	}
	c, err := c.Sign(g.Hub)
	return signed(c, err)
}

func (g Registry) memberCertificate(r Record, m Member) events.MemberCertificate {
	c, err := events.MemberCertificate{Room: r.Room, Seat: m.Seat, Key: m.Key}.Sign(g.Hub)
	return signed(c, err)
}

// signed panics if the hub's own key, which it opened at its start, cannot sign.
func signed[T any](c T, err error) T {
	if err != nil {
		panic("signaling: the seat key does not sign: " + err.Error())
	}
	return c
}

// Registered answers Register.
func (g Registry) Registered(r Record, s events.Seat, f Facts) events.RegisteredAuth {
	m := *r.member(s.PeerID)
	a := events.RegisteredAuth{
		V: events.ProtocolVersion, Type: events.TypeRegistered,
		PeerID: s.PeerID, RoomID: r.Room, Incarnation: s.Incarnation,
		Peers: []events.PeerInfo{}, Standing: r.Standing(), Certificate: g.Certificate(r),
		MemberCertificate: g.memberCertificate(r, m), Registry: m.Registry,
		Limits: g.Limits, SeatKeys: g.HubKeys,
	}
	for _, other := range r.Members {
		if other.Here() && other.PeerID != s.PeerID {
			a.Peers = append(a.Peers, g.peer(r, other, f))
		}
	}
	return a
}

// Ack is the plain answer.
func (g Registry) Ack(r Record) events.Ack {
	return events.Ack{V: events.ProtocolVersion, Standing: r.Standing(), Certificate: g.Certificate(r)}
}

// Info is the whole record as peers may see it.
func (g Registry) Info(r Record, f Facts) events.RoomInfo {
	i := events.RoomInfo{
		V: events.ProtocolVersion, RoomID: r.Room, Standing: r.Standing(), Certificate: g.Certificate(r),
		Peers: []events.PeerInfo{}, Registry: g.InRollout(r.Room), Limits: g.Limits, SeatKeys: g.HubKeys,
	}
	if t := r.Tenure; !r.Admin().IsZero() {
		i.Since, i.Reason, i.Previous, i.ElectionMS = events.At(t.Since), t.Reason, t.Previous, t.ElectionMS
	}
	for _, m := range r.Members {
		i.Peers = append(i.Peers, g.peer(r, m, f))
	}
	return i
}

// Announcement says who is admin; call it only while someone is.
func (g Registry) Announcement(r Record) events.Announcement {
	t := r.Tenure
	return events.Announcement{
		Type: events.TypeAnnouncement, V: events.ProtocolVersion, RoomID: r.Room,
		AdminPeerID: t.PeerID, Incarnation: t.Incarnation, PreviousAdminPeerID: t.Previous,
		Term: t.Term, Reason: t.Reason, NumWorkers: r.Here(), ElectionTimeMS: t.ElectionMS,
		Time: events.At(t.Since), MembersVersion: r.Version, Certificate: g.Certificate(r),
	}
}

// typeOf is a presence event's type as written in its body.
var typeOf = map[string]string{
	events.EventPeerJoined:  events.TypePeerJoined,
	events.EventPeerSuspect: events.TypePeerSuspect,
	events.EventPeerLeft:    events.TypePeerLeft,
}

// PeerEvent is a notice as the room hears it.
func (g Registry) PeerEvent(r Record, n Notice, f Facts, now time.Time) events.PeerEvent {
	e := events.PeerEvent{
		Type: typeOf[n.Event], V: events.ProtocolVersion, RoomID: r.Room, Time: events.At(now),
		Seat: n.Seat, Reason: n.Reason, Standing: r.Standing(), Certificate: g.Certificate(r),
	}
	if m := r.member(n.Seat.PeerID); n.Event == events.EventPeerJoined && m != nil && m.Seat == n.Seat {
		e.Peer = g.peer(r, *m, f)
	}
	return e
}

func (g Registry) peer(r Record, m Member, f Facts) events.PeerInfo {
	fact := f.of(m.Seat)
	p := events.PeerInfo{
		Seat: m.Seat, NKey: m.Key, Metadata: m.Metadata, IsAdmin: r.Admin() == m.Seat, Registry: m.Registry,
		Certificate: g.memberCertificate(r, m), Suspect: m.Here() && !fact.Lost.IsZero(),
		Status: m.Status, CurrentJob: m.CurrentJob, Slots: m.Slots, LastHeartbeat: events.At(fact.Heard),
	}
	if m.Away != nil {
		p.Away, p.AwayReason, p.AwaySince = true, m.Away.Reason, events.At(m.Away.Since)
	}
	return p
}
