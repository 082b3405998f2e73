package link

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

func TestLink_FramesGoBothWays(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		near, far := w.dial(1, events.PurposeJob)
		for _, pair := range [][2]*Channel{
			{near.Control(), far.Control()}, {far.Control(), near.Control()},
			{near.Bulk(), far.Bulk()}, {far.Bulk(), near.Bulk()},
		} {
			must(t, pair[0].Send([]byte("one")))
			must(t, pair[0].Send([]byte("two")))
			if a, b := receive(t, pair[1]), receive(t, pair[1]); a != "one" || b != "two" {
				t.Errorf("%s: got %q, %q", pair[0].Label(), a, b)
			}
		}
	})
}

// Work list 3.3: "Create data channel for each peer: worker-mesh-{peer_id}".
func TestLink_ControlChannelIsNamedAfterTheOfferer(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		near, far := w.dial(1, events.PurposeMesh)
		if near.Control().Label() != "worker-mesh-p1" || far.Control().Label() != "worker-mesh-p1" {
			t.Errorf("labels %q and %q", near.Control().Label(), far.Control().Label())
		}
		if near.Bulk() != nil || far.Bulk() != nil {
			t.Error("a mesh link has a bulk channel")
		}
	})
}

func TestLink_Stats(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		near, far := w.dial(1, events.PurposeMesh)
		must(t, near.Control().Send(make([]byte, 1000)))
		receive(t, far.Control())
		s := near.Stats()
		if s.Path != PathDirect || s.RTT < time.Millisecond || s.RTT > 10*time.Millisecond || s.BytesSent < 1000 || s.BytesReceived == 0 {
			t.Errorf("stats %+v", s)
		}
		host, port, err := net.SplitHostPort(s.Remote[len("udp "):])
		if err != nil || s.Remote[:4] != "udp " || host != ip(1) || port == "0" || s.Remote != far.Stats().Local {
			t.Errorf("remote %q, the far end says %q", s.Remote, far.Stats().Local)
		}
	})
}

func TestLink_CloseIsSeenByTheOtherSideAtOnce(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		near, far := w.dial(1, events.PurposeMesh)
		start := time.Now()
		go near.Close()
		<-far.Done()
		if took := time.Since(start); took > 20*time.Millisecond {
			t.Errorf("took %s", took)
		}
		if !errors.Is(far.Err(), ErrRemoteClosed) || !errors.Is(near.Err(), ErrClosed) {
			t.Errorf("far %v, near %v", far.Err(), near.Err())
		}
		if err := near.Control().Send([]byte("x")); !errors.Is(err, ErrClosed) {
			t.Errorf("send after close: %v", err)
		}
		must(t, near.Close())
		start = time.Now()
		must(t, far.Close())
		if took := time.Since(start); took > 20*time.Millisecond {
			t.Errorf("close of a link that has ended took %s", took)
		}
		if _, ok := <-far.Control().Frames(); ok {
			t.Error("a frame came from nowhere")
		}
	})
}

// Two links between the same two endpoints are as good as two between four.
func TestEndpoint_LinksBetweenTheSameTwo(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		near1, far1 := w.dial(1, events.PurposeJob)
		near2, far2 := w.dial(1, events.PurposeJob)
		time.Sleep(time.Minute)
		must(t, near1.Bulk().Send([]byte("1")))
		must(t, far2.Bulk().Send([]byte("2")))
		if a, b := receive(t, far1.Bulk()), receive(t, near2.Bulk()); a != "1" || b != "2" {
			t.Errorf("got %q and %q", a, b)
		}
	})
}

// A peer that lost a link dials anew although the other side has not noticed yet.
func TestEndpoint_DialAnewWhileTheOldLinkLives(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		old, farOld := w.dial(1, events.PurposeMesh)
		w.drop(func(from, to net.IP) bool { return true })
		must(t, old.Close())
		time.Sleep(100 * time.Millisecond) // until its goodbye is lost
		w.drop(func(from, to net.IP) bool { return false })
		start := time.Now()
		near, far := w.dial(1, events.PurposeMesh)
		between(t, "open", time.Since(start), 0, 2*time.Second)
		if farOld.Err() != nil {
			t.Errorf("the old link ended: %v", farOld.Err())
		}
		<-farOld.Done()
		must(t, near.Control().Send([]byte("new")))
		receive(t, far.Control())
	})
}

