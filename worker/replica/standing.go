package replica

import (
	"cmp"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/election"
	"github.com/moothall/moothall/worker/liveness"
	"github.com/moothall/moothall/worker/roster"
)

func (in Registered) step(r *Replica) {
	r.hub.up, r.hub.registering = true, false
	r.limits = in.Limits
	r.trust(in.SeatKeys)
	r.sit(events.Seat{PeerID: in.PeerID, Incarnation: in.Incarnation}, in.MemberCertificate)
	departed, gone := r.unlisted(in.Peers)
	r.replaceMembers(append(append(in.Peers, events.PeerInfo{
		Seat: r.seat, NKey: in.MemberCertificate.Key, Metadata: r.cfg.Static.Metadata,
		Registry: true, Certificate: in.MemberCertificate,
	}), departed...), in.Standing)
	back := in.Term == r.hub.record.Term && in.MembersVersion < r.hub.record.MembersVersion
	if back { // the store was put back and counts anew from there, or news has overtaken the answer
		r.hub.record, r.dirty = in.Standing, true
	}
	if gone || back {
		r.refresh()
	}
	r.hear(in.Standing, in.Certificate)
	r.confirm(in.Standing)
	r.assertOwn()
}

func (in Answer) step(r *Replica) {
	r.belated = in.Doubts != r.doubts
	in.Input.step(r)
	r.belated = false
}

func (in NotRegistered) step(r *Replica) {
	r.hub.registering = false
	if in.Err.Code == events.CodeOldIncarnation {
		r.emit(Exit(in))
		return
	}
	r.note(Warn, "not registered", "error", in.Err.Message)
}

// Renewed tells of what was missed: the news of it may have been lost.
func (in Renewed) step(r *Replica) {
	if in.Err != nil {
		r.refusedSeat(in.Err)
		return
	}
	missed := later(in.Standing, r.hub.record)
	r.answered(in.Standing, in.Certificate)
	if missed {
		r.refresh()
	}
}

func (in Refreshed) step(r *Replica) {
	r.hub.refreshing = false
	if in.Err != nil {
		return
	}
	r.trust(in.SeatKeys)
	r.replaceMembers(in.Peers, in.Standing)
	r.answered(in.Standing, in.Certificate)
	if self, ok := r.members[r.cfg.PeerID]; r.seated() && (!ok || self.Away) {
		r.register()
	}
}

func (in Announced) step(r *Replica) {
	r.hear(events.Standing{
		Term: in.Term, AdminPeerID: in.AdminPeerID, AdminIncarnation: in.Incarnation,
		MembersVersion: in.MembersVersion,
	}, in.Certificate)
}

// HubUp is a new connection: the hub may have forgotten us, or we it.
func (HubUp) step(r *Replica) {
	r.hub.up = true
	r.doubt()
	r.register()
}

func (HubDown) step(r *Replica) {
	r.hub = hub{record: r.hub.record, keys: r.hub.keys}
	r.dirty = true
}

// answered takes where the room stands by an answer of the hub. A hub behind the
// accepted term has lost its store: a registration shows it how far the room had come.
func (r *Replica) answered(s events.Standing, c events.SeatCertificate) {
	r.hear(s, c)
	if !r.confirm(s) {
		r.register()
	}
}

// confirm: the hub has just said where the room stands. It reports whether that is
// the accepted term or a later one; only the accepted one is confirmed.
func (r *Replica) confirm(s events.Standing) bool {
	order := s.Term.Compare(r.fence.Term())
	if order == 0 && !r.hub.confirmed && !r.belated {
		r.hub.confirmed, r.dirty = true, true
	}
	return order >= 0
}

// doubt makes the hub's word so far worth nothing: it must be asked anew.
func (r *Replica) doubt() {
	r.doubts++
	r.hub.confirmed, r.hub.refreshing, r.hub.nextRefresh = false, false, time.Time{}
	r.dirty = true
}

// acceptShown takes a certificate from a member. It may be old, so that the hub has
// confirmed another term than the one which it makes the own.
func (r *Replica) acceptShown(c events.SeatCertificate) {
	before := r.fence.Term()
	r.accept(c)
	if r.fence.Term() != before && r.isAdmin() && r.hub.confirmed {
		r.doubt()
		r.refresh()
	}
}

func (r *Replica) register() {
	if r.hub.registering || r.departing {
		return
	}
	r.hub.registering = true
	r.emit(Register{LastIncarnation: max(r.seat.Incarnation, r.cfg.LastIncarnation), Certificate: r.fence.Certificate()})
}

