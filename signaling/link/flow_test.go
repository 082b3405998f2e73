package link

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/pion/transport/v5"
)

func TestChannel_SendNeverBlocksAndSaysWhenFull(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		near, far := w.dial(1, events.PurposeJob)
		frame := make([]byte, 16<<10)
		sent := 0
		for ; ; sent++ {
			if err := near.Bulk().Send(frame); err != nil {
				if !errors.Is(err, ErrFull) {
					t.Fatal(err)
				}
				break
			}
		}
		if least := highWater / len(frame); sent < least {
			t.Errorf("full after %d frames, not before %d", sent, least)
		}
		must(t, near.Control().Send([]byte("the other channel is not full")))
		receive(t, far.Control())
	})
}

// A reader that does not read holds the sender back: what is under way stays bounded,
// and all of it arrives in order when the reader goes on.
func TestChannel_ASlowReaderHoldsTheSenderBack(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		near, far := w.dial(1, events.PurposeJob)
		const frames, size = 600, 16 << 10
		sent := make(chan int, frames)
		go func() {
			defer close(sent)
			frame := make([]byte, size)
			for i := range frames {
				binary.BigEndian.PutUint32(frame, uint32(i))
				if err := near.Bulk().SendWait(context.Background(), frame); err != nil {
					t.Errorf("frame %d: %v", i, err)
					return
				}
				sent <- i
			}
		}()
		time.Sleep(time.Minute)
		const sctpWindow = 1 << 20
		if most := maxFrames + (highWater+sctpWindow)/size + 10; len(sent) > most {
			t.Errorf("%d frames sent to a reader that does not read, at most %d", len(sent), most)
		}
		for i := range frames {
			if got := binary.BigEndian.Uint32([]byte(receive(t, far.Bulk()))); got != uint32(i) {
				t.Fatalf("frame %d came instead of %d", got, i)
			}
		}
		for range sent {
		}
	})
}

func TestChannel_SendWaitEndsWithItsContextOrLink(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		near, far := w.dial(1, events.PurposeJob)
		fill := func(ctx context.Context) error {
			for {
				if err := near.Bulk().SendWait(ctx, make([]byte, 16<<10)); err != nil {
					return err
				}
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := fill(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended by %v", err)
		}
		time.AfterFunc(time.Second, func() { far.Close() })
		if err := fill(t.Context()); !errors.Is(err, ErrRemoteClosed) {
			t.Errorf("ended by %v", err)
		}
	})
}

func TestChannel_ManySendersShareTheChannel(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		near, far := w.dial(1, events.PurposeJob)
		const senders, each = 8, 40
		var sending sync.WaitGroup
		for range senders {
			sending.Go(func() {
				for range each {
					if err := near.Bulk().SendWait(t.Context(), make([]byte, 16<<10)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for range senders * each {
			receive(t, far.Bulk())
		}
		sending.Wait()
	})
}

func TestLink_NotOpenYet(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		w.drop(func(from, to net.IP) bool { return true })
		l, err := w.peers[0].endpoint.newLink(Remote{PeerID: "p2", Purpose: events.PurposeMesh}, "p1", "n")
		must(t, err)
		if err := l.Control().Send([]byte("x")); !errors.Is(err, ErrNotOpen) {
			t.Errorf("send: %v", err)
		}
		if s := l.Stats(); s != (Stats{}) {
			t.Errorf("stats %+v", s)
		}
		must(t, l.Close())
		if _, ok := <-l.Control().Frames(); ok {
			t.Error("a frame came from nowhere")
		}
	})
}

// slowNet finds an address only after a second, as one that a STUN server must tell.
type slowNet struct{ Net }

func (n slowNet) ListenUDP(network string, address *net.UDPAddr) (transport.UDPConn, error) {
	time.Sleep(time.Second)
	return n.Net.ListenUDP(network, address)
}

func TestDial_CandidatesMayComeLate(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		var offered, answered string
		for _, p := range w.peers {
			e, err := NewEndpoint(Config{Net: slowNet{p.endpoint.cfg.Net}})
			must(t, err)
			p.endpoint = e
		}
		sig := &wire{from: w.peers[0], to: w.peers[1],
			onOffer:  func(s *events.Signal) { offered = s.SDP },
			onAnswer: func(s *events.Signal) { answered = s.SDP },
		}
		start := time.Now()
		_, err := w.peers[0].endpoint.Dial(t.Context(), Remote{PeerID: "p2", Purpose: events.PurposeMesh}, "p1", sig)
		must(t, err)
		between(t, "open", time.Since(start), time.Second, 3*time.Second)
		if strings.Contains(offered+answered, "a=candidate") {
			t.Error("the candidates came early")
		}
	})
}

// A path of 40 ms on which one packet of a hundred is lost: a file comes across faster than
// SCTP's own rule lets it.
func TestChannel_ALossyPathIsUsed(t *testing.T) {
	const size, chunk, most = 4 << 20, 16 << 10, 8700 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, 20*time.Millisecond)
		defer w.close()
		var mu sync.Mutex
		random := rand.New(rand.NewPCG(1, 2))
		w.drop(func(from, to net.IP) bool {
			mu.Lock()
			defer mu.Unlock()
			return random.IntN(100) == 0
		})
		near, far := w.dial(1, events.PurposeJob)
		start := time.Now()
		go func() {
			frame := make([]byte, chunk)
			for range size / chunk {
				if err := near.Bulk().SendWait(context.Background(), frame); err != nil {
					t.Error(err)
					return
				}
			}
		}()
		for range size / chunk {
			<-far.Bulk().Frames()
		}
		if took := time.Since(start); took > most {
			t.Errorf("4 MiB took %s", took)
		}
	})
}

// With 5 % loss a link opens within seconds and loses nothing.
func TestLink_LossIsRepaired(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		var mu sync.Mutex
		random := rand.New(rand.NewPCG(1, 2))
		w.drop(func(from, to net.IP) bool {
			mu.Lock()
			defer mu.Unlock()
			return random.IntN(100) < 5
		})
		start := time.Now()
		near, far := w.dial(1, events.PurposeMesh)
		between(t, "open", time.Since(start), 0, 3*time.Second)
		for i := range 200 {
			must(t, near.Control().SendWait(t.Context(), binary.BigEndian.AppendUint32(nil, uint32(i))))
			time.Sleep(10 * time.Millisecond)
		}
		for i := range 200 {
			if got := binary.BigEndian.Uint32([]byte(receive(t, far.Control()))); got != uint32(i) {
				t.Fatalf("frame %d came instead of %d", got, i)
			}
		}
	})
}
