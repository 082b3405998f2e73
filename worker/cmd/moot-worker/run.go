package main

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"

	"github.com/moothall/moothall/events/cli"
	"github.com/moothall/moothall/signaling/link"
	"github.com/moothall/moothall/signaling/session"
	"github.com/moothall/moothall/worker"
	"github.com/moothall/moothall/worker/gpu"
	"github.com/moothall/moothall/worker/jobs"
	"github.com/moothall/moothall/worker/settings"
)

// work runs the agent until ctx ends.
func (p *program) work(ctx context.Context) error {
	s, err := settings.Load()
	if err != nil {
		return err
	}
	log, err := cli.Logger(p.err, s.LogLevel, s.LogFormat)
	if err != nil {
		return err
	}
	for _, w := range settings.Warnings() {
		log.Warn(w)
	}
	for _, w := range s.Commands.Missing() {
		log.Warn(w)
	}
	lock, err := settings.LockState(s.StateDir)
	if err != nil {
		return err
	}
	defer lock.Release()
	if s.JobUser != nil {
		if err := s.JobUser.Admit(s.StateDir, jobDir(s)); err != nil {
			return err
		}
	}
	cfg, err := agentConfig(ctx, s, log)
	if err != nil {
		return err
	}
	return worker.New(cfg).Run(ctx)
}

func agentConfig(ctx context.Context, s *settings.Settings, log *slog.Logger) (worker.Config, error) {
	key, err := session.OpenKey(filepath.Join(s.StateDir, "key"))
	if err != nil {
		return worker.Config{}, err
	}
	heartbeat, staleAfter := s.OwnRhythm()
	return worker.Config{
		Session: session.Config{
			HubURL: s.Hub, Room: s.Room, Token: s.Token, PeerID: s.PeerID,
			Key: key, Secret: s.RoomSecret, Log: log,
		},
		Registry:     s.Registry,
		Metadata:     s.Metadata(machine(ctx, s, log)),
		Commands:     s.Commands,
		Mounts:       jobs.Mounts(s.Mounts),
		Slots:        s.Slots,
		JobDir:       jobDir(s),
		JobUser:      s.JobUser,
		Limits:       jobs.Limits{Processes: s.JobProcesses},
		SeatFile:     filepath.Join(s.StateDir, "seat.json"),
		Heartbeat:    heartbeat,
		StaleAfter:   staleAfter,
		HTTP:         s.HTTP,
		DrainTimeout: s.DrainTimeout,
		Link:         link.Config{Log: log, Loopback: onThisMachine(s.Hub)},
		Linked:       newProcessors().linked,
		Log:          log,
	}, nil
}

func jobDir(s *settings.Settings) string { return filepath.Join(s.StateDir, "jobs") }

// machine is the GPU, unless the owner says it all.
func machine(ctx context.Context, s *settings.Settings, log *slog.Logger) gpu.Info {
	if !s.NeedsGPU() {
		return gpu.Info{}
	}
	found, err := gpu.Probe(ctx)
	if err != nil {
		log.Warn("the GPU cannot be asked; offering this machine without", "error", err)
	}
	return found
}

// onThisMachine reports whether the hub is here, so that peers may be too and
// loopback addresses lead to them.
func onThisMachine(hub string) bool {
	u, err := url.Parse(hub)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
