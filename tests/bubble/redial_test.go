package bubble

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/link"
	"github.com/moothall/moothall/worker/mesh"
	"github.com/pion/logging"
	"github.com/pion/transport/v5/vnet"
)

// A pair is two meshes, of which a offers, on a network that can be cut.
type pair struct {
	t    *testing.T
	cut  atomic.Bool
	a, b *side
}

// A side is one mesh and what it tells.
type side struct {
	*mesh.Mesh
	id    string
	other *side
	away  atomic.Bool     // no signal reaches it
	asked []events.Signal // what it sent to Redial
}

func (s *side) Offer(ctx context.Context, offer events.Signal) (events.Signal, error) {
	if s.other.away.Load() {
		return events.Signal{}, events.Errorf(events.CodeUnreachable, "%s does not answer", s.other.id)
	}
	offer.From, offer.FromIncarnation = s.id, 1
	return s.other.Accept(ctx, offer)
}

func (*side) Candidate(events.Signal) error { return nil }

func (s *side) Redial(r events.Signal) error {
	r.From, r.FromIncarnation = s.id, 1
	s.asked = append(s.asked, r)
	s.other.Mesh.Redial(r)
	return nil
}

// next returns the next event of a kind that is no frame, and fails on another.
func (s *side) next(t *testing.T, kind mesh.Kind, limit time.Duration) {
	t.Helper()
	begun, timeout := time.Now(), time.After(limit)
	for {
		select {
		case e := <-s.Events():
			if e.Kind == mesh.Frame {
				continue
			}
			if e.Kind != kind {
				t.Fatalf("%s tells of event %d after %v, not of %d", s.id, e.Kind, time.Since(begun), kind)
			}
			t.Logf("%s tells of event %d after %v", s.id, kind, time.Since(begun))
			return
		case <-timeout:
			t.Fatalf("%s does not tell of event %d within %v", s.id, kind, limit)
		}
	}
}

// linked runs f when the link of a pair is open.
func linked(t *testing.T, f func(*testing.T, *pair)) {
	synctest.Test(t, func(t *testing.T) {
		router, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "10.9.0.0/16", QueueSize: 1 << 14, LoggerFactory: logging.NewDefaultLoggerFactory()})
		must(t, err)
		p := &pair{t: t, a: &side{id: "a"}, b: &side{id: "b"}}
		p.a.other, p.b.other = p.b, p.a
		router.AddChunkFilter(func(vnet.Chunk) bool { return !p.cut.Load() })
		var nets []*vnet.Net
		for i := range 2 {
			n, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{address(i)}})
			must(t, err)
			must(t, router.AddNet(n))
			nets = append(nets, n)
		}
		must(t, router.Start())
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{}, 2)
		var endpoints []*link.Endpoint
		for i, s := range []*side{p.a, p.b} {
			e, err := link.NewEndpoint(link.Config{Net: nets[i]})
			must(t, err)
			s.Mesh = mesh.New(mesh.Config{Self: s.id, Incarnation: func() uint64 { return 1 }, Endpoint: e, Signaller: s, Log: discard})
			endpoints = append(endpoints, e)
			go func() {
				s.Run(ctx)
				ended <- struct{}{}
			}()
		}
		p.b.Want(events.Seat{PeerID: "a", Incarnation: 1})
		p.a.Want(events.Seat{PeerID: "b", Incarnation: 1})
		p.a.next(t, mesh.Up, time.Second)
		p.b.next(t, mesh.Up, time.Second)
		f(t, p)
		cancel()
		<-ended
		<-ended
		for _, e := range endpoints {
			must(t, e.Close())
		}
		must(t, router.Stop())
	})
}

// fill sends on a side's link until it is full, which closes it.
func (p *pair) fill(from *side) {
	p.t.Helper()
	for range 1000 {
		if err := from.Send(from.other.id, make([]byte, 16<<10)); errors.Is(err, link.ErrFull) {
			return
		}
	}
	p.t.Fatal("the link is never full")
}

// Work list 3.3. Who does not offer has lost the link, and its goodbye was lost too: it
// asks the offerer, which would believe in the link for 12 s more.
func TestMesh_WhoDoesNotOfferAsksForAnotherLink(t *testing.T) {
	linked(t, func(t *testing.T, p *pair) {
		p.cut.Store(true)
		p.fill(p.b)
		p.b.next(t, mesh.Down, time.Second)
		p.a.next(t, mesh.Down, time.Second)
		p.cut.Store(false)
		p.b.next(t, mesh.Up, time.Second)
		p.a.next(t, mesh.Up, time.Second)
		if len(p.b.asked) != 1 || len(p.a.asked) != 0 {
			t.Errorf("b asked %d times, a %d times", len(p.b.asked), len(p.a.asked))
		}
		p.a.Mesh.Redial(p.b.asked[0]) // once more, late: it is about the link before
		time.Sleep(time.Second)
		if l := p.a.Links(); len(l) != 1 || l[0].State != mesh.StateOpen {
			t.Errorf("a late word about the old link ended the new one: %+v", l)
		}
	})
}

// The offerer has ended the link itself and dials by itself: nobody asks.
func TestMesh_NobodyAsksWhenTheOffererKnows(t *testing.T) {
	linked(t, func(t *testing.T, p *pair) {
		p.fill(p.a)
		p.b.next(t, mesh.Down, time.Second)
		p.b.next(t, mesh.Up, time.Second)
		if len(p.b.asked)+len(p.a.asked) != 0 {
			t.Errorf("asked: %v %v", p.a.asked, p.b.asked)
		}
	})
}

// Work list 9.2. A peer that was away for long is dialled as soon as the hub has it
// again, not at the end of the wait that has grown meanwhile.
func TestMesh_WhoIsBackIsDialledAtOnce(t *testing.T) {
	linked(t, func(t *testing.T, p *pair) {
		for range 3 {
			p.b.away.Store(true)
			p.cut.Store(true)
			for _, s := range []*side{p.a, p.b} {
				s.next(t, mesh.Silent, 4*time.Second)
				s.next(t, mesh.Down, 15*time.Second)
			}
			time.Sleep(20 * time.Second)
			p.cut.Store(false)
			p.b.away.Store(false)
			p.a.Back(events.Seat{PeerID: "b", Incarnation: 1})
			p.a.next(t, mesh.Up, 100*time.Millisecond)
			p.b.next(t, mesh.Up, 100*time.Millisecond)
		}
	})
}

// `disconnected` is suspicion: both sides say so, the link stays, and what was sent
// meanwhile arrives.
func TestMesh_SilenceIsToldAndForgiven(t *testing.T) {
	linked(t, func(t *testing.T, p *pair) {
		p.cut.Store(true)
		p.a.next(t, mesh.Silent, 4*time.Second)
		p.b.next(t, mesh.Silent, 4*time.Second)
		must(t, p.a.Send("b", []byte("kept")))
		p.cut.Store(false)
		p.a.next(t, mesh.Heard, 4*time.Second)
		for {
			if e := <-p.b.Events(); e.Kind == mesh.Frame {
				if string(e.Data) != "kept" {
					t.Errorf("%q arrived", e.Data)
				}
				return
			} else if e.Kind != mesh.Heard {
				t.Fatalf("b tells of event %d", e.Kind)
			}
		}
	})
}
