package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling"
)

// Files of --dev, in the data folder.
const (
	workerEnv   = "worker.env"
	clientEnv   = "client.env"
	viewerCreds = "viewer.creds"
)

// devTTL is the life of what --dev writes.
const devTTL = 24 * time.Hour

// writeDevFiles makes the environment files and the viewer's credentials of the
// first room, and keeps what is still valid. It returns the tokens in use.
func (h *house) writeDevFiles(ctx context.Context, now time.Time) (map[events.Role]string, error) {
	tokens := map[events.Role]string{}
	for role, name := range map[events.Role]string{events.RoleWorker: workerEnv, events.RoleClient: clientEnv} {
		token, err := h.writeEnv(ctx, h.data.path(name), role, now)
		if err != nil {
			return nil, err
		}
		tokens[role] = token
	}
	return tokens, h.writeViewer(now)
}

func (h *house) writeEnv(ctx context.Context, path string, role events.Role, now time.Time) (token string, err error) {
	before, _ := os.ReadFile(path) // unreadable or missing: it is written anew
	token = h.stillValid(valueOf(string(before), "MOOT_TOKEN"), role, now)
	if token == "" {
		token, _, err = h.hub.NewToken(ctx, signaling.TokenRequest{Room: h.Rooms[0], Role: role, TTL: devTTL})
		if err != nil {
			return "", err
		}
	}
	token, _ = events.SplitToken(token)
	token = events.PinToken(token, h.pin)
	text := fmt.Sprintf("MOOT_HUB=%s\nMOOT_ROOM=%s\nMOOT_TOKEN=%s\nENABLE_ROOM_REGISTRY=true\n", h.httpURL, h.Rooms[0], token)
	if text == string(before) {
		return token, nil
	}
	return token, writeFile(path, text)
}

// stillValid is the token if it works for the first room in that role, else "".
func (h *house) stillValid(token string, role events.Role, now time.Time) string {
	if token == "" {
		return ""
	}
	tokens, err := h.data.tokens()
	if err != nil {
		return ""
	}
	info, err := tokens.Check(token, now)
	if err != nil || info.Room != h.Rooms[0] || info.Role != role || info.PeerID != "" {
		return ""
	}
	return token
}

// valueOf reads one NAME=value line.
func valueOf(text, name string) string {
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			return v
		}
	}
	return ""
}

func (h *house) writeViewer(now time.Time) error {
	path := h.data.path(viewerCreds)
	if before, err := os.ReadFile(path); err == nil && h.viewerFits(before, now) {
		return nil
	}
	c, err := mintCredentials(h.keys, events.RoleViewer, h.Rooms[0], now.Add(devTTL))
	if err != nil {
		return err
	}
	return writeFile(path, c.file(h.natsURL, path))
}

func (h *house) viewerFits(file []byte, now time.Time) bool {
	u, err := h.keys.ReadCreds(file)
	return err == nil && u.Role == events.RoleViewer && u.Room == h.Rooms[0] && now.Before(u.Expires) &&
		strings.Contains(string(file), " "+h.natsURL+" ")
}
