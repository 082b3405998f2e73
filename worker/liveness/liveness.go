// Package liveness turns what one observer hears into what it may say about its
// peers: alive, under suspicion, or silent, and whether it may testify that one
// crashed. It is pure: every function takes the observer's own clock, and the
// sender's timestamps never enter. It doubts itself first: an observer whose own
// ticks come late, or that hears nobody, accuses nobody.
//
// A Detector belongs to one goroutine.
package liveness

import (
	"time"

	"github.com/moothall/moothall/events"
)

// State of a peer as this observer has it.
type State int

const (
	Unknown State = iota // not watched: no link was ever open
	Alive                // heard within the stale time
	Suspect              // the hub saw its connection end; under examination
	Silent               // unheard for the stale time
)

// Bounds of a testimony.
const (
	// RecentAnswer is how long before the suspicion a peer must have been heard
	// for its silence to mean anything: a heartbeat and a second's grace.
	RecentAnswer = events.HeartbeatInterval + time.Second
	// MinWindow is the least silence that counts, whatever the round trip.
	MinWindow = 100 * time.Millisecond
	// VouchHolds is how much earlier than the news of a suspicion a vouch may come.
	VouchHolds = 100 * time.Millisecond
	// LateTick is the delay of an own step from which the observer doubts itself.
	LateTick = 50 * time.Millisecond
)

// Window is the silence after which a suspected peer counts as crashed: four
// round trips, and never under MinWindow.
func Window(rtt time.Duration) time.Duration { return max(MinWindow, 4*rtt) }

type peer struct {
	// heard is when it was last heard, or later by what the observer slept; last is
	// when it was at the earliest.
	heard, last time.Time
	rtt         time.Duration
	tried       bool // it has answered over this link
	// suspected is when the examination began, zero if there is none; answered is
	// how long before that the peer was last heard. window is when the silence that
	// counts began: at suspected, or after the observer's last late tick.
	suspected, window time.Time
	answered          time.Duration
	vouched           time.Time // when a member last said that it hears the peer
	asked             time.Time // when the examination began, until an own answer
}

// A Detector observes peers.
type Detector struct {
	stale time.Duration
	peers map[string]*peer
	woke  time.Time // the last late tick
	slept time.Duration
}

// New makes a detector that calls a peer silent after stale.
func New(stale time.Duration) *Detector {
	return &Detector{stale: stale, peers: map[string]*peer{}}
}

// Watch begins to observe a peer whose link has opened. Until the first answer over
// that link its silence proves nothing: the other end may not be open yet.
func (d *Detector) Watch(id string, now time.Time) {
	if d.peers[id] == nil {
		d.peers[id] = &peer{}
	}
	d.peers[id].tried = false
	d.hear(d.peers[id], now)
}

// Tried reports whether the peer has answered since its link opened.
func (d *Detector) Tried(id string) bool { return d.peers[id] != nil && d.peers[id].tried }

// Forget ends the observation.
func (d *Detector) Forget(id string) { delete(d.peers, id) }

// Heard records that anything came from a peer. It ends no examination: what a
// peer sent before its end may arrive after the news of it.
func (d *Detector) Heard(id string, now time.Time) {
	if p := d.peers[id]; p != nil {
		d.hear(p, now)
	}
}

// hear: what is heard on waking up may have waited since the observer fell asleep.
func (d *Detector) hear(p *peer, now time.Time) {
	p.heard = now
	if now.Sub(d.woke) >= MinWindow {
		p.last = now
	} else if asleep := d.woke.Add(-d.slept); asleep.After(p.last) {
		p.last = asleep
	}
}

// Answered records the answer to a ping that left at sent. An answer to a ping
// that left after the examination began ends it, and Answered reports true: the
// observer may vouch for the peer. That holds also when another vouched first, whom
// not all may have heard. The round trip rises as in RFC 6298 (2.3) and falls faster:
// the first is taken while everything begins.
func (d *Detector) Answered(id string, sent, now time.Time) (vouch bool) {
	p := d.peers[id]
	if p == nil || sent.After(now) {
		return false
	}
	p.tried = true
	d.hear(p, now)
	if !sent.Before(d.woke) {
		p.last = now
	}
	switch sample := now.Sub(sent); {
	case p.rtt == 0:
		p.rtt = sample
	case sample < p.rtt:
		p.rtt = (p.rtt + sample) / 2
	default:
		p.rtt += (sample - p.rtt) / 8
	}
	if !sent.Before(p.suspected) {
		p.suspected = time.Time{}
	}
	heard := !p.asked.IsZero() && !sent.Before(p.asked)
	if heard {
		p.asked = time.Time{}
	}
	return heard
}

