package client_test

import (
	"bytes"
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v5/vnet"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/link"
)

// A road is a network between a worker and a client that can be cut.
type road struct {
	router         *vnet.Router
	worker, client *vnet.Net
	cut            atomic.Bool
}

func (h *house) road() *road {
	h.t.Helper()
	r := &road{}
	var err error
	r.router, err = vnet.NewRouter(&vnet.RouterConfig{CIDR: "10.0.0.0/16", QueueSize: 4096, LoggerFactory: logging.NewDefaultLoggerFactory()})
	h.must(err)
	r.router.AddChunkFilter(func(vnet.Chunk) bool { return !r.cut.Load() })
	for i, end := range []**vnet.Net{&r.worker, &r.client} {
		*end, err = vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{net.IPv4(10, 0, 0, byte(10+i)).String()}})
		h.must(err)
		h.must(r.router.AddNet(*end))
	}
	h.must(r.router.Start())
	return r
}

// An actor is a worker whose job the test plays, over a real link.
type actor struct {
	*hand
	endpoint *link.Endpoint
	links    chan *link.Link
}

// cast hires an actor who grants every reservation.
func (h *house) cast(r *road) *actor {
	h.t.Helper()
	a := &actor{hand: h.hire("worker-1", 24000), links: make(chan *link.Link, 16)}
	a.knows(a.row(24000, events.StatusAvailable, "play"))
	var err error
	a.endpoint, err = link.NewEndpoint(link.Config{Net: r.worker, Log: discard})
	h.must(err)
	_, err = a.Respond(events.WorkSubject(room, "worker-1", events.Any), func(string, []byte) (any, error) {
		return events.Reserved{Lease: events.JobLease{Incarnation: a.auth.Incarnation, Seq: 1}}, nil
	})
	h.must(err)
	signal := a.Signaller(func() uint64 { return a.auth.Incarnation }, func(string) (string, bool) { return "", false })
	_, err = signal.Serve(func(ctx context.Context, offer events.Signal) (events.Signal, error) {
		answer, l, err := a.endpoint.Accept(ctx, offer, signal)
		if err == nil {
			a.links <- l
		}
		return answer, err
	}, a.endpoint.Candidate, nil)
	h.must(err)
	return a
}

// take accepts the job of the next link and says that it runs.
func (a *actor) take() *link.Link {
	a.house.t.Helper()
	l := <-a.links
	<-l.Opened()
	<-l.Control().Frames()
	a.house.must(l.Control().Send(events.Pack(events.FrameAck, events.JobAck{V: events.ProtocolVersion, JobID: "j-1"})))
	a.say(l, events.JobEvent{Seq: 1, Kind: events.JobEventState, State: events.JobRunning})
	return l
}

func (a *actor) say(l *link.Link, e events.JobEvent) {
	a.house.t.Helper()
	e.JobID = "j-1"
	a.house.must(l.Control().Send(events.Pack(events.FrameEvent, e)))
}

// inPlay calls f in a bubble with a worker that plays its job and the client that
// runs it; ended gives what Run returned.
func inPlay(t *testing.T, f func(h *house, r *road, a *actor, ended <-chan error)) {
	t.Helper()
	inHouse(t, func(t *testing.T, h *house) {
		r := h.road()
		defer r.router.Stop()
		a := h.cast(r)
		v := h.visit(func(c *client.Config) { c.Link.Net = r.client })
		ended := make(chan error, 1)
		go func() {
			_, err := v.Run(context.Background(), client.Job{Command: "play"}, nil)
			ended <- err
		}()
		f(h, r, a, ended)
		v.Close()
		h.must(a.endpoint.Close())
		a.close()
	})
}

// The word that a job began is lost with its link. It is not begun a second time: the
// worker is asked again, on the same lease.
func TestRun_AsksAgainWhetherTheJobBegan(t *testing.T) {
	inPlay(t, func(h *house, _ *road, a *actor, ended <-chan error) {
		var asked [2][]byte
		for i := range asked {
			var l *link.Link
			select {
			case l = <-a.links:
			case err := <-ended:
				t.Fatalf("not asked again: %v", err)
			}
			<-l.Opened()
			asked[i] = <-l.Control().Frames()
			if i == 0 {
				h.must(l.Close())
				continue
			}
			h.must(l.Control().Send(events.Pack(events.FrameAck, events.JobAck{V: events.ProtocolVersion, JobID: "j-1"})))
			a.say(l, events.JobEvent{Seq: 1, Kind: events.JobEventState, State: events.JobDone})
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if !bytes.Equal(asked[0], asked[1]) {
			t.Errorf("asked for %q, then for %q", asked[0], asked[1])
		}
	})
}

// Worker killed in mid-job and not started again: lost within 46 s, whoever notices.
func TestRun_KilledWorkerIsLostWithin46s(t *testing.T) {
	for name, hubSees := range map[string]bool{"its connection to the hub ends too": true, "only its link is silent": false} {
		t.Run(name, func(t *testing.T) {
			inPlay(t, func(h *house, r *road, a *actor, ended <-chan error) {
				a.take()
				time.Sleep(time.Minute)
				killed := time.Now()
				r.cut.Store(true)
				if hubSees {
					a.line.tear()
				}
				err := <-ended
				if took := time.Since(killed); events.CodeOf(err) != events.CodeLost || took > 46*time.Second {
					t.Errorf("after %s: %v", took, err)
				}
				r.cut.Store(false)
				a.line.mend()
			})
		})
	}
}

// A path that is silent for less is no reason to lose a job: the link comes back, or
// another one is made.
func TestRun_OutlivesASilentPath(t *testing.T) {
	for _, silence := range []time.Duration{3 * time.Second, 9 * time.Second} {
		t.Run(silence.String(), func(t *testing.T) {
			inPlay(t, func(h *house, r *road, a *actor, ended <-chan error) {
				l := a.take()
				time.Sleep(10 * time.Second)
				r.cut.Store(true)
				time.Sleep(silence)
				r.cut.Store(false)
				time.Sleep(10 * time.Second)
				select {
				case l = <-a.links:
					<-l.Opened()
					<-l.Control().Frames()
				default:
				}
				code := 0
				a.say(l, events.JobEvent{Seq: 2, Kind: events.JobEventState, State: events.JobDone, ExitCode: &code})
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
