package worker

import (
	"sync"

	"github.com/moothall/moothall/signaling/link"
)

// guests are the links of clients, by peer id, so that those of a client which the
// operator put out can be cut. Safe for concurrent use.
type guests struct {
	mu    sync.Mutex // guards what follows
	links map[string]map[*link.Link]struct{}
	here  map[string]int // links that are made, or being made
}

// spareLinks is how many links one client may have beside one for each slot: to read, and
// while another ends.
const spareLinks = 8

// enter counts a link of a client, unless it has as many as one may have.
func (g *guests) enter(client string, most int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.here == nil {
		g.here = map[string]int{}
	}
	if g.here[client] >= most {
		return false
	}
	g.here[client]++
	return true
}

func (g *guests) leave(client string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.here[client]--; g.here[client] == 0 {
		delete(g.here, client)
	}
}

// came notes a link; the function that it returns forgets it.
func (g *guests) came(client string, l *link.Link) (gone func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.links == nil {
		g.links = map[string]map[*link.Link]struct{}{}
	}
	if g.links[client] == nil {
		g.links[client] = map[*link.Link]struct{}{}
	}
	g.links[client][l] = struct{}{}
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.links[client], l)
		if len(g.links[client]) == 0 {
			delete(g.links, client)
		}
	}
}

// putOut closes a client's links.
func (g *guests) putOut(client string) {
	g.mu.Lock()
	var all []*link.Link
	for l := range g.links[client] {
		all = append(all, l)
	}
	g.mu.Unlock()
	for _, l := range all {
		l.Close()
	}
}