// Examine begins an examination: somebody who should know says that the peer's
// connection ended. A peer already under examination stays as it is.
func (d *Detector) Examine(id string, now time.Time) {
	p := d.peers[id]
	if p == nil {
		return
	}
	p.asked = now
	if !p.suspected.IsZero() || now.Sub(p.vouched) < VouchHolds {
		return
	}
	p.suspected, p.window, p.answered = now, now, now.Sub(p.last)
}

// Vouched ends an examination because another member hears the peer. The news that
// led to the examination may come after the vouch that it led to.
func (d *Detector) Vouched(id string, now time.Time) {
	if p := d.peers[id]; p != nil {
		p.suspected, p.vouched = time.Time{}, now
	}
}

// Acquit ends an examination: there is nothing to examine any more.
func (d *Detector) Acquit(id string) {
	if p := d.peers[id]; p != nil {
		p.suspected, p.asked = time.Time{}, time.Time{}
	}
}

// Late tells the detector that the observer's own tick came late by lag. What
// was not heard meanwhile proves nothing: silences shrink by lag and every
// examination's window begins again.
func (d *Detector) Late(now time.Time, lag time.Duration) {
	if now.Sub(d.woke) >= MinWindow {
		d.slept = 0
	}
	d.woke, d.slept = now, max(d.slept, lag)
	for _, p := range d.peers {
		if p.heard = p.heard.Add(lag); p.heard.After(now) {
			p.heard = now
		}
		p.window = now
	}
}

// State of a peer at now.
func (d *Detector) State(id string, now time.Time) State {
	p := d.peers[id]
	switch {
	case p == nil:
		return Unknown
	case now.Sub(p.heard) >= d.stale:
		return Silent
	case !p.suspected.IsZero():
		return Suspect
	}
	return Alive
}

// LastHeard is when the peer was last heard on the observer's clock; false if it
// is not watched.
func (d *Detector) LastHeard(id string) (time.Time, bool) {
	p := d.peers[id]
	if p == nil {
		return time.Time{}, false
	}
	return p.heard, true
}

// Testimony is what the observer may say of a peer under examination; false
// while it may say nothing: no examination, no answer over this link so far, the last
// one too old when it began, the window not over, or the observer hears nobody else
// either.
func (d *Detector) Testimony(id string, now time.Time) (events.Testimony, bool) {
	p := d.peers[id]
	if p == nil || p.suspected.IsZero() || !p.tried || p.answered > RecentAnswer || d.deaf(id, now) {
		return events.Testimony{}, false
	}
	silent := now.Sub(p.window)
	if silent < Window(p.rtt) {
		return events.Testimony{}, false
	}
	return events.Testimony{
		AnsweredMS: p.answered.Milliseconds(),
		RTTMS:      p.rtt.Milliseconds(),
		SilentMS:   silent.Milliseconds(),
	}, true
}

// deaf reports whether the observer watches others than id and hears none of them.
func (d *Detector) deaf(id string, now time.Time) bool {
	others := false
	for other, p := range d.peers {
		if other == id {
			continue
		}
		if p.suspected.IsZero() && now.Sub(p.heard) <= RecentAnswer {
			return false
		}
		others = true
	}
	return others
}

// Next is when the next window after now is half over, or over; false if there is
// none. Who was awake in the middle of a window and hears nothing until its end has
// not merely slept through the answer.
func (d *Detector) Next(now time.Time) (time.Time, bool) {
	var next time.Time
	for _, p := range d.peers {
		if p.suspected.IsZero() {
			continue
		}
		for _, part := range []time.Duration{Window(p.rtt) / 2, Window(p.rtt)} {
			if end := p.window.Add(part); end.After(now) && (next.IsZero() || end.Before(next)) {
				next = end
			}
		}
	}
	return next, !next.IsZero()
}
