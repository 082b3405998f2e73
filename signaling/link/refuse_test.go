package link

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/pion/webrtc/v4"
)

// tryDial dials p2 from p1 with a signaller that changes signals, and returns both
// ends' errors. A far end that was made must end too.
func (w *world) tryDial(sig *wire) (near, far error) {
	w.t.Helper()
	sig.from, sig.to = w.peers[0], w.peers[1]
	l, err := w.peers[0].endpoint.Dial(w.t.Context(), Remote{PeerID: "p2", Purpose: events.PurposeMesh}, "p1", sig)
	if err == nil {
		l.Close()
	}
	select {
	case f := <-w.peers[1].accepted:
		<-f.Done()
		return err, f.Err()
	default:
		return err, nil
	}
}

// reliability 3.4: "a hostile relay swaps fingerprint / candidate / whole offer: 0
// channels usable". The signature is the Signaller's; here the signal got past it.
func TestDial_RefusesAnotherCertificateThanTheSignedOne(t *testing.T) {
	foreign := "sha-256 " + strings.Repeat("AB:", 31) + "AB"
	swapSDP := func(s *events.Signal) {
		value := strings.TrimPrefix(s.Fingerprint, "sha-256 ")
		s.SDP = strings.ReplaceAll(s.SDP, value, strings.TrimPrefix(foreign, "sha-256 "))
	}
	for what, c := range map[string]struct {
		sig  wire
		near events.Code
	}{
		"of the answerer, in the signal": {wire{onAnswer: func(s *events.Signal) { s.Fingerprint = foreign }}, events.CodeForbidden},
		"of the answerer, in the SDP":    {wire{onAnswer: swapSDP}, events.CodeForbidden},
		"of the answerer, missing":       {wire{onAnswer: func(s *events.Signal) { s.Fingerprint = "" }}, events.CodeForbidden},
		"of the offerer, in the signal":  {wire{onOffer: func(s *events.Signal) { s.Fingerprint = foreign }}, ""},
		"of the offerer, in the SDP":     {wire{onOffer: swapSDP}, events.CodeForbidden},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, 2, func(t *testing.T, w *world) {
				near, far := w.tryDial(&c.sig)
				if events.CodeOf(near) != c.near {
					t.Errorf("near: %v", near)
				}
				if far == nil {
					t.Error("far end lives")
				}
				if strings.HasPrefix(what, "of the offerer") && events.CodeOf(far) != events.CodeForbidden {
					t.Errorf("far: %v", far)
				}
			})
		})
	}
}

func TestDial_RefusesAnAnswerToAnotherOffer(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		near, _ := w.tryDial(&wire{onAnswer: func(s *events.Signal) { s.Nonce = "other" }})
		if events.CodeOf(near) != events.CodeForbidden {
			t.Errorf("near: %v", near)
		}
	})
}

func TestDial_NonsenseIsInvalid(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		for _, sdp := range []string{"", "v=0", strings.Repeat("a", 1000)} {
			near, _ := w.tryDial(&wire{onOffer: func(s *events.Signal) { s.SDP = sdp }})
			if events.CodeOf(near) != events.CodeInvalid {
				t.Errorf("offer %.10q: %v", sdp, near)
			}
			near, _ = w.tryDial(&wire{onAnswer: func(s *events.Signal) { s.SDP = sdp }})
			if events.CodeOf(near) != events.CodeInvalid {
				t.Errorf("answer %.10q: %v", sdp, near)
			}
		}
		near, _ := w.tryDial(&wire{onOffer: func(s *events.Signal) { s.Purpose = "chat" }})
		if events.CodeOf(near) != events.CodeInvalid {
			t.Errorf("purpose: %v", near)
		}
	})
}

func TestAccept_TheSameOfferOnlyOnce(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		var offer events.Signal
		sig := &wire{from: w.peers[0], to: w.peers[1], onOffer: func(s *events.Signal) { offer = *s }}
		l, err := w.peers[0].endpoint.Dial(t.Context(), Remote{PeerID: "p2", Purpose: events.PurposeMesh}, "p1", sig)
		must(t, err)
		defer l.Close()
		if _, _, err := w.peers[1].endpoint.Accept(t.Context(), offer, sig); events.CodeOf(err) != events.CodeInvalid {
			t.Errorf("again: %v", err)
		}
	})
}

func TestDial_WithoutAPathSaysSo(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		w.drop(func(from, to net.IP) bool { return true })
		start := time.Now()
		near, far := w.tryDial(&wire{})
		between(t, "given up", time.Since(start), 10*time.Second, 11*time.Second)
		if events.CodeOf(near) != events.CodeUnreachable || events.CodeOf(far) != events.CodeUnreachable {
			t.Errorf("near: %v, far: %v", near, far)
		}
	})
}

