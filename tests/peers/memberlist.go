package main

import (
	"context"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// memberlist elects nobody: its detection is measured, and the leader is the living
// node with the lowest name, for which no message is needed.
var (
	memberlistLocal = peer{
		name: "memberlist", what: "memberlist v0.7.0, local defaults, lowest name leads",
		node: func(ctx context.Context, c config) error { return gossip(ctx, c, memberlist.DefaultLocalConfig()) },
	}
	memberlistTuned = peer{
		name: "memberlist-tuned", what: "memberlist v0.7.0, probes each 100 ms, lowest name leads",
		node: func(ctx context.Context, c config) error { return gossip(ctx, c, tuned()) },
	}
)

func tuned() *memberlist.Config {
	m := memberlist.DefaultLocalConfig()
	m.ProbeInterval, m.ProbeTimeout, m.GossipInterval = 100*time.Millisecond, 50*time.Millisecond, 20*time.Millisecond
	m.SuspicionMult, m.SuspicionMaxTimeoutMult, m.RetransmitMult = 2, 2, 4
	return m
}

func gossip(ctx context.Context, c config, m *memberlist.Config) error {
	m.Name, m.BindAddr, m.BindPort, m.AdvertisePort = c.name, "127.0.0.1", 0, 0
	m.LogOutput = io.Discard
	m.Events = &living{}
	list, err := memberlist.Create(m)
	if err != nil {
		return err
	}
	self := list.LocalNode()
	say("at", net.JoinHostPort(self.Addr.String(), strconv.Itoa(int(self.Port))))
	if len(c.join) > 0 {
		if _, err := list.Join(c.join); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

// living are the nodes that this one holds for alive.
type living struct {
	mu    sync.Mutex // guards names
	names []string   // sorted
}

func (l *living) NotifyJoin(n *memberlist.Node) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, found := slices.BinarySearch(l.names, n.Name); !found {
		l.names = slices.Insert(l.names, at, n.Name)
	}
	l.say()
}

func (l *living) NotifyLeave(n *memberlist.Node) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, found := slices.BinarySearch(l.names, n.Name); found {
		l.names = slices.Delete(l.names, at, at+1)
	}
	l.say()
	say("gone", n.Name)
}

func (l *living) NotifyUpdate(*memberlist.Node) {}

func (l *living) say() {
	if len(l.names) > 0 {
		say("leader", l.names[0])
		say("size", strconv.Itoa(len(l.names)))
	}
}
