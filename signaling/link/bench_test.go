package link

import (
	"io"
	"testing"

	"github.com/moothall/moothall/events"
	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
)

// loopback links two endpoints over real sockets.
func loopback(b *testing.B) (near, far *Link) {
	b.Helper()
	peers := make([]*peer, 2)
	for i := range peers {
		e, err := NewEndpoint(Config{Loopback: true})
		must(b, err)
		b.Cleanup(func() { e.Close() })
		peers[i] = &peer{id: string(rune('a' + i)), endpoint: e, accepted: make(chan *Link, 1)}
	}
	near, err := peers[0].endpoint.Dial(b.Context(), Remote{PeerID: "b", Purpose: events.PurposeJob}, "a", &wire{from: peers[0], to: peers[1]})
	must(b, err)
	far = <-peers[1].accepted
	<-far.Opened()
	return near, far
}

// BenchmarkLinkRoundTrip sends 100 bytes there and back.
func BenchmarkLinkRoundTrip(b *testing.B) {
	near, far := loopback(b)
	go func() {
		for f := range far.Control().Frames() {
			_ = far.Control().Send(f)
		}
	}()
	frame := make([]byte, 100)
	for b.Loop() {
		must(b, near.Control().Send(frame))
		<-near.Control().Frames()
	}
}

// BenchmarkLinkThroughput sends 64 MiB in chunks of 16 KiB.
func BenchmarkLinkThroughput(b *testing.B) {
	near, far := loopback(b)
	const size, chunk = 64 << 20, 16 << 10
	b.SetBytes(size)
	frame := make([]byte, chunk)
	for b.Loop() {
		received := make(chan struct{})
		go func() {
			defer close(received)
			for range size / chunk {
				<-far.Bulk().Frames()
			}
		}()
		for range size / chunk {
			must(b, near.Bulk().SendWait(b.Context(), frame))
		}
		<-received
	}
}

// BenchmarkLinkDial opens and closes a link.
func BenchmarkLinkDial(b *testing.B) {
	near, _ := loopback(b)
	e := near.endpoint
	other, err := NewEndpoint(Config{Loopback: true})
	must(b, err)
	b.Cleanup(func() { other.Close() })
	p, q := &peer{id: "a", endpoint: e}, &peer{id: "c", endpoint: other, accepted: make(chan *Link, 1)}
	for b.Loop() {
		l, err := e.Dial(b.Context(), Remote{PeerID: "c", Purpose: events.PurposeMesh}, "a", &wire{from: p, to: q})
		must(b, err)
		<-(<-q.accepted).Opened()
		l.Close()
	}
}

// BenchmarkBareThroughput is what pion does by itself, with the same socket buffers,
// messages and bounds: what a link could do at best.
func BenchmarkBareThroughput(b *testing.B) {
	const size, chunk = 64 << 20, 16 << 10
	n, err := newMachine()
	must(b, err)
	engine := webrtc.SettingEngine{}
	engine.SetNet(n)
	engine.SetIncludeLoopbackCandidate(true)
	engine.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	engine.DetachDataChannels()
	api := webrtc.NewAPI(webrtc.WithSettingEngine(engine))
	near, far := barePair(b, api)
	frame := make([]byte, chunk)
	b.SetBytes(size)
	for b.Loop() {
		received := make(chan struct{})
		go func() {
			defer close(received)
			buffer := make([]byte, chunk)
			for range size / chunk {
				if _, err := far.raw.Read(buffer); err != nil {
					return
				}
			}
		}()
		for range size / chunk {
			for near.dc.BufferedAmount() > highWater {
				<-near.low
			}
			_, err := near.raw.Write(frame)
			must(b, err)
		}
		<-received
	}
}

type bareEnd struct {
	dc   *webrtc.DataChannel
	raw  io.ReadWriteCloser
	low  chan struct{}
	open chan struct{}
}

// barePair connects two peers of pion's that know each other.
func barePair(b *testing.B, api *webrtc.API) (near, far *bareEnd) {
	b.Helper()
	var pcs [2]*webrtc.PeerConnection
	var ends [2]*bareEnd
	negotiated, id := true, uint16(0)
	for i := range pcs {
		pc, err := api.NewPeerConnection(webrtc.Configuration{})
		must(b, err)
		b.Cleanup(func() { pc.Close() })
		dc, err := pc.CreateDataChannel("bulk", &webrtc.DataChannelInit{Negotiated: &negotiated, ID: &id})
		must(b, err)
		e := &bareEnd{dc: dc, low: make(chan struct{}, 1), open: make(chan struct{})}
		dc.SetBufferedAmountLowThreshold(lowWater)
		dc.OnBufferedAmountLow(func() {
			select {
			case e.low <- struct{}{}:
			default:
			}
		})
		dc.OnOpen(func() {
			e.raw, _ = dc.Detach()
			close(e.open)
		})
		pcs[i], ends[i] = pc, e
	}
	describe := func(from, to *webrtc.PeerConnection, d webrtc.SessionDescription) {
		gathered := webrtc.GatheringCompletePromise(from)
		must(b, from.SetLocalDescription(d))
		<-gathered
		must(b, to.SetRemoteDescription(*from.LocalDescription()))
	}
	offer, err := pcs[0].CreateOffer(nil)
	must(b, err)
	describe(pcs[0], pcs[1], offer)
	answer, err := pcs[1].CreateAnswer(nil)
	must(b, err)
	describe(pcs[1], pcs[0], answer)
	<-ends[0].open
	<-ends[1].open
	return ends[0], ends[1]
}
