package bubble

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/session"
	"github.com/moothall/moothall/worker"
	"github.com/moothall/moothall/worker/jobs"
	"github.com/nats-io/nats.go"
)

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) has(t *testing.T, what ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	for line := range strings.Lines(j.text.String()) {
		missing := false
		for _, w := range what {
			missing = missing || !strings.Contains(line, w)
		}
		if !missing {
			return
		}
	}
	t.Errorf("no line has %q in:\n%s", what, j.text.String())
}

// Work list 5.1: the admin answers query_workers with those that match, and logs
// the query; anyone else refuses. Work list 2.2, 8.3: elections are logged.
func TestQuery_TheAdminAnswersFilteredAndLogsIt(t *testing.T) {
	Run(t, func(t *testing.T, c *Cluster) {
		log := &journal{}
		c.StartWith("worker-1", 16000, func(cfg *worker.Config) {
			cfg.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		c.Until(time.Second, func() bool { return len(c.workers[0].Room().Workers) > 0 })
		c.Start("worker-2", 24000)
		c.Start("worker-3", 4000)
		if _, ok := c.Until(10*time.Second, func() bool { return agree(c.workers) }); !ok {
			t.Fatal("the room did not come together")
		}
		cfg, _ := c.Session(events.RoleClient, "")
		s, err := session.Join(context.Background(), cfg)
		must(t, err)
		defer s.Close(context.Background())
		ask := func(to string) (events.WorkerList, error) {
			var list events.WorkerList
			q := events.Query{Type: events.TypeQuery, FromPeerID: s.Peer(), Filters: events.Filters{MinGPUMemoryMB: 8000, Status: events.StatusAvailable}}
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			return list, s.Request(ctx, events.QuerySubject(Room, to, s.Peer()), q, &list)
		}
		list, err := ask("worker-1")
		must(t, err)
		if len(list.Workers) != 2 || len(list.Rejected) != 1 || list.Rejected[0].PeerID != "worker-3" || list.AdminPeerID != "worker-1" {
			t.Errorf("answer %+v", list)
		}
		log.has(t, "query", "from_peer_id="+s.Peer(), "workers=2", "rejected=1")
		log.has(t, "admin elected", "room_id="+Room, "admin_peer_id=worker-1", "num_workers=1")
		if _, err := ask("worker-2"); events.CodeOf(err) != events.CodeNotAdmin {
			t.Errorf("who is not admin answered %v", err)
		}
	})
}

// Whoever hears that a worker has joined can ask it, also before the worker itself
// knows that it has.
func TestQuery_AWorkerCanBeReservedAsSoonAsItIsThere(t *testing.T) {
	Run(t, func(t *testing.T, c *Cluster) {
		commands, err := jobs.ParseCommands("sh=/bin/sh")
		must(t, err)
		cfg, _ := c.Session(events.RoleClient, "")
		s, err := session.Join(context.Background(), cfg)
		must(t, err)
		defer s.Close(context.Background())
		joined := make(chan struct{}, 1)
		_, err = s.Subscribe(events.EventSubject(Room, events.EventPeerJoined), func(*nats.Msg) { joined <- struct{}{} })
		must(t, err)
		c.StartWith("worker-1", 16000, func(cfg *worker.Config) { cfg.Commands = commands })
		<-joined
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		ask := events.Reserve{V: events.ProtocolVersion, Type: events.TypeReserve, RequestID: "r", Command: "sh"}
		var granted events.Reserved
		if err := s.Request(ctx, events.WorkSubject(Room, "worker-1", s.Peer()), ask, &granted); err != nil || granted.Lease.Incarnation == 0 {
			t.Errorf("granted %+v, %v", granted, err)
		}
	})
}
