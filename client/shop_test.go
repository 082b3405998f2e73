//go:build unix

package client_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/embedded"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/link"
	"github.com/moothall/moothall/signaling/session"
	"github.com/moothall/moothall/worker/jobs"
)

func init() { jobs.Supervise() }

// A shop is a hand that also takes jobs: real commands over real links, on the
// loopback.
type shop struct {
	*hand
	jobs     *jobs.Service
	endpoint *link.Endpoint
	close    func()
}

// commands of a shop.
const commands = `
	copy=sh -c 'cp "$MOOT_IN"/* "$MOOT_OUT"';
	shout=sh -c 'mkdir "$MOOT_OUT"/sub; tr a-z A-Z <"$MOOT_IN/a.txt" >"$MOOT_OUT/sub/a.txt"; echo "::progress 1 1 shouted"; echo "::metric letters 5"; echo "done"; echo "careful" >&2';
	exit=sh -c 'exit "$0"' {args};
	die=sh -c 'kill -KILL $$';
	sleep=sleep {args}`

// openShop hires a worker of these commands.
func (h *house) openShop(id string, mb int64) *shop {
	h.t.Helper()
	s := &shop{hand: h.hire(id, mb)}
	allowed, err := jobs.ParseCommands(commands)
	h.must(err)
	s.jobs, err = jobs.New(jobs.Config{
		Dir: filepath.Join(h.dir, "jobs", id), Commands: allowed, Slots: 1, Worker: id, Room: room, Log: discard,
		Incarnation: func() uint64 { return s.auth.Incarnation },
	})
	h.must(err)
	s.endpoint, err = link.NewEndpoint(link.Config{Loopback: true, Log: discard})
	h.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { s.jobs.Run(ctx) })
	_, err = s.Respond(events.WorkSubject(room, id, events.Any), s.work)
	h.must(err)
	signal := s.Signaller(func() uint64 { return s.auth.Incarnation }, func(string) (string, bool) { return "", false })
	_, err = signal.Serve(func(offering context.Context, offer events.Signal) (events.Signal, error) {
		return s.accept(offering, ctx, &running, signal, offer)
	}, s.endpoint.Candidate, nil)
	h.must(err)
	s.close = func() {
		cancel()
		h.must(s.endpoint.Close())
		running.Wait()
		s.hand.close()
	}
	return s
}

func (s *shop) work(from string, data []byte) (any, error) {
	var kind struct {
		Type string `json:"type"`
	}
	if err := events.Decode(data, &kind); err != nil {
		return nil, err
	}
	if kind.Type == events.TypeRelease {
		var r events.Release
		if err := events.Decode(data, &r); err != nil {
			return nil, err
		}
		return events.Ack{}, s.jobs.Release(from, r)
	}
	if kind.Type == events.TypeListJobs {
		var r events.ListJobs
		if err := events.Decode(data, &r); err != nil {
			return nil, err
		}
		return s.jobs.List(r)
	}
	var r events.Reserve
	if err := events.Decode(data, &r); err != nil {
		return nil, err
	}
	return s.jobs.Reserve(from, r)
}

func (s *shop) accept(offering, serving context.Context, running *sync.WaitGroup, signal *session.Signaller, offer events.Signal) (events.Signal, error) {
	answer, l, err := s.endpoint.Accept(offering, offer, signal)
	if err != nil {
		return answer, err
	}
	running.Go(func() {
		defer l.Close()
		select {
		case <-l.Opened():
			s.jobs.Serve(serving, offer.From, jobs.Link{Control: l.Control(), Bulk: l.Bulk()})
		case <-l.Done():
		}
	})
	return answer, nil
}

// market is an admin that lists shops as available, however busy they are.
func (h *house) market(shops ...*shop) {
	admin := shops[0]
	admin.answers(func(q events.Query) (events.WorkerList, error) {
		var rows []events.Worker
		for i, s := range shops {
			rows = append(rows, s.row(int64(24000-1000*i), events.StatusAvailable, "copy", "shout", "exit", "die", "sleep"))
		}
		admin.knows(rows...)
		return admin.list(q), nil
	})
}

// inTown calls f with a hub and shops, on the machine's own clock: jobs are real
// processes.
func inTown(t testing.TB, shops int, f func(*house, []*shop)) {
	t.Helper()
	h := openHouse(t, t.TempDir(), embedded.Config{NoListen: true})
	defer h.stop()
	var open []*shop
	for i := range shops {
		s := h.openShop("worker-"+string(rune('1'+i)), int64(24000-1000*i))
		defer s.close()
		open = append(open, s)
	}
	if shops > 0 {
		h.market(open...)
	}
	f(h, open)
}

// onLoopback lets a client's links use the loopback.
func onLoopback(c *client.Config) { c.Link.Loopback = true }

// file writes an input.
func (h *house) file(name, content string) string {
	h.t.Helper()
	path := filepath.Join(h.dir, "inputs", name)
	h.must(os.MkdirAll(filepath.Dir(path), 0o755))
	h.must(os.WriteFile(path, []byte(content), 0o644))
	return path
}
