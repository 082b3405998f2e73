package signaling

import (
	"context"
	"time"

	"github.com/moothall/moothall/embedded"
	"github.com/moothall/moothall/events"
)

// join admits a peer: it checks the token, binds the peer id to the key, and mints
// credentials that work with that key only and end no later than the token.
func (h *Hub) join(ctx context.Context, room string, q events.JoinRequest) (events.JoinReply, error) {
	if q.Protocol != 0 && q.Protocol != events.ProtocolVersion {
		return events.JoinReply{}, events.Errorf(events.CodeVersion, "the hub speaks protocol %d, the peer %d", events.ProtocolVersion, q.Protocol).
			WithTry("the same release on both sides")
	}
	now := time.Now()
	if err := h.gate.bans.join(q.NKey, now); err != nil {
		return events.JoinReply{}, err
	}
	info, err := h.tokens.Check(q.Token, now)
	if err != nil {
		return events.JoinReply{}, err
	}
	if err := h.doorkeeper.token(info.ID, now); err != nil {
		return events.JoinReply{}, err
	}
	if err := h.gate.bans.token(info.ID, func() bool { return !h.tokens.admitted(info.ID, q.NKey, now) }, now); err != nil {
		return events.JoinReply{}, err
	}
	if err := admits(info, room); err != nil {
		return events.JoinReply{}, err
	}
	peer, err := info.peer(q)
	if err != nil {
		return events.JoinReply{}, err
	}
	d, err := h.store.change(ctx, room, func(r Record) (Decision, error) { return h.registry.Bind(r, peer, q.NKey, now) })
	if err != nil {
		return events.JoinReply{}, err
	}
	expires := now.Add(h.cfg.JWTLife)
	if info.Expires.Before(expires) {
		expires = info.Expires.Time
	}
	if err := h.tokens.Admit(info, Admitted{NKey: q.NKey, Room: room, Peer: peer, Until: expires, At: now}); err != nil {
		return events.JoinReply{}, err
	}
	jwt, err := h.keys.MintUser(embedded.User{Role: info.Role, Room: room, Peer: peer, Token: info.ID, NKey: q.NKey, Expires: expires})
	if err != nil {
		return events.JoinReply{}, err
	}
	return events.JoinReply{
		RoomID: room, PeerID: peer, Role: info.Role, JWT: jwt,
		NATSURLs: h.cfg.NATSURLs, ICEServers: append([]events.ICEServer{}, h.cfg.ICEServers...),
		InboxPrefix: events.InboxPrefix(room, peer), Standing: d.Record.Standing(),
		Limits: h.cfg.Limits, SeatKeys: h.registry.HubKeys, Expires: events.At(expires), Version: h.cfg.Version,
	}, nil
}

// admits checks that a token is of the room that its bearer names.
func admits(info TokenInfo, room string) error {
	if err := events.ValidID("room", room); err != nil {
		return err
	}
	if info.Room != room {
		return events.Errorf(events.CodeForbidden, "this token is for room %q, not %q", info.Room, room).
			WithTry("MOOT_ROOM=%s, or moothall token new --room %s --role %s, on the hub", info.Room, room, info.Role)
	}
	return nil
}

// peer is the id that the bearer of a token gets.
func (t TokenInfo) peer(q events.JoinRequest) (string, error) {
	switch {
	case t.PeerID != "" && q.PeerID != "" && t.PeerID != q.PeerID:
		return "", events.Errorf(events.CodeForbidden, "this token is for peer %q, not %q", t.PeerID, q.PeerID).
			WithTry("MOOT_PEER_ID=%s, or another token", t.PeerID)
	case t.PeerID != "":
		return t.PeerID, nil
	case q.PeerID != "":
		return q.PeerID, nil
	}
	return events.DerivedID(t.Role, q.NKey), nil
}
