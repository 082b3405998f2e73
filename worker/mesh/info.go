package mesh

import (
	"cmp"
	"slices"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/link"
)

// Info is a link at one moment. Stats are zero unless it is open.
type Info struct {
	events.Seat
	State State
	link.Stats
}

// Links are the wanted links by peer id.
func (m *Mesh) Links() []Info {
	m.mu.Lock()
	infos := make([]Info, 0, len(m.peers))
	links := map[string]*link.Link{}
	for id, p := range m.peers {
		infos = append(infos, Info{Seat: p.seat, State: p.state})
		if p.link != nil {
			links[id] = p.link
		}
	}
	m.mu.Unlock()
	for i := range infos {
		if l := links[infos[i].PeerID]; l != nil {
			infos[i].Stats = l.Stats()
		}
	}
	slices.SortFunc(infos, func(a, b Info) int { return cmp.Compare(a.PeerID, b.PeerID) })
	return infos
}
