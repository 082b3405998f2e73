package worker

import (
	"context"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/replica"
)

// outsideRoom is the life of a worker without registry: it keeps its lease and
// its status at the hub, where clients find it by HTTP, and runs their jobs. It
// has no mesh and no vote.
func (a *Agent) outsideRoom(ctx context.Context) error {
	lease := time.NewTicker(events.LeaseInterval)
	defer lease.Stop()
	d := newDrain(ctx, a)
	defer d.stop()
	a.reportLoad()
	for !d.over {
		select {
		case up := <-a.session.Connected():
			if up {
				a.askRegister(replica.Register{LastIncarnation: a.incarnation()}, 0)
			}
		case <-lease.C:
			a.askRenew(replica.Renew{Seat: *a.seat.Load()}, 0)
		case in := <-a.inbox:
			if err := a.outsideInput(in); err != nil {
				return err
			}
		case <-a.jobs.Changed():
			a.reportLoad()
			d.check()
		case <-d.begin:
			d.start()
		case <-d.deadline:
			d.over = true
		}
	}
	g, err := events.Goodbye{Room: a.session.Room(), Seat: *a.seat.Load()}.Sign(a.session.Signer())
	if err != nil {
		return err
	}
	a.leave(replica.Leave{Goodbye: g})
	return nil
}

// outsideInput takes the hub's answers; what concerns the mesh means nothing here. A
// seat that the hub does not know as ours is registered anew: the hub knows whose it is.
func (a *Agent) outsideInput(in replica.Input) error {
	answer, _ := in.(replica.Answer)
	switch in := answer.Input.(type) {
	case replica.Registered:
		a.reportLoad()
	case replica.NotRegistered:
		if in.Err.Code == events.CodeOldIncarnation {
			return in.Err
		}
	case replica.Renewed:
		if in.Err != nil && (in.Err.Code == events.CodeNotMember || in.Err.Code == events.CodeOldIncarnation) {
			a.askRegister(replica.Register{LastIncarnation: a.incarnation()}, 0)
		}
	}
	return nil
}

func (a *Agent) reportLoad() {
	l := a.jobs.Load()
	a.report(events.StatusReport{
		V: events.ProtocolVersion, Seat: *a.seat.Load(), Status: l.Status, CurrentJob: l.Job, Slots: a.slots(l),
	})
}
