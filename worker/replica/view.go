package replica

import (
	"maps"
	"slices"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster"
)

// A View is the room as one worker has it. It is immutable.
type View struct {
	Room string
	Self events.Seat
	events.Standing
	Certificate events.SeatCertificate
	Position    events.Position
	Version     uint64
	AsOf        time.Time
	// Answering: this worker is admin and the hub has confirmed its term since the
	// connection came up and since its last late tick.
	Answering bool
	// Stale: there is no way to the admin, so the state may be old (work list 7.4).
	Stale   bool
	Notices uint64 // roster notices sent up to this view
	Bytes   int    // of the document's changes
	Workers []events.Worker
}

// standing is where the room stands as far as this worker may say: its accepted
// term, and the newest member list it knows of.
func (r *Replica) standing() events.Standing {
	admin := r.admin()
	return events.Standing{
		Term: r.fence.Term(), AdminPeerID: admin.PeerID, AdminIncarnation: admin.Incarnation,
		MembersVersion: r.hub.record.MembersVersion,
	}
}

// Rows are the rows of the document, for those who check it.
func (r *Replica) Rows() []roster.Row {
	if r.roster == nil {
		return nil
	}
	return r.roster.Rows()
}

// Changes and Bytes are the size of the document's history, for those who watch it;
// Weigh also saves it.
func (r *Replica) Changes() int { return r.roster.Changes() }

func (r *Replica) Bytes() int { return r.roster.Bytes() }

func (r *Replica) Weigh() roster.Weight { return r.roster.Weigh() }

func (r *Replica) show() {
	v := &View{
		Room: r.cfg.Room, Self: r.seat, Standing: r.standing(), Certificate: r.fence.Certificate(),
		Position: r.roster.Position(), Version: r.roster.Version(), AsOf: r.now,
		Answering: r.isAdmin() && r.hub.confirmed, Stale: !r.reachesAdmin(), Workers: r.workers(), Bytes: r.roster.Bytes(),
	}
	notices := r.changes(v)
	v.Notices = r.notices
	r.emit(Show{v})
	for _, n := range notices {
		r.emit(Publish{n})
	}
}

func (r *Replica) reachesAdmin() bool {
	return r.isAdmin() || r.hasWay(r.admin())
}

// hasWay reports whether there is a link to a seat that is not suspected.
func (r *Replica) hasWay(s events.Seat) bool {
	return r.linked(s) && !r.links[s.PeerID].silent
}

// workers joins the hub's record with the rows: departure is the record's, status
// the owner's, the last heartbeat what this worker heard.
func (r *Replica) workers() []events.Worker {
	rows := map[events.Seat]roster.Row{}
	for _, row := range r.roster.Rows() {
		rows[row.Seat] = row
	}
	all := make([]events.Worker, 0, len(r.members))
	for _, id := range sorted(r.members) {
		p := r.members[id]
		if row, ok := rows[p.Seat]; ok && p.Registry {
			all = append(all, r.worker(p, row))
		} else {
			all = append(all, r.fromRecord(p))
		}
	}
	return all
}

func (r *Replica) worker(p events.PeerInfo, row roster.Row) events.Worker {
	w := events.Worker{
		PeerID: p.PeerID, Name: row.Metadata.Name, Status: row.Status, IsAdmin: p.Seat == r.admin(), Registry: true,
		Incarnation: p.Incarnation, NKey: row.Key, LastHeartbeat: row.LastHeartbeat, CurrentJob: row.Job,
		Slots: events.Slots{Total: row.Slots, Free: row.Free}, Path: "none", Commands: append([]string{}, row.Commands...), Mounts: row.Mounts, Metadata: row.Metadata,
	}
	heard := r.lastHeard[p.Seat]
	if r.linked(p.Seat) {
		heard, _ = r.detector.LastHeard(p.PeerID)
	}
	if heard.After(w.LastHeartbeat.Time) {
		w.LastHeartbeat = events.At(heard)
	}
	if p.Seat == r.seat {
		w.Path, w.LastHeartbeat = "self", events.At(r.now)
	} else if l := r.links[p.PeerID]; l != nil {
		w.Path = l.path
	}
	w.Stale = p.Seat != r.seat && !r.hub.up && r.now.Sub(heard) >= r.staleAfter()
	return withPresence(w, p, r.roster.Banned(p.Seat))
}

// fromRecord is a worker without registry, or one whose row has not arrived yet: what
// it told the hub is all there is.
func (r *Replica) fromRecord(p events.PeerInfo) events.Worker {
	w := events.Worker{
		PeerID: p.PeerID, Name: p.Metadata.Name, Status: p.Status, Registry: p.Registry, IsAdmin: p.Seat == r.admin(),
		Incarnation: p.Incarnation, NKey: p.NKey,
		LastHeartbeat: p.LastHeartbeat, CurrentJob: p.CurrentJob, Slots: p.Slots, Path: "none", Metadata: p.Metadata,
	}
	return withPresence(w, p, r.roster.Banned(p.Seat))
}

func withPresence(w events.Worker, p events.PeerInfo, banned bool) events.Worker {
	switch {
	case p.Away:
		w.Status = events.StatusDeparted
	case p.Suspect, banned:
		w.Status = events.StatusSuspect
	}
	return w
}

// changes are what to tell the room, as admin, of workers that differ from the last
// view. Everyone keeps that, so a new admin does not repeat what was told.
func (r *Replica) changes(v *View) []events.RosterNotice {
	var notices []events.RosterNotice
	now := make(map[string]events.Worker, len(v.Workers))
	for _, w := range v.Workers {
		now[w.PeerID] = w
		if !r.isAdmin() || sameForRoom(r.shown[w.PeerID], w) {
			continue
		}
		r.notices++
		notices = append(notices, events.RosterNotice{
			Type: events.TypeWorkerStatus, V: events.ProtocolVersion, RoomID: r.cfg.Room, Time: events.At(r.now),
			Fence: v.Term, Version: v.Version, Seq: r.notices, Worker: w,
		})
	}
	r.shown = now
	return notices
}

// sameForRoom reports whether two workers differ in nothing but what changes with
// every heartbeat.
func sameForRoom(a, b events.Worker) bool {
	return a.PeerID == b.PeerID && a.Incarnation == b.Incarnation && a.Status == b.Status && a.CurrentJob == b.CurrentJob &&
		a.Slots == b.Slots && a.Path == b.Path && a.Name == b.Name && a.Metadata.Properties == b.Metadata.Properties &&
		maps.Equal(a.Metadata.Tags, b.Metadata.Tags) && slices.Equal(a.Commands, b.Commands) && slices.Equal(a.Mounts, b.Mounts)
}
