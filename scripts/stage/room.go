package stage

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/moothall/moothall/events"
)

// A Room is what a worker shows at /v1/room.
type Room struct {
	Self        string            `json:"self"`
	Incarnation uint64            `json:"incarnation"`
	AdminPeerID string            `json:"admin_peer_id"`
	Term        uint64            `json:"term"`
	Generation  events.Generation `json:"generation"`
	Genesis     string            `json:"genesis"`
	Version     uint64            `json:"version"`
	SinceUS     int64             `json:"version_since_us"`
	Heads       []string          `json:"heads"`
	Stale       bool              `json:"stale"`
	Links       []Link            `json:"links"`
	Workers     []events.Worker   `json:"workers"`
}

// A Link is a worker's link to another.
type Link struct {
	PeerID string  `json:"peer_id"`
	State  string  `json:"state"`
	Path   string  `json:"path"`
	Local  string  `json:"local"`
	Remote string  `json:"remote"`
	RTTMS  float64 `json:"rtt_ms"`
}

// Open counts the links that are up, and says whether all of them are direct.
func (r Room) Open() (n int, direct bool) {
	direct = true
	for _, l := range r.Links {
		if l.State == "open" {
			n++
			direct = direct && l.Path == "direct"
		}
	}
	return n, direct
}

// SameState reports whether two workers hold the same document, changes and all.
func (r Room) SameState(o Room) bool {
	return r.Generation == o.Generation && r.Genesis == o.Genesis && len(r.Heads) > 0 && slices.Equal(r.Heads, o.Heads)
}

const maxAnswer = 1 << 20 // bytes

// getJSON reads one JSON document over HTTP.
func getJSON(ctx context.Context, client *http.Client, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(into)
}
