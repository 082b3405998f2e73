package signaling

import (
	"math"
	"net/http"
	"time"

	"github.com/moothall/moothall/embedded"
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
	const most = math.MaxInt64 / int64(time.Millisecond)
	ttl := time.Duration(max(-most, min(o.TTLMS, most))) * time.Millisecond
	return TokenRequest{Room: o.RoomID, Role: o.Role, TTL: ttl, ID: o.ID, PeerID: o.PeerID}
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
	if err := readBody(w, r, "order of a token", &o); err != nil {
		writeError(w, err)
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

// A RotationOrder asks for new signing keys over HTTP.
type RotationOrder struct {
	GraceMS *int64 `json:"grace_ms,omitempty"` // default that of DefaultJWTLife
}

func (o RotationOrder) grace() (time.Duration, error) {
	if o.GraceMS == nil {
		return DefaultJWTLife, nil
	}
	if ms := *o.GraceMS; ms < 0 || ms > maxGrace.Milliseconds() {
		return 0, events.Errorf(events.CodeInvalid, "grace of %d ms: 0 to %d", ms, maxGrace.Milliseconds())
	}
	return time.Duration(*o.GraceMS) * time.Millisecond, nil
}

// maxGrace bounds what an order may ask for; no credentials live nearly as long.
const maxGrace = 30 * 24 * time.Hour

// A Rotation is what an operator sees of it.
type Rotation struct {
	Rotated     events.Time `json:"rotated"`
	FormerUntil events.Time `json:"former_until"`
}

// RotationOf is a rotation of the server's keys as operators see it.
func RotationOf(r embedded.Rotation) Rotation {
	return Rotation{Rotated: events.At(r.At), FormerUntil: events.At(r.Until)}
}

func (h *Hub) serveRotate(w http.ResponseWriter, r *http.Request) {
	var o RotationOrder
	if err := readBody(w, r, "order of new keys", &o); err != nil {
		writeError(w, err)
		return
	}
	grace, err := o.grace()
	if err != nil {
		writeError(w, err)
		return
	}
	rotated, err := h.keys.Rotate(grace, time.Now())
	if err == nil {
		err = h.lookNow(r.Context())
	}
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, RotationOf(rotated))
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
