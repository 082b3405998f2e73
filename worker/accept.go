package worker

import (
	"context"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/link"
	"github.com/moothall/moothall/worker/jobs"
)

// accept answers verified offers: of peers for the mesh, of clients for jobs.
func (a *Agent) accept(life context.Context) func(context.Context, events.Signal) (events.Signal, error) {
	return func(ctx context.Context, offer events.Signal) (events.Signal, error) {
		switch offer.Purpose {
		case events.PurposeMesh:
			return a.mesh.Accept(ctx, offer)
		case events.PurposeJob:
			return a.acceptClient(ctx, life, offer)
		}
		return events.Signal{}, events.Errorf(events.CodeInvalid, "a link for %q is not known", offer.Purpose)
	}
}

func (a *Agent) acceptClient(ctx, life context.Context, offer events.Signal) (events.Signal, error) {
	if offer.ToIncarnation != a.incarnation() {
		return events.Signal{}, events.Errorf(events.CodeOldIncarnation, "offer is for incarnation %d of %s, this is %d",
			offer.ToIncarnation, a.session.Peer(), a.incarnation())
	}
	if err := a.admit(offer.From); err != nil {
		return events.Signal{}, err
	}
	answer, l, err := a.endpoint.Accept(ctx, offer, a.signaller())
	if err != nil {
		a.dismiss(offer.From)
		return events.Signal{}, err
	}
	a.wg.Go(func() {
		defer a.dismiss(offer.From)
		a.serveClient(life, offer.From, l)
	})
	return answer, nil
}

// admit takes a place for a link of a client; dismiss gives it back.
func (a *Agent) admit(client string) error {
	most := max(a.cfg.Slots, 1) + spareLinks
	if !a.guests.enter(client, most) {
		return events.Errorf(events.CodeUnavailable, "%s has %d links with %s already", a.session.Peer(), most, client)
	}
	select {
	case a.clients <- struct{}{}:
		return nil
	default:
	}
	a.guests.leave(client)
	return events.Errorf(events.CodeUnavailable, "%s has %d links with clients already", a.session.Peer(), maxClients)
}

func (a *Agent) dismiss(client string) {
	<-a.clients
	a.guests.leave(client)
}

// serveClient serves jobs on a client's link until it ends.
func (a *Agent) serveClient(ctx context.Context, client string, l *link.Link) {
	defer l.Close()
	defer a.guests.came(client, l)()
	select {
	case <-l.Opened():
	case <-l.Done():
		a.metrics.meshFailures.WithLabelValues("client").Inc()
		a.cfg.Log.Debug("client's link not made", "peer_id", client, "error", l.Err())
		return
	case <-ctx.Done():
		return
	}
	if a.cfg.Linked != nil {
		defer a.cfg.Linked()()
	}
	if err := a.jobs.Serve(ctx, client, jobs.Link{Control: l.Control(), Bulk: l.Bulk()}); err != nil {
		a.cfg.Log.Warn("client cut off", "peer_id", client, "error", err)
	}
}
