package link

import (
	"testing"

	"github.com/moothall/moothall/events"
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
