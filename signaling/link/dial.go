package link

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/moothall/moothall/events"
	"github.com/pion/webrtc/v4"
)

// Dial offers a link to a peer and blocks until its channels are open, ctx ends or
// Config.Connect has passed. local is this peer's id. An error is whatever the
// Signaller said, CodeUnreachable when no path was found, CodeForbidden when the
// remote certificate is not the signed one, or ctx's.
func (e *Endpoint) Dial(ctx context.Context, to Remote, local string, sig Signaller) (*Link, error) {
	l, err := e.newLink(to, local, rand.Text())
	if err != nil {
		return nil, err
	}
	err = l.dial(ctx, sig)
	if err != nil {
		l.end(err)
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Link) dial(ctx context.Context, sig Signaller) error {
	limited, cancel := context.WithTimeout(ctx, l.endpoint.cfg.Connect)
	defer cancel()
	sdp, err := l.describe(limited, func() (webrtc.SessionDescription, error) { return l.pc.CreateOffer(nil) })
	if err != nil {
		return l.unopened(ctx, err)
	}
	answer, err := sig.Offer(limited, l.signal(events.SignalOffer, sdp))
	if err != nil {
		return err
	}
	if answer.Nonce != l.attempt.nonce {
		return events.Errorf(events.CodeForbidden, "answer of %s is to another offer", l.remote.PeerID)
	}
	if err := l.heard(webrtc.SDPTypeAnswer, answer); err != nil {
		return err
	}
	l.trickle(sig)
	select {
	case <-l.opened:
		return nil
	case <-l.done:
		return l.reason
	case <-limited.Done():
		return l.unopened(ctx, limited.Err())
	}
}

// unopened says why a dial came to nothing: its caller gave up, or no path was found.
func (l *Link) unopened(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return l.noPath()
	}
	return err
}

// Accept answers a verified offer. The link is not open yet: wait for Opened or
// Done. ctx bounds the making of the answer only.
func (e *Endpoint) Accept(ctx context.Context, offer events.Signal, sig Signaller) (events.Signal, *Link, error) {
	from := Remote{PeerID: offer.From, Incarnation: offer.FromIncarnation, Purpose: offer.Purpose}
	l, err := e.newLink(from, offer.From, offer.Nonce)
	if err != nil {
		return events.Signal{}, nil, err
	}
	answer, err := l.answer(ctx, offer)
	if err != nil {
		l.end(err)
		l.Close()
		return events.Signal{}, nil, err
	}
	l.trickle(sig)
	return answer, l, nil
}

func (l *Link) answer(ctx context.Context, offer events.Signal) (events.Signal, error) {
	if err := l.heard(webrtc.SDPTypeOffer, offer); err != nil {
		return events.Signal{}, err
	}
	sdp, err := l.describe(ctx, func() (webrtc.SessionDescription, error) { return l.pc.CreateAnswer(nil) })
	return l.signal(events.SignalAnswer, sdp), err
}

// signal is a signal of this attempt, less what the Signaller fills in.
func (l *Link) signal(kind, sdp string) events.Signal {
	return events.Signal{
		Kind:          kind,
		Purpose:       l.remote.Purpose,
		To:            l.remote.PeerID,
		ToIncarnation: l.remote.Incarnation,
		Nonce:         l.attempt.nonce,
		Fingerprint:   l.endpoint.fingerprint,
		SDP:           sdp,
	}
}

// heard takes the other side's description. From here on its candidates count.
func (l *Link) heard(kind webrtc.SDPType, s events.Signal) error {
	l.expected = s.Fingerprint
	if err := l.pc.SetRemoteDescription(webrtc.SessionDescription{Type: kind, SDP: s.SDP}); err != nil {
		return events.Errorf(events.CodeInvalid, "description of %s: %v", l.remote.PeerID, err)
	}
	close(l.described)
	return nil
}
