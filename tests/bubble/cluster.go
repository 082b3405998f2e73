package bubble

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling"
	"github.com/moothall/moothall/signaling/link"
	"github.com/moothall/moothall/signaling/session"
	"github.com/moothall/moothall/worker"
	"github.com/moothall/moothall/worker/jobs"
	"github.com/nats-io/nkeys"
	"github.com/pion/logging"
	"github.com/pion/transport/v5/vnet"
)

// hosts is the number of addresses of the virtual network.
const hosts = 32

// A Cluster is a hub and its workers.
type Cluster struct {
	t       testing.TB
	dir     string
	hub     *hub
	router  *vnet.Router
	nets    []*vnet.Net
	mu      sync.Mutex // guards silent and cut
	silent  map[string]bool
	cut     map[[2]string]bool // from one host to another
	next    int
	workers []*Worker
}

// Run makes a hub in a bubble, calls f, and takes everything down.
func Run(t *testing.T, f func(*testing.T, *Cluster)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := &Cluster{t: t, dir: dir, silent: map[string]bool{}, cut: map[[2]string]bool{}}
		c.hub = &hub{t: t, dir: dir, cfg: signaling.Config{Log: discard, TokenDir: filepath.Join(dir, "tokens")}}
		c.hub.start()
		c.wire()
		defer c.router.Stop()
		defer c.hub.close()
		defer c.stopWorkers()
		f(t, c)
	})
}

func (c *Cluster) wire() {
	c.t.Helper()
	var err error
	c.router, err = vnet.NewRouter(&vnet.RouterConfig{CIDR: "10.9.0.0/16", QueueSize: 1 << 14, LoggerFactory: logging.NewDefaultLoggerFactory()})
	must(c.t, err)
	c.router.AddChunkFilter(func(p vnet.Chunk) bool {
		from, to, _ := splitAddresses(p)
		c.mu.Lock()
		defer c.mu.Unlock()
		return !c.silent[from] && !c.silent[to] && !c.cut[[2]string{from, to}]
	})
	for i := range hosts {
		n, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{address(i)}})
		must(c.t, err)
		must(c.t, c.router.AddNet(n))
		c.nets = append(c.nets, n)
	}
	must(c.t, c.router.Start())
}

func address(i int) string { return fmt.Sprintf("10.9.1.%d", i+1) }

// Net is the network of a host that nobody has yet.
func (c *Cluster) Net() *vnet.Net {
	c.next++
	return c.nets[c.next-1]
}

// Session is how a process of a role reaches the hub.
func (c *Cluster) Session(role events.Role, id string) (session.Config, *line) {
	c.t.Helper()
	key, err := nkeys.CreateUser()
	must(c.t, err)
	l := &line{hub: c.hub}
	return session.Config{
		HubURL: "http://hub", Room: Room, Token: events.Secret(c.hub.token(role)), PeerID: id, Role: role, Key: key,
		HTTP: c.hub.client(), InProcess: l, Log: discard,
	}, l
}

// Worker is one running agent.
type Worker struct {
	*worker.Agent
	ID      string
	cluster *Cluster
	host    string
	line    *line
	cancel  context.CancelFunc
	done    chan error
	ended   bool
}

// Start runs a worker with a registry and that much GPU memory.
func (c *Cluster) Start(id string, memoryMB int64) *Worker {
	c.t.Helper()
	return c.StartWith(id, memoryMB, func(*worker.Config) {})
}

// StartWith runs a worker whose configuration edit has changed.
func (c *Cluster) StartWith(id string, memoryMB int64, edit func(*worker.Config)) *Worker {
	c.t.Helper()
	s, l := c.Session(events.RoleWorker, id)
	w := &Worker{ID: id, cluster: c, host: address(c.next), line: l, done: make(chan error, 1)}
	cfg := worker.Config{
		Session: s, Registry: true, Slots: 1, JobDir: filepath.Join(c.dir, "jobs", fmt.Sprint(c.next)), DrainTimeout: time.Second,
		Metadata: events.Metadata{Name: id, Properties: events.Properties{GPUMemoryMB: memoryMB, GPUModel: "test"}},
		Link:     link.Config{Net: c.Net(), Log: discard}, Limits: jobs.DefaultLimits(), Log: discard,
	}
	edit(&cfg)
	w.Agent = worker.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	go func() { w.done <- w.Run(ctx) }()
	c.workers = append(c.workers, w)
	return w
}

// Stop ends a worker as SIGTERM does and returns what Run returned.
func (w *Worker) Stop() error {
	if w.ended {
		return nil
	}
	w.ended = true
	w.cancel()
	return <-w.done
}

// Wait returns what Run returned by itself.
func (w *Worker) Wait() error {
	w.ended = true
	return <-w.done
}

// Kill ends a worker as kill -9 does, as far as others can see: its connection to
// the hub closes and its host falls silent.
func (w *Worker) Kill() {
	w.cluster.Silence(w)
	w.line.tear()
}

// Silence cuts a worker's host off the mesh.
func (c *Cluster) Silence(w *Worker) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silent[w.host] = true
}

// Cut drops what one worker's host sends to another's on the mesh.
func (c *Cluster) Cut(from, to *Worker) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut[[2]string{from.host, to.host}] = true
}

// Heal ends every silence and cut.
func (c *Cluster) Heal() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.silent)
	clear(c.cut)
}

func (c *Cluster) stopWorkers() {
	for _, w := range c.workers {
		w.Stop()
	}
}

// CloseHub takes the hub down; OpenHub starts it again on the same data.
func (c *Cluster) CloseHub() { c.hub.close() }

// OpenHub starts the hub.
func (c *Cluster) OpenHub() { c.hub.start() }

// Pass lets virtual time pass.
func (c *Cluster) Pass(d time.Duration) { time.Sleep(d) }

// fine is how long Until looks every millisecond; later it looks every pace.
const (
	fine = 200 * time.Millisecond
	pace = 50 * time.Millisecond
)

// Until waits in virtual time until ok, at most limit, and says how long it took:
// to the millisecond at first, to pace later.
func (c *Cluster) Until(limit time.Duration, ok func() bool) (time.Duration, bool) {
	start := time.Now()
	for time.Since(start) < limit {
		synctest.Wait()
		if ok() {
			return time.Since(start), true
		}
		if time.Since(start) < fine {
			time.Sleep(time.Millisecond)
		} else {
			time.Sleep(pace)
		}
	}
	return time.Since(start), ok()
}
