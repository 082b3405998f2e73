package replica

import (
	"github.com/moothall/moothall/events"
)

// An Input is something that happened to the worker.
type Input interface{ step(r *Replica) }

// What the hub says.
type (
	// Registered is the answer to Register.
	Registered struct{ events.RegisteredAuth }
	// Renewed is the answer to Renew; Err is what the hub refused it with.
	Renewed struct {
		events.Ack
		Err *events.Error
	}
	// Refreshed is the answer to Refresh.
	Refreshed struct {
		events.RoomInfo
		Err *events.Error
	}
	// Claimed is the answer to Claim.
	Claimed struct {
		events.Ack
		Err *events.Error
	}
	// NotRegistered says that Register failed; it is tried again.
	NotRegistered struct{ Err *events.Error }
	// Announced is an announcement of an admin.
	Announced struct{ events.Announcement }
	// Presence is one of the three presence events.
	Presence struct{ events.PeerEvent }
	// HubUp and HubDown are the ends of the connection to the hub.
	HubUp   struct{}
	HubDown struct{}
)

// Answer is one of the hub's answers above with what Doubts said when the question
// was put. One that was put before the last doubt confirms nothing: it may have been
// given before this process stood still.
type Answer struct {
	Input
	Doubts uint64
}

// What the mesh brings.
type (
	// LinkUp says that the link to a seat is open. Path is direct or turn.
	LinkUp struct {
		events.Seat
		Path string
	}
	// LinkDown says that the link to a seat has ended.
	LinkDown struct{ events.Seat }
	// LinkSilent says that nothing is heard over the open link to a seat, not even its
	// checks, or that it is heard again. The link is suspected, not given up.
	LinkSilent struct {
		events.Seat
		Silent bool
	}
	// Frame is a message on the control channel of the link to a seat.
	Frame struct {
		From events.Seat
		Data []byte
	}
)

// What the worker itself does.
type (
	// Tick comes when Next said, if nothing else did.
	Tick struct{}
	// Quiet says that no other input waits: what was collected goes out.
	Quiet struct{}
	// Load is the state of the own slot.
	Load struct {
		Status events.Status
		Job    string
		Free   int
	}
	// Depart says goodbye on every link and to the hub.
	Depart struct{}
)

// An Output is something for the worker to do.
type Output interface{ output() }

// What to ask the hub. One of each kind is under way at most; each is answered by
// the input of the same name.
type (
	Register struct {
		LastIncarnation uint64
		Certificate     events.SeatCertificate
	}
	Renew   struct{ events.Seat }
	Refresh struct{}
	Claim   struct{ events.Claim }
	// Testify and Leave need no answer.
	Testify struct{ events.Gone }
	// Leave gives the seat back. Term is the own one of an admin whose goodbye others
	// have: with it the next one takes the seat in one step, so it is worth a moment's
	// wait for a later term; else zero.
	Leave struct {
		events.Goodbye
		Term events.Term
	}
	// Report tells the hub the own status, for those who still ask by HTTP.
	Report struct{ events.StatusReport }
)

// What to do with the mesh.
type (
	// Dial wants a link to a seat, in place of any other seat of that peer. NKey is
	// the peer's public key as the hub's record has it.
	Dial struct {
		events.Seat
		NKey string
	}
	// Hangup ends the link to a peer.
	Hangup struct{ PeerID string }
	// Send sends a frame; what cannot be sent is dropped.
	Send struct {
		To    string
		Frame []byte
	}
)

// What to show and say.
type (
	// Show replaces the view.
	Show struct{ *View }
	// Publish tells the room that a row changed.
	Publish struct{ events.RosterNotice }
	// Note is for the log and the metrics.
	Note struct {
		Level  Level
		Text   string
		Fields []any // key, value, key, value…
	}
	// Exit ends the process with an error: another process has the seat.
	Exit struct{ Err *events.Error }
)

// Level of a Note, with the numbers of log/slog.
type Level int

const (
	Debug Level = -4
	Info  Level = 0
	Warn  Level = 4
)

func (Register) output() {}
func (Renew) output()    {}
func (Refresh) output()  {}
func (Claim) output()    {}
func (Testify) output()  {}
func (Leave) output()    {}
func (Report) output()   {}
func (Dial) output()     {}
func (Hangup) output()   {}
func (Send) output()     {}
func (Show) output()     {}
func (Publish) output()  {}
func (Note) output()     {}
func (Exit) output()     {}