func TestDial_EndsWithItsContext(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		w.drop(func(from, to net.IP) bool { return true })
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, err := w.peers[0].endpoint.Dial(ctx, Remote{PeerID: "p2", Purpose: events.PurposeMesh}, "p1", &wire{from: w.peers[0], to: w.peers[1]})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("ended by %v", err)
		}
		between(t, "end", time.Since(start), time.Second, 2*time.Second)
	})
}

func TestDial_WhatTheSignallerSaysIsTheError(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		must(t, w.peers[1].endpoint.Close())
		near, _ := w.tryDial(&wire{})
		if events.CodeOf(near) != events.CodeUnavailable {
			t.Errorf("near: %v", near)
		}
		_, err := w.peers[1].endpoint.Dial(t.Context(), Remote{PeerID: "p1", Purpose: events.PurposeMesh}, "p2", &wire{})
		if events.CodeOf(err) != events.CodeUnavailable {
			t.Errorf("dial of a closed endpoint: %v", err)
		}
	})
}

func TestEndpoint_CloseEndsADialUnderWay(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		w.drop(func(from, to net.IP) bool { return true })
		time.AfterFunc(time.Second, func() { w.peers[0].endpoint.Close() })
		start := time.Now()
		near, _ := w.tryDial(&wire{})
		if !errors.Is(near, ErrClosed) {
			t.Errorf("near: %v", near)
		}
		between(t, "end", time.Since(start), time.Second, 12*time.Second)
	})
}

func TestLink_AFrameOverTheBoundEndsTheLink(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		sig := &wire{from: w.peers[0], to: w.peers[1], onAnswer: func(s *events.Signal) {
			if !strings.Contains(s.SDP, "a=max-message-size:65536") {
				t.Errorf("the answer does not say the bound: %s", s.SDP)
			}
			s.SDP = strings.ReplaceAll(s.SDP, "a=max-message-size:65536", "a=max-message-size:1000000")
		}}
		near, err := w.peers[0].endpoint.Dial(t.Context(), Remote{PeerID: "p2", Purpose: events.PurposeMesh}, "p1", sig)
		must(t, err)
		far := <-w.peers[1].accepted
		must(t, near.Control().Send(make([]byte, events.MaxMessage)))
		if got := receive(t, far.Control()); len(got) != events.MaxMessage {
			t.Errorf("got %d bytes", len(got))
		}
		for _, size := range []int{0, events.MaxMessage + 1} {
			if err := near.Control().Send(make([]byte, size)); events.CodeOf(err) != events.CodeTooLarge {
				t.Errorf("send of %d bytes: %v", size, err)
			}
		}
		_, err = near.Control().raw.Write(make([]byte, events.MaxMessage+1))
		must(t, err)
		<-far.Done()
		if events.CodeOf(far.Err()) != events.CodeTooLarge {
			t.Errorf("ended by %v", far.Err())
		}
		<-near.Done()
	})
}

func TestLink_AChannelThatItDoesNotHaveEndsTheLink(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		near, far := w.dial(1, events.PurposeMesh)
		_, err := near.pc.CreateDataChannel("extra", &webrtc.DataChannelInit{})
		must(t, err)
		<-far.Done()
		if events.CodeOf(far.Err()) != events.CodeInvalid {
			t.Errorf("ended by %v", far.Err())
		}
	})
}

func TestLink_OneClosedChannelEndsTheLink(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		near, far := w.dial(1, events.PurposeJob)
		must(t, near.Bulk().raw.Close())
		<-far.Done()
		if !errors.Is(far.Err(), ErrRemoteClosed) {
			t.Errorf("ended by %v", far.Err())
		}
		must(t, far.Close())
		<-near.Done()
		must(t, near.Close())
	})
}

func TestEndpoint_CandidatesOfStrangersAreDropped(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		near, far := w.dial(1, events.PurposeMesh)
		e := w.peers[1].endpoint
		e.Candidate(events.Signal{From: "p1", Nonce: "other", Candidate: "{}"})
		e.Candidate(events.Signal{From: "p3", Nonce: far.attempt.nonce, Candidate: "{}"})
		if n := len(far.candidates); n != 0 {
			t.Errorf("%d candidates taken", n)
		}
		for range maxCandidates + 10 {
			e.Candidate(events.Signal{From: "p1", Nonce: far.attempt.nonce, Candidate: "{"})
		}
		must(t, near.Control().Send([]byte("still here")))
		receive(t, far.Control())
	})
}