func TestLink_BothSidesMayCloseAtOnce(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		for apart := range 5 {
			near, far := w.dial(1, events.PurposeMesh)
			must(t, near.Control().Send([]byte("under way")))
			must(t, far.Control().Send([]byte("under way")))
			closed := make(chan error)
			go func() {
				time.Sleep(time.Duration(apart) * time.Millisecond)
				closed <- near.Close()
			}()
			must(t, far.Close())
			must(t, <-closed)
		}
	})
}

func TestLink_WhatWasSentBeforeCloseArrives(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		near, far := w.dial(1, events.PurposeMesh)
		const frames = 50
		for range frames {
			must(t, near.Control().Send(make([]byte, 10_000)))
		}
		must(t, near.Close())
		<-far.Done()
		n := 0
		for range far.Control().Frames() {
			n++
		}
		if n != frames {
			t.Errorf("%d of %d frames arrived", n, frames)
		}
	})
}

func TestLink_DoneWhileNobodyReadsThenCloseFreesAll(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		near, far := w.dial(1, events.PurposeMesh)
		for range maxFrames + 10 {
			must(t, near.Control().Send([]byte("unread")))
		}
		must(t, near.Close())
		<-far.Done()
		must(t, far.Close())
		<-far.gone
	})
}

// Work list 3.3: "Handle ICE connection state changes per peer" and "Detect peer
// departure (ICE closed/failed)": silence is suspected after 2 s and ends the link
// after 12 s.
func TestLink_SilenceIsSuspectedThenEndsTheLink(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		near, far := w.dial(1, events.PurposeMesh)
		time.Sleep(10 * time.Second)
		w.drop(func(from, to net.IP) bool { return true })
		cut := time.Now()
		if !<-near.Suspect() {
			t.Error("suspect: false comes first")
		}
		between(t, "suspicion", time.Since(cut), time.Second, 3*time.Second)
		<-near.Done()
		between(t, "end", time.Since(cut), 11*time.Second, 13*time.Second)
		if events.CodeOf(near.Err()) != events.CodeUnreachable {
			t.Errorf("ended by %v", near.Err())
		}
		<-far.Done()
	})
}

func TestLink_AShortSilenceIsForgiven(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		near, far := w.dial(1, events.PurposeMesh)
		w.drop(func(from, to net.IP) bool { return true })
		if !<-near.Suspect() {
			t.Error("not suspect")
		}
		must(t, far.Control().Send([]byte("kept")))
		w.drop(func(from, to net.IP) bool { return false })
		if <-near.Suspect() {
			t.Error("still suspect")
		}
		if got := receive(t, near.Control()); got != "kept" {
			t.Errorf("got %q", got)
		}
	})
}

// A cut in one direction: the side that hears nothing ends the link, and its goodbye
// tells the other.
func TestLink_OneWayCutEndsBothSides(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		near, far := w.dial(1, events.PurposeMesh)
		w.drop(func(from, to net.IP) bool { return from.String() == ip(0) })
		cut := time.Now()
		if !<-far.Suspect() {
			t.Error("far end: not suspect")
		}
		between(t, "suspicion", time.Since(cut), time.Second, 3*time.Second)
		<-far.Done()
		between(t, "end of the deaf side", time.Since(cut), 11*time.Second, 13*time.Second)
		<-near.Done()
		between(t, "end of the other side", time.Since(cut), 11*time.Second, 14*time.Second)
	})
}

func between(t *testing.T, what string, d, low, high time.Duration) {
	t.Helper()
	if d < low || d > high {
		t.Errorf("%s after %s, not within %s and %s", what, d, low, high)
	}
}
