package replica

import (
	"slices"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/election"
)

func (in Presence) step(r *Replica) {
	r.contest.retry = r.now
	expected := r.hub.record.MembersVersion + 1
	switch in.Type {
	case events.TypePeerJoined:
		r.joined(in.Peer)
	case events.TypePeerSuspect:
		expected-- // a suspicion changes no member
		r.suspect(in.Seat, in.Standing)
	case events.TypePeerLeft:
		r.left(in.Seat, in.Reason, in.Time)
	}
	gap := in.MembersVersion > expected
	r.hear(in.Standing, in.Certificate)
	if gap {
		r.refresh()
	}
}

func (r *Replica) joined(p events.PeerInfo) {
	if known, ok := r.members[p.PeerID]; ok && known.Incarnation > p.Incarnation {
		return
	}
	if p.PeerID == r.cfg.PeerID {
		if p.Incarnation > r.seat.Incarnation {
			r.register() // it is our own seat, or the hub says that it is another's
		}
		return
	}
	p.Suspect = false
	r.members[p.PeerID] = p
	r.detector.Acquit(p.PeerID)
	r.dirty = true
	r.link(p)
	if len(r.members) > maxMembers {
		r.refresh()
	}
}

// maxMembers is more than a hub's list ever has, with those that are away: above it the
// list is asked for, so that those it has forgotten are forgotten here.
const maxMembers = 64

// suspect takes the hub's word that a seat's connection has ended, asks the peer
// itself, and begins the examination. A seat that was away until then came back without
// our hearing of it, unless the word is older than that of its departure.
func (r *Replica) suspect(s events.Seat, standing events.Standing) {
	p, ok := r.members[s.PeerID]
	if !ok || p.Seat != s || s == r.seat || p.Away && !later(standing, r.hub.record) {
		return
	}
	p.Away, p.AwayReason, p.AwaySince, p.Suspect = false, "", events.Time{}, true
	r.members[s.PeerID] = p
	r.dirty = true
	if r.linked(s) {
		r.detector.Examine(s.PeerID, r.now)
		r.ask(s.PeerID)
	}
}

// linked reports whether there is a link to this very seat. One to an earlier process
// of the peer, which may stay open for a while, says nothing about the new one.
func (r *Replica) linked(s events.Seat) bool {
	l := r.links[s.PeerID]
	return l != nil && l.seat == s
}

func (r *Replica) left(s events.Seat, reason string, at events.Time) {
	p, ok := r.members[s.PeerID]
	if !ok || p.Seat != s || p.Away {
		return
	}
	p.Away, p.AwayReason, p.AwaySince, p.Suspect = true, reason, at, false
	r.members[s.PeerID] = p
	r.detector.Acquit(s.PeerID) // there is nothing to examine any more
	r.dirty = true
	if s == r.seat {
		r.register()
		return
	}
	r.link(p)
}

// replaceMembers takes the hub's whole list, which is of where the room stood at s. News
// may have overtaken it, but not those of another store.
func (r *Replica) replaceMembers(peers []events.PeerInfo, s events.Standing) {
	overtaken := later(r.hub.record, s)
	old := r.members
	r.members = make(map[string]events.PeerInfo, len(peers))
	for _, p := range peers {
		if known, ok := old[p.PeerID]; ok && overtaken && known.Incarnation > p.Incarnation {
			p = known
		}
		r.members[p.PeerID] = p
		if !p.Suspect {
			r.detector.Acquit(p.PeerID)
		}
	}
	for _, id := range sorted(r.links) {
		if _, ok := r.members[id]; !ok {
			r.emit(Hangup{id})
		}
	}
	r.forgetDeparted()
	for _, id := range sorted(r.members) {
		r.link(r.members[id])
	}
	r.dirty = true
}

// unlisted are the members that a list of those who are here leaves out: those of whom
// the departure is known, and whether there are others, of whom the record must tell.
func (r *Replica) unlisted(here []events.PeerInfo) (departed []events.PeerInfo, others bool) {
	for _, id := range sorted(r.members) {
		p := r.members[id]
		if id == r.cfg.PeerID || slices.ContainsFunc(here, func(h events.PeerInfo) bool { return h.PeerID == id }) {
			continue
		}
		if p.Away {
			departed = append(departed, p)
		} else {
			others = true
		}
	}
	return departed, others
}

// forgetDeparted drops what is kept of seats that the hub's list has no more.
func (r *Replica) forgetDeparted() {
	if r.roster != nil {
		r.roster.Forget(func(peer string) bool { _, ok := r.members[peer]; return !ok })
	}
	for s := range r.conduct {
		if r.members[s.PeerID].Seat != s {
			delete(r.conduct, s)
		}
	}
	for s := range r.lastHeard {
		if r.members[s.PeerID].Seat != s {
			delete(r.lastHeard, s)
		}
	}
	for s := range r.farewells {
		if r.members[s.PeerID].Seat != s {
			delete(r.farewells, s)
		}
	}
}

// link sees to it that there is a link to a member with a registry, and none to a
// seat that has departed for good. A member that only the hub misses (silent)
// keeps its link: it may come back as itself. One that left closes its links
// itself.
func (r *Replica) link(p events.PeerInfo) {
	if p.PeerID == r.cfg.PeerID || !p.Registry {
		return
	}
	switch {
	case !p.Away:
		if !r.linked(p.Seat) {
			r.emit(Dial{p.Seat, p.NKey})
		}
	case p.AwayReason == events.ReasonSilent, p.AwayReason == events.ReasonLeft && r.links[p.PeerID] != nil:
	default:
		r.emit(Hangup{p.PeerID})
	}
}

// living are the members that may become admin: with registry, in the record, neither
// suspected nor leaving. The present holder is among them.
func (r *Replica) living() []election.Candidate {
	var all []election.Candidate
	for _, id := range sorted(r.members) {
		p := r.members[id]
		if _, leaving := r.farewells[p.Seat]; p.Registry && !p.Away && !p.Suspect && !leaving {
			all = append(all, election.Candidate{Seat: p.Seat, GPUMemoryMB: p.Metadata.Properties.GPUMemoryMB})
		}
	}
	return all
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
