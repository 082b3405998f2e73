package worker

import (
	"context"
	"log/slog"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/mesh"
	"github.com/moothall/moothall/worker/replica"
)

// inRoom owns the replica. It ends when ctx has ended and the worker has drained,
// or when another process has the seat.
func (a *Agent) inRoom(ctx context.Context, welcome events.RegisteredAuth) error {
	l := &loop{agent: a, replica: replica.New(replica.Config{
		Room: a.session.Room(), PeerID: a.session.Peer(), Key: a.session.Signer(), Static: a.static(),
		HubKeys: welcome.SeatKeys, LastIncarnation: welcome.Incarnation,
	})}
	l.step(replica.Registered{RegisteredAuth: welcome})
	l.stepLoad()
	timer := time.NewTimer(0)
	defer timer.Stop()
	d := newDrain(ctx, a)
	defer d.stop()
	for l.exit == nil && !d.over {
		l.quiet()
		timer.Reset(time.Until(l.replica.Next()))
		select {
		case in := <-a.inbox:
			l.step(in)
		case e := <-a.mesh.Events():
			l.take(e)
		case up := <-a.session.Connected():
			l.step(hubInput(up))
		case <-a.jobs.Changed():
			l.stepLoad()
			d.check()
		case <-timer.C:
			l.step(replica.Tick{})
		case <-d.begin:
			d.start()
		case <-d.deadline:
			d.over = true
		}
	}
	if l.exit != nil {
		return l.exit
	}
	l.step(replica.Depart{})
	return nil
}

// loop is the state of the one goroutine that owns the replica.
type loop struct {
	agent   *Agent
	replica *replica.Replica
	exit    error // another process has the seat
}

// step feeds an input to the replica and does what comes out.
func (l *loop) step(in replica.Input) {
	for _, out := range l.replica.Step(time.Now(), in) {
		l.do(out)
	}
}

// take feeds what came from the mesh. How long state takes to merge, and how old an
// owner's change is then, is measured.
func (l *loop) take(e mesh.Event) {
	in := meshInput(e)
	f, _ := in.(replica.Frame)
	kind, payload, err := events.ParseFrame(f.Data)
	begun := time.Now()
	l.step(in)
	if err != nil || kind != events.FrameStatusUpdate && kind != events.FrameStateBroadcast {
		return
	}
	now := time.Now()
	l.agent.metrics.merge.Observe(now.Sub(begun).Seconds())
	if kind == events.FrameStatusUpdate {
		l.agent.metrics.propagated(payload, now)
	}
}

// quiet tells the replica that nothing waits, if so: then the view is that of now.
func (l *loop) quiet() {
	if len(l.agent.inbox) == 0 && len(l.agent.mesh.Events()) == 0 {
		l.step(replica.Quiet{})
		l.agent.current.Store(time.Now().UnixNano())
	}
}

func (l *loop) stepLoad() {
	load := l.agent.jobs.Load()
	l.step(replica.Load{Status: load.Status, Job: load.Job, Free: load.Free})
}

// do carries one output out. Nothing here blocks.
func (l *loop) do(out replica.Output) {
	a := l.agent
	switch o := out.(type) {
	case replica.Register:
		a.askRegister(o, l.replica.Doubts())
	case replica.Renew:
		a.askRenew(o, l.replica.Doubts())
	case replica.Refresh:
		a.askRefresh(l.replica.Doubts())
	case replica.Claim:
		a.askClaim(o, l.replica.Doubts())
	case replica.Testify:
		a.testify(o)
	case replica.Leave:
		a.depart(o)
	case replica.Report:
		a.report(o.StatusReport)
	case replica.Dial:
		a.keys.Store(o.PeerID, o.NKey)
		a.mesh.Want(o.Seat)
	case replica.Hangup:
		a.mesh.Drop(o.PeerID)
	case replica.Send:
		a.send(o)
	case replica.Show:
		a.show(o.View)
	case replica.Publish:
		a.publish(events.RosterSubject(a.session.Room(), a.session.Peer()), o.RosterNotice)
	case replica.Note:
		a.note(o)
	case replica.Exit:
		l.exit = o.Err
	}
}

// shown is a view with the time at which its version was first to be seen here.
type shown struct {
	*replica.View
	since time.Time
}

func (a *Agent) show(v *replica.View) {
	next := &shown{View: v}
	if before := a.view.Load(); before != nil && before.Version == v.Version {
		next.since = before.since
	} else {
		next.since = time.Now()
	}
	a.view.Store(next)
	a.fresh.beat()
}

func (a *Agent) send(o replica.Send) {
	if err := a.mesh.Send(o.To, o.Frame); err != nil {
		a.metrics.meshFailures.WithLabelValues("send").Inc()
		a.cfg.Log.Debug("not sent", "peer_id", o.To, "error", err)
	}
}

// note logs what the replica says, with the context that every line carries.
func (a *Agent) note(n replica.Note) {
	a.metrics.count(n)
	a.cfg.Log.Log(context.Background(), slog.Level(n.Level), n.Text, n.Fields...)
}

// depart leaves the room; an admin not before it has a successor, and not at once.
func (a *Agent) depart(o replica.Leave) {
	if o.Term.IsZero() {
		a.leave(o)
		return
	}
	a.awaitSuccessor(o.Term)
	a.leave(o)
	time.Sleep(lingering)
}

// awaitSuccessor waits a little for a later term than the own one. Nothing else that
// comes matters any more.
func (a *Agent) awaitSuccessor(own events.Term) {
	patience := time.After(successorPatience)
	for {
		select {
		case in := <-a.inbox:
			if next, ok := in.(replica.Announced); ok && next.Term.Compare(own) > 0 {
				return
			}
		case <-patience:
			return
		}
	}
}

// leave says goodbye to the hub and waits a little: the process is about to end.
func (a *Agent) leave(o replica.Leave) {
	ctx, cancel := context.WithTimeout(context.Background(), farewellTimeout)
	defer cancel()
	request := events.Leave{V: events.ProtocolVersion, Goodbye: o.Goodbye}
	if err := a.request(ctx, events.VerbLeave, request, &events.Ack{}); err != nil {
		a.cfg.Log.Warn("the hub did not take the goodbye", "error", err)
	}
}

func meshInput(e mesh.Event) replica.Input {
	switch e.Kind {
	case mesh.Up:
		return replica.LinkUp{Seat: e.Seat, Path: e.Path}
	case mesh.Down:
		return replica.LinkDown{Seat: e.Seat}
	case mesh.Silent, mesh.Heard:
		return replica.LinkSilent{Seat: e.Seat, Silent: e.Kind == mesh.Silent}
	default:
		return replica.Frame{From: e.Seat, Data: e.Data}
	}
}

func hubInput(up bool) replica.Input {
	if up {
		return replica.HubUp{}
	}
	return replica.HubDown{}
}