// refresh asks the hub for its record, at most once every PullInterval.
func (r *Replica) refresh() {
	if !r.hub.up || r.hub.refreshing || r.now.Before(r.hub.nextRefresh) {
		return
	}
	r.hub.refreshing, r.hub.nextRefresh = true, r.now.Add(PullInterval)
	r.emit(Refresh{})
}

// refusedSeat is the hub's refusal of a lease or claim for the sake of the seat. A
// newer incarnation may be this process' own, in an answer that was lost: the hub
// knows instances and says so to whoever registers.
func (r *Replica) refusedSeat(err *events.Error) {
	switch err.Code {
	case events.CodeNotMember, events.CodeNoRoom, events.CodeOldIncarnation:
		r.register()
	}
}

func (r *Replica) trust(keys []string) {
	r.hub.keys = keys
	if r.roster != nil {
		r.roster.Trust(keys)
	}
}

// sit takes a seat. Another incarnation of a living process (the hub's store was
// wiped) gets a new replica of the document, with what the old one held.
func (r *Replica) sit(seat events.Seat, cert events.MemberCertificate) {
	if seat == r.seat {
		return
	}
	old := r.roster
	r.seat = seat
	r.detector = liveness.New(r.staleAfter())
	r.roster = roster.New(roster.Config{
		Room: r.cfg.Room, Seat: seat, Key: r.cfg.Key, Certificate: cert, HubKeys: r.hub.keys,
	})
	if old != nil {
		r.roster.Inherit(old)
	}
	r.dynamic.LastHeartbeat = events.At(r.now)
	r.nextHeartbeat, r.nextLease = r.now, r.now.Add(firstLease(seat, r.leaseInterval()))
	r.dirty = true
	r.note(Info, "registered", "peer_id", seat.PeerID, "incarnation", seat.Incarnation)
}

// hear takes the hub's word of where the room stands. Replies and events may
// overtake each other: the newest counts, by term and members version. A term that
// nobody can prove is not followed: a hub whose store was put back to a copy would
// never learn of it.
func (r *Replica) hear(s events.Standing, c events.SeatCertificate) {
	r.accept(c)
	switch {
	case s.Term.Compare(r.fence.Term()) > 0:
		r.doubt()
		r.refresh()
	case later(s, r.hub.record):
		r.hub.record, r.dirty = s, true
	}
}

// later reports whether the hub said a later than b.
func later(a, b events.Standing) bool {
	return cmp.Or(a.Term.Compare(b.Term), cmp.Compare(a.MembersVersion, b.MembersVersion)) > 0
}

// accept takes a seat certificate, from whomever: it is the hub's word.
func (r *Replica) accept(c events.SeatCertificate) {
	if c.IsZero() || r.fence.Judge(c.Term) != election.Newer {
		return
	}
	if err := c.Verify(r.cfg.Room, r.hub.keys); err != nil {
		r.note(Warn, "refused a term", "error", err.Error())
		return
	}
	former := r.fence.Holder()
	r.fence.Accept(c)
	r.contest = contest{}
	if known := r.hub.record; known.Term.Compare(c.Term) < 0 {
		r.hub.record = events.Standing{Term: c.Term, AdminPeerID: c.PeerID, AdminIncarnation: c.Incarnation}
		if known.Term.Store == c.Term.Store { // another store counts anew
			r.hub.record.MembersVersion = known.MembersVersion
		}
	}
	r.dirty = true
	if c.Seat.IsZero() {
		r.note(Info, "no admin", "room_id", r.cfg.Room, "previous_admin_peer_id", former.PeerID, "term", c.N)
		return
	}
	r.note(Info, "admin elected", "room_id", r.cfg.Room, "admin_peer_id", c.PeerID, "previous_admin_peer_id", former.PeerID,
		"term", c.N, "num_workers", len(r.living()), "is_self", c.Seat == r.seat)
	if r.heir() && !r.roster.Position().Generation.IsZero() {
		r.nextAttempt = r.now.Add(FoundAfter)
	}
	r.greet(true, c.PeerID)
}

func (r *Replica) note(l Level, text string, fields ...any) { r.emit(Note{l, text, fields}) }

func (r *Replica) staleAfter() time.Duration { return ms(r.limits.StaleAfterMS) }

func (r *Replica) leaseInterval() time.Duration { return ms(r.limits.LeaseMS) }

func (r *Replica) heartbeatInterval() time.Duration { return ms(r.limits.HeartbeatMS) }

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }
