package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	patience = 2 * time.Minute // for anything that must happen once, on a busy machine
	phase    = time.Second     // a kill comes at a random time in a lease's period
)

// A room is the nodes of a peer. Names rise, so that who starts later ranks last.
type room struct {
	peer    peer
	dir     string
	server  *child
	nodes   map[string]*child
	sees    map[string]sight // by living node
	reports chan report
	started int
	false   int
}

// sight is what a node said last.
type sight struct {
	leader string
	at     time.Time // when it saw this leader
	size   int       // of the room, 0 if it does not say
}

func (s sight) String() string { return fmt.Sprintf("%s of %d", s.leader, s.size) }

// measure kills the leader many times.
func measure(ctx context.Context, p peer, size, kills int) (r result, err error) {
	dir, err := os.MkdirTemp("", "peers-*")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	m := &room{peer: p, dir: dir, nodes: map[string]*child{}, sees: map[string]sight{}, reports: make(chan report, 1024)}
	defer m.close()
	r = result{Peer: p.name, What: p.what, Seconds: []float64{}}
	if err := m.open(ctx, size); err != nil {
		return r, m.explain(err)
	}
	for range kills {
		took, err := m.kill(ctx)
		if err != nil {
			return r, m.explain(err)
		}
		r.Seconds = append(r.Seconds, took.Seconds())
	}
	r.False = m.false
	return r, nil
}

// open starts the server, the first node, and the others at once.
func (m *room) open(ctx context.Context, size int) (err error) {
	if m.peer.server != nil {
		if m.server, err = start(m.peer.name, "server", config{name: "server", dir: m.dir}, m.reports); err != nil {
			return err
		}
		if err := m.until(ctx, "the server serves", func() bool { return m.server.at != "" }); err != nil {
			return err
		}
	}
	for i := range size {
		if err := m.add(); err != nil {
			return err
		}
		if i == 0 {
			reachable := func() bool { return m.settled() && len(m.addresses()) > 0 }
			if err := m.until(ctx, "the first node leads", reachable); err != nil {
				return err
			}
		}
	}
	return m.until(ctx, "all nodes see one leader", m.settled)
}

func (m *room) add() error {
	c := config{name: fmt.Sprintf("n%04d", m.started), dir: m.dir, join: m.addresses()}
	m.started++
	n, err := start(m.peer.name, "node", c, m.reports)
	if err == nil {
		m.nodes[c.name] = n
	}
	return err
}

// addresses are the server's, or those of all nodes.
func (m *room) addresses() (all []string) {
	if m.server != nil {
		return []string{m.server.at}
	}
	for _, n := range m.nodes {
		if n.at != "" {
			all = append(all, n.at)
		}
	}
	return all
}

// kill ends the leader with signal 9 and gives the time from just before that until
// the last of the others saw the leader that all of them see then. A new node takes
// the place.
func (m *room) kill(ctx context.Context) (time.Duration, error) {
	rest := time.After(rand.N(phase))
	for resting := true; resting; {
		select {
		case r := <-m.reports:
			if err := m.hear(r); err != nil {
				return 0, err
			}
		case <-rest:
			resting = false
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
	// A false departure may have unsettled the room meanwhile.
	if err := m.until(ctx, "all nodes see one leader", m.settled); err != nil {
		return 0, err
	}
	var victim *child
	for _, s := range m.sees {
		victim = m.nodes[s.leader]
	}
	delete(m.nodes, victim.name)
	delete(m.sees, victim.name)
	killed := time.Now()
	if err := victim.cmd.Process.Kill(); err != nil {
		return 0, err
	}
	if err := m.until(ctx, "the others see one new leader", m.agreed); err != nil {
		return 0, err
	}
	var last time.Time
	for _, s := range m.sees {
		if s.at.After(last) {
			last = s.at
		}
	}
	if err := m.add(); err != nil {
		return 0, err
	}
	return last.Sub(killed), m.until(ctx, "a new node took the place", m.settled)
}

// agreed reports whether all nodes see the same living leader.
func (m *room) agreed() bool {
	leader := ""
	for name := range m.nodes {
		s := m.sees[name]
		if m.nodes[s.leader] == nil || (leader != "" && s.leader != leader) {
			return false
		}
		leader = s.leader
	}
	return leader != ""
}

// settled reports whether they also know of each other, as far as they say.
func (m *room) settled() bool {
	for name := range m.nodes {
		if size := m.sees[name].size; size != 0 && size != len(m.nodes) {
			return false
		}
	}
	return m.agreed()
}

// until hears reports until what holds.
func (m *room) until(ctx context.Context, what string, holds func() bool) error {
	late := time.After(patience)
	for !holds() {
		select {
		case r := <-m.reports:
			if err := m.hear(r); err != nil {
				return err
			}
		case <-late:
			return fmt.Errorf("waited in vain until %s; they see %v", what, m.sees)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (m *room) hear(r report) error {
	if m.server != nil && r.from == m.server.name {
		if r.kind == "ended" {
			return fmt.Errorf("the server ended: %s", r.value)
		}
		m.server.at = r.value
		return nil
	}
	n := m.nodes[r.from]
	if n == nil {
		return nil // killed
	}
	s := m.sees[r.from]
	switch r.kind {
	case "ended":
		return fmt.Errorf("%s ended: %s", r.from, r.value)
	case "at":
		n.at = r.value
	case "leader":
		if s.leader != r.value {
			s.leader, s.at = r.value, r.at
		}
	case "size":
		size, err := strconv.Atoi(r.value)
		if err != nil {
			return err
		}
		s.size = size
	case "gone":
		if m.nodes[r.value] != nil {
			m.false++
		}
	}
	m.sees[r.from] = s
	return nil
}

// explain adds the last of what the processes printed to an error.
func (m *room) explain(err error) error {
	logs, _ := filepath.Glob(filepath.Join(m.dir, "*.log"))
	for _, name := range logs {
		text, readErr := os.ReadFile(name)
		if tail := strings.TrimSpace(string(text[max(0, len(text)-300):])); readErr == nil && tail != "" {
			err = errors.Join(err, fmt.Errorf("%s: %s", filepath.Base(name), tail))
		}
	}
	return err
}

func (m *room) close() {
	children := []*child{}
	for _, n := range m.nodes {
		children = append(children, n)
	}
	if m.server != nil {
		children = append(children, m.server)
	}
	for _, c := range children {
		// It may have ended already.
		_ = c.cmd.Process.Kill()
	}
	left := len(children)
	for late := time.After(5 * time.Second); left > 0; {
		select {
		case r := <-m.reports:
			if r.kind == "ended" {
				left--
			}
		case <-late:
			return
		}
	}
}
