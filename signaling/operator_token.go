package signaling

import (
	"io"
	"net/http"
	"time"

	"github.com/moothall/moothall/events"
)

// A TokenOrder is a TokenRequest over HTTP.
type TokenOrder struct {
	RoomID string      `json:"room_id"`
	Role   events.Role `json:"role"`
	TTLMS  int64       `json:"ttl_ms,omitempty"` // default that of DefaultTokenTTL
	ID     string      `json:"id,omitempty"`
	PeerID string      `json:"peer_id,omitempty"`
}

func (o TokenOrder) request() TokenRequest {
	return TokenRequest{Room: o.RoomID, Role: o.Role, TTL: time.Duration(o.TTLMS) * time.Millisecond, ID: o.ID, PeerID: o.PeerID}
}

// A NewToken is a token with its text, which is shown once.
type NewToken struct {
	TokenInfo
	Text string `json:"token"`
}

// A TokenList is what a hub's operator may see of its tokens.
type TokenList struct {
	Tokens []TokenInfo `json:"tokens"`
}

func (h *Hub) serveTokens(w http.ResponseWriter, _ *http.Request) {
	all, err := h.tokens.List()
	if err != nil {
		writeError(w, err)
		return
	}
	for i := range all {
		all[i] = all[i].shown()
	}
	writeJSON(w, http.StatusOK, TokenList{Tokens: all})
}

func (h *Hub) serveNewToken(w http.ResponseWriter, r *http.Request) {
	var o TokenOrder
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, events.MaxJoinBody))
	if err != nil {
		writeError(w, tooLarge(err))
		return
	}
	if err := events.Decode(body, &o); err != nil {
		writeError(w, events.Errorf(events.CodeInvalid, "order of a token: %v", err))
		return
	}
	text, info, err := h.tokens.New(o.request(), time.Now())
	if err != nil {
		writeError(w, err)
		return
	}
	h.log.Info("token made", keyRoom, info.Room, "token_id", info.ID, "role", info.Role)
	writeJSON(w, http.StatusOK, NewToken{TokenInfo: info.shown(), Text: events.PinToken(text, h.pin())})
}

func (h *Hub) serveRevoke(w http.ResponseWriter, r *http.Request) {
	info, err := h.tokens.Revoke(r.PathValue("id"), time.Now())
	if err != nil {
		writeError(w, err)
		return
	}
	if err := h.lookNow(r.Context()); err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, info.shown())
}

// pin is that of the hub's certificate, "" for none.
func (h *Hub) pin() string {
	if h.cfg.Pin == nil {
		return ""
	}
	return h.cfg.Pin()
}

// shown is without the hash.
func (i TokenInfo) shown() TokenInfo {
	i.SHA256 = ""
	return i
}
