package link

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/pion/logging"
	"github.com/pion/transport/v5/vnet"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A world is a network of peers in one bubble.
type world struct {
	t      *testing.T
	router *vnet.Router
	cut    atomic.Pointer[func(from, to net.IP) bool] // drops what it says yes to
	peers  []*peer
}

// bubble runs f in virtual time, in a world of n peers p1, p2, …
func bubble(t *testing.T, n int, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, n, time.Millisecond)
		defer w.close()
		f(t, w)
	})
}

// newWorld makes a world in which a packet takes delay.
func newWorld(t *testing.T, n int, delay time.Duration) *world {
	t.Helper()
	router, err := vnet.NewRouter(&vnet.RouterConfig{
		CIDR:          "10.0.0.0/16",
		QueueSize:     10_000,
		MinDelay:      delay,
		LoggerFactory: logging.NewDefaultLoggerFactory(),
	})
	must(t, err)
	w := &world{t: t, router: router}
	router.AddChunkFilter(func(c vnet.Chunk) bool {
		cut := w.cut.Load()
		return cut == nil || !(*cut)(addressOf(c.SourceAddr()), addressOf(c.DestinationAddr()))
	})
	nets := make([]*vnet.Net, n)
	for i := range nets {
		nets[i], err = vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{ip(i)}})
		must(t, err)
		must(t, router.AddNet(nets[i]))
	}
	must(t, router.Start())
	for i, n := range nets {
		e, err := NewEndpoint(Config{Net: n})
		must(t, err)
		w.peers = append(w.peers, &peer{id: fmt.Sprintf("p%d", i+1), endpoint: e, accepted: make(chan *Link, 100)})
	}
	return w
}

func ip(i int) string { return fmt.Sprintf("10.0.0.%d", i+1) }

func addressOf(a net.Addr) net.IP { return a.(*net.UDPAddr).IP }

func (w *world) drop(f func(from, to net.IP) bool) { w.cut.Store(&f) }

func (w *world) close() {
	for _, p := range w.peers {
		must(w.t, p.endpoint.Close())
	}
	must(w.t, w.router.Stop())
}

// A peer accepts every offer.
type peer struct {
	id       string
	endpoint *Endpoint
	accepted chan *Link
}

// A wire carries signals between two peers in memory. The hooks may change them.
type wire struct {
	from, to *peer
	onOffer  func(*events.Signal)
	onAnswer func(*events.Signal)
}

func (w *wire) Offer(ctx context.Context, s events.Signal) (events.Signal, error) {
	s.From = w.from.id
	if w.onOffer != nil {
		w.onOffer(&s)
	}
	answer, l, err := w.to.endpoint.Accept(ctx, s, &wire{from: w.to, to: w.from})
	if err != nil {
		return events.Signal{}, err
	}
	w.to.accepted <- l
	answer.From = w.to.id
	if w.onAnswer != nil {
		w.onAnswer(&answer)
	}
	return answer, nil
}

func (w *wire) Candidate(s events.Signal) error {
	s.From = w.from.id
	w.to.endpoint.Candidate(s)
	return nil
}

// dial links the first peer to another; both ends are open when it returns.
func (w *world) dial(to int, purpose string) (*Link, *Link) {
	w.t.Helper()
	a, b := w.peers[0], w.peers[to]
	near, err := a.endpoint.Dial(w.t.Context(), Remote{PeerID: b.id, Purpose: purpose}, a.id, &wire{from: a, to: b})
	must(w.t, err)
	far := <-b.accepted
	select {
	case <-far.Opened():
	case <-far.Done():
		w.t.Fatalf("far end: %v", far.Err())
	}
	return near, far
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, c *Channel) string {
	t.Helper()
	select {
	case f, ok := <-c.Frames():
		if !ok {
			t.Fatalf("channel %s ended: %v", c.Label(), c.link.Err())
		}
		return string(f)
	case <-time.After(30 * time.Second):
		t.Fatalf("nothing on channel %s within 30 s", c.Label())
		return ""
	}
}
