package link

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/pion/webrtc/v4"
)

// maxCandidates bounds the late candidates that wait, each way.
const maxCandidates = 32

// gathering collects this side's candidates. Those found before the description is
// cut travel in it, the others one by one.
type gathering struct {
	cut  atomic.Bool
	late chan webrtc.ICECandidateInit
	done chan struct{}
}

func newGathering() *gathering {
	return &gathering{late: make(chan webrtc.ICECandidateInit, maxCandidates), done: make(chan struct{})}
}

// found is pion's callback; nil is the end.
func (g *gathering) found(c *webrtc.ICECandidate) {
	switch {
	case c == nil:
		close(g.done)
	case g.cut.Load():
		select {
		case g.late <- c.ToJSON():
		default:
		}
	}
}

// describe makes this side's description with the candidates that are found within
// Config.Gather.
func (l *Link) describe(ctx context.Context, make func() (webrtc.SessionDescription, error)) (string, error) {
	description, err := make()
	if err != nil {
		return "", events.Errorf(events.CodeInternal, "describe the link to %s: %v", l.remote.PeerID, err)
	}
	if err := l.pc.SetLocalDescription(description); err != nil {
		return "", events.Errorf(events.CodeInternal, "describe the link to %s: %v", l.remote.PeerID, err)
	}
	enough := time.NewTimer(l.endpoint.cfg.Gather)
	defer enough.Stop()
	select {
	case <-l.gathering.done:
	case <-enough.C:
	case <-l.done:
		return "", l.reason
	case <-ctx.Done():
		return "", ctx.Err()
	}
	l.gathering.cut.Store(true)
	return l.pc.LocalDescription().SDP, nil
}

// trickle sends late candidates until all are gathered or the link ends.
func (l *Link) trickle(sig Signaller) {
	l.tasks.Go(func() {
		for gathered := l.gathering.done; ; {
			select {
			case c := <-l.gathering.late:
				l.send(sig, c)
			case <-gathered:
				if len(l.gathering.late) == 0 {
					return
				}
			case <-l.done:
				return
			}
		}
	})
}

func (l *Link) send(sig Signaller, c webrtc.ICECandidateInit) {
	text, err := json.Marshal(c)
	if err != nil {
		return
	}
	s := l.signal(events.SignalCandidate, "")
	s.Candidate = string(text)
	if err := sig.Candidate(s); err != nil {
		l.log.Debug("could not send a candidate", "cause", err)
	}
}

// addCandidate takes a late candidate of the other side.
func (l *Link) addCandidate(text string) {
	var c webrtc.ICECandidateInit
	err := json.Unmarshal([]byte(text), &c)
	if err == nil {
		err = l.pc.AddICECandidate(c)
	}
	if err != nil {
		l.log.Debug("dropped a candidate", "cause", err)
	}
}
