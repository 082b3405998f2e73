package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"
)

// A spread is a way to tell a room of an update. One process writes, the others say
// "got N" for each update they get; the writer says "sent N" just before. Who can be
// told says "at ADDRESS".
type spread struct {
	name   string
	what   string
	server func(context.Context, config) error // nil if none is needed
	reader func(context.Context, config) error
	relay  func(context.Context, config) error // reads too, and is the writer's only peer; nil if none is needed
	writer func(context.Context, config) error
}

var spreads = []spread{udp, core, watch}

// Updates are this far apart, as large as a signed change of status, and the first do
// not count: connections and caches warm up.
const (
	pace   = 20 * time.Millisecond
	weight = 500
	warmUp = 20
)

func (s spread) role(role string) func(context.Context, config) error {
	return map[string]func(context.Context, config) error{
		"server": s.server, "reader": s.reader, "relay": s.relay, "writer": s.writer,
	}[role]
}

// write calls send with the number of each update, at its time, until the process is
// ended: the parent knows when it has enough.
func write(ctx context.Context, send func(n int, payload []byte) error) error {
	beat := time.NewTicker(pace)
	defer beat.Stop()
	payload := make([]byte, weight)
	for n := 0; ; n++ {
		select {
		case <-beat.C:
		case <-ctx.Done():
			return nil
		}
		copy(payload, fmt.Appendf(nil, "%016d", n))
		say("sent", fmt.Sprint(n))
		if err := send(n, payload); err != nil {
			return err
		}
	}
}

// got says which update a payload is.
func got(payload []byte) {
	if len(payload) == weight {
		if n, err := strconv.Atoi(string(payload[:16])); err == nil {
			say("got", fmt.Sprint(n))
		}
	}
}

// A tally is when an update was sent, when it came last, and to how many.
type tally struct {
	sent, last time.Time
	got        int
}

// measureSpread times updates from one process until the last of the others has each.
func measureSpread(ctx context.Context, s spread, size, updates int) (r result, err error) {
	dir, err := os.MkdirTemp("", "peers-*")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	m := &room{dir: dir, nodes: map[string]*child{}, reports: make(chan report, 1024)}
	defer m.close()
	r = result{Peer: s.name, What: s.what, Seconds: []float64{}}
	if err := m.cast(ctx, s, size); err != nil {
		return r, m.explain(err)
	}
	tallies := make([]tally, warmUp+updates)
	count := func() bool { return !slices.ContainsFunc(tallies, func(t tally) bool { return t.sent.IsZero() }) }
	if err := m.tally(ctx, tallies, "all updates are sent", patience+time.Duration(len(tallies))*pace, count); err != nil {
		return r, m.explain(err)
	}
	all := func() bool { return !slices.ContainsFunc(tallies, func(t tally) bool { return t.got < size-1 }) }
	// What has not come by then is lost.
	if err := m.tally(ctx, tallies, "all updates came", time.Second, all); err != nil && !errors.Is(err, errLate) {
		return r, m.explain(err)
	}
	for _, t := range tallies[warmUp:] {
		if t.got < size-1 {
			r.Lost++
			continue
		}
		r.Seconds = append(r.Seconds, t.last.Sub(t.sent).Seconds())
	}
	return r, nil
}

// cast starts server, readers, relay and writer, in this order, each when those before
// can be told.
func (m *room) cast(ctx context.Context, s spread, size int) error {
	var join []string
	if s.server != nil {
		server, err := start(s.name, "server", config{name: "server", dir: m.dir}, m.reports)
		if err != nil {
			return err
		}
		m.nodes["server"] = server
		if join, err = m.reached(ctx, 1); err != nil {
			return err
		}
	}
	readers := size - 1
	if s.relay != nil {
		readers--
	}
	for i := range readers {
		if err := m.play(s, "reader", fmt.Sprintf("reader%d", i), join); err != nil {
			return err
		}
	}
	addresses, err := m.reached(ctx, len(m.nodes))
	if err != nil {
		return err
	}
	if s.relay != nil {
		if err := m.play(s, "relay", "relay", addresses); err != nil {
			return err
		}
		if _, err := m.reached(ctx, len(m.nodes)); err != nil {
			return err
		}
		join = []string{m.nodes["relay"].at}
	}
	return m.play(s, "writer", "writer", join)
}

func (m *room) play(s spread, role, name string, join []string) error {
	c, err := start(s.name, role, config{name: name, dir: m.dir, join: join}, m.reports)
	if err == nil {
		m.nodes[name] = c
	}
	return err
}

// reached waits until n processes have said where they are.
func (m *room) reached(ctx context.Context, n int) (all []string, err error) {
	late := time.After(patience)
	for {
		all = nil
		for _, c := range m.nodes {
			if c.at != "" {
				all = append(all, c.at)
			}
		}
		if len(all) >= n {
			return all, nil
		}
		select {
		case r := <-m.reports:
			if r.kind == "ended" {
				return nil, fmt.Errorf("%s ended: %s", r.from, r.value)
			}
			if r.kind == "at" {
				m.nodes[r.from].at = r.value
			}
		case <-late:
			return nil, fmt.Errorf("%d of %d processes are ready", len(all), n)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

var errLate = errors.New("waited in vain")

// tally counts reports until enough.
func (m *room) tally(ctx context.Context, tallies []tally, what string, wait time.Duration, enough func() bool) error {
	late := time.After(wait)
	for !enough() {
		select {
		case r := <-m.reports:
			if r.kind == "ended" {
				return fmt.Errorf("%s ended: %s", r.from, r.value)
			}
			n, err := strconv.Atoi(r.value)
			if err != nil || n >= len(tallies) {
				continue // an address, or beyond what counts
			}
			t := &tallies[n]
			switch r.kind {
			case "sent":
				t.sent = r.at
			case "got":
				t.got++
				if r.at.After(t.last) {
					t.last = r.at
				}
			}
		case <-late:
			return fmt.Errorf("%w until %s", errLate, what)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
