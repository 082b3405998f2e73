package main

import (
	"context"
	"fmt"
	"time"

	"github.com/moothall/moothall/embedded"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling"
)

// A house is what a hub that answers can tell about itself.
type house struct {
	settings
	data    dataDir
	keys    *embedded.Keys
	hub     *signaling.Hub
	pin     string // of the certificate, "" for none
	httpURL string
	natsURL string
}

// welcome waits until the hub answers, writes the files of --dev and prints how to
// begin: the URL, and a line each to paste for a worker and for a client.
func (p *program) welcome(ctx context.Context, h *house) error {
	select {
	case <-ctx.Done():
		return nil
	case <-h.hub.Ready():
	}
	if !h.Dev {
		p.printLines(h, h.mintLine)
		return nil
	}
	files, err := h.writeDevFiles(ctx, time.Now())
	if err != nil {
		return coded(err, events.CodeFile)
	}
	fmt.Fprintf(p.err, "settings for room %s: %s  %s  %s\n", h.Rooms[0],
		h.data.path(workerEnv), h.data.path(clientEnv), h.data.path(viewerCreds))
	p.printLines(h, func(_ string, role events.Role) string { return "MOOT_TOKEN=" + files[role] })
	return nil
}

func (p *program) printLines(h *house, token func(room string, role events.Role) string) {
	fmt.Fprintln(p.out, h.httpURL)
	for _, room := range h.rooms() {
		for _, line := range []struct {
			role    events.Role
			command string
		}{{events.RoleWorker, "moot-worker"}, {events.RoleClient, "moot workers"}} {
			fmt.Fprintf(p.out, "MOOT_HUB=%s MOOT_ROOM=%s ENABLE_ROOM_REGISTRY=true %s %s\n", h.httpURL, room, token(room, line.role), line.command)
		}
	}
}

// rooms to print lines of. With --dev only the first has tokens.
func (h *house) rooms() []string {
	switch {
	case len(h.Rooms) == 0:
		return []string{"ROOM"}
	case h.Dev:
		return h.Rooms[:1]
	}
	return h.Rooms
}

// mintLine makes the token when the line is pasted, so that none is printed.
func (h *house) mintLine(room string, role events.Role) string {
	return fmt.Sprintf("MOOT_TOKEN=$(moothall token new --data %s --room %s --role %s)", h.data, room, role)
}
