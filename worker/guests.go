package worker

import (
	"sync"

	"github.com/moothall/moothall/signaling/link"
)

// guests are the links of clients, by peer id, so that those of a client which the
// operator put out can be cut. Safe for concurrent use.
type guests struct {
	mu    sync.Mutex // guards links
	links map[string]map[*link.Link]struct{}
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
