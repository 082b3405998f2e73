package worker

import "github.com/moothall/moothall/worker/roster"

// static is the part of the own row that does not change while the process lives.
func (a *Agent) static() roster.Static {
	return roster.Static{
		Metadata: a.cfg.Metadata, Commands: a.cfg.Commands.Names(), Mounts: a.cfg.Mounts.Names(), Slots: a.cfg.Slots, Joined: a.disk.joined(),
	}
}
