package signaling

import (
	"context"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"github.com/moothall/moothall/events"
)

// asOperator lets in whoever shows the hub's admin token, and nobody if it has none.
func (h *Hub) asOperator(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		shown, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		want := h.cfg.AdminToken.Reveal()
		if want == "" || subtle.ConstantTimeCompare([]byte(shown), []byte(want)) != 1 {
			h.metrics.rejected.WithLabelValues("operator").Inc()
			writeError(w, events.Errorf(events.CodeUnauthorized, "this is for the hub's operator").
				WithTry("Authorization: Bearer, with the admin token of the hub's data folder"))
			return
		}
		next(w, r)
	}
}

// A PeerRow is what the operator sees of a peer: its seat, its chosen id, or both.
type PeerRow struct {
	RoomID      string      `json:"room_id"`
	PeerID      string      `json:"peer_id"`
	NKey        string      `json:"nkey"`
	State       string      `json:"state"` // here, away (left, crashed, …), or absent: an id without a seat
	Incarnation uint64      `json:"incarnation,omitempty"`
	IsAdmin     bool        `json:"is_admin"`
	Chosen      bool        `json:"chosen"` // the id does not follow from the key, but belongs to it
	Since       events.Time `json:"since,omitzero"`
}

// Peers lists the seats and chosen ids of a room, by peer id.
func (g Registry) Peers(r Record) []PeerRow {
	var rows []PeerRow
	named := map[string]Name{}
	for _, n := range r.Names {
		named[n.PeerID] = n
	}
	for _, m := range r.Members {
		row := PeerRow{
			RoomID: r.Room, PeerID: m.PeerID, NKey: m.Key, State: "here",
			Incarnation: m.Incarnation, IsAdmin: r.Admin() == m.Seat, Chosen: !events.IsDerived(m.PeerID),
		}
		if m.Away != nil {
			row.State, row.Since = "away ("+m.Away.Reason+")", events.At(m.Away.Since)
		}
		rows = append(rows, row)
		delete(named, m.PeerID)
	}
	for _, n := range r.Names {
		if _, left := named[n.PeerID]; left {
			rows = append(rows, PeerRow{RoomID: r.Room, PeerID: n.PeerID, NKey: n.Key, State: "absent", Chosen: true, Since: events.At(n.Seen)})
		}
	}
	return rows
}

func (h *Hub) servePeers(w http.ResponseWriter, r *http.Request) {
	rows, err := h.peers(r.Context(), r.URL.Query().Get("room"))
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"peers": rows})
}

func (h *Hub) peers(ctx context.Context, only string) ([]PeerRow, error) {
	rooms, _, err := h.store.rooms(ctx)
	if err != nil {
		return nil, err
	}
	rows := []PeerRow{}
	for _, room := range rooms {
		if only != "" && room != only {
			continue
		}
		r, _, err := h.store.load(ctx, room)
		if err != nil {
			return nil, err
		}
		rows = append(rows, h.registry.Peers(r)...)
	}
	return rows, nil
}

func (h *Hub) serveRelease(w http.ResponseWriter, r *http.Request) {
	released, err := h.release(r.Context(), r.PathValue("room"), r.PathValue("peer"))
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, released)
}

// release takes a chosen id from its key: the key's credentials are refused and its
// connection is closed before the id is anybody's.
func (h *Hub) release(ctx context.Context, room, peer string) (PeerRow, error) {
	r, _, err := h.store.load(ctx, room)
	if err != nil {
		return PeerRow{}, err
	}
	now := time.Now()
	n, err := r.name(peer)
	if err != nil {
		return PeerRow{}, err
	}
	err = h.tokens.Release(Admitted{NKey: n.Key, Room: room, Peer: peer, Until: now.Add(h.cfg.JWTLife), At: now})
	if err != nil {
		return PeerRow{}, err
	}
	if err := h.lookNow(ctx); err != nil {
		return PeerRow{}, err
	}
	d, err := h.store.change(ctx, room, func(r Record) (Decision, error) { return h.registry.Release(r, n, time.Now()), nil })
	if err != nil {
		return PeerRow{}, err
	}
	h.tell(d)
	h.log.Info("peer id released", keyRoom, room, keyPeer, peer)
	return PeerRow{RoomID: room, PeerID: peer, NKey: n.Key, State: "released", Chosen: true}, nil
}

// Release frees a chosen id, if the key still has it.
func (g Registry) Release(r Record, n Name, now time.Time) Decision {
	d := g.Revoke(r, map[string]bool{n.Key: true}, now)
	d.Record = d.Record.clone()
	d.Record.unbind(n)
	return d.on(r)
}
