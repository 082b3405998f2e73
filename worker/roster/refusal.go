package roster

import (
	"errors"
	"fmt"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster/guard"
)

// A Reason names why a chunk or a genesis was refused. The set is small and
// fixed, so that refusals can be counted by it; it includes guard's reasons.
type Reason string

// Reasons that refuse a chunk for what it says.
const (
	NoGeneration    Reason = "no_generation"   // this replica has no document yet
	WrongKeys       Reason = "row_keys"        // neither one seat's /d nor its /s and /d
	WrongActor      Reason = "actor"           // not the actor of the keys' seat in this generation
	WrongText       Reason = "row_text"        // not the canonical text of a row
	WrongRoom       Reason = "row_room"        //
	WrongGeneration Reason = "row_generation"  //
	WrongSeat       Reason = "row_seat"        //
	WrongKind       Reason = "row_kind"        //
	WrongDeps       Reason = "row_deps"        // signed for a change with other dependencies
	WrongValue      Reason = "row_value"       // a status, number or size outside its bounds
	WrongStatic     Reason = "row_static"      // /d names another /s than the one it stands beside
	WrongKey        Reason = "row_key"         // the seat had another key before
	BadCertificate  Reason = "row_certificate" // the hub does not vouch for the owner's key
	BadSignature    Reason = "row_signature"   //
	Banned          Reason = "banned"          // the seat equivocated in an earlier generation
)

// Reasons that refuse a chunk for what its causal past says.
const (
	WrongSeq     Reason = "change_seq"   // not the actor's next change, or not based on its last
	Equivocation Reason = "equivocation" // a second row for one place in the chain of a seat's changes, properly signed
	WrongStartOp Reason = "change_start_op"
	WrongPred    Reason = "change_pred" // does not replace exactly the value that its past shows
	OldRow       Reason = "row_seq"     // not newer than the seat's last
	WaitingFull  Reason = "waiting_full"
	Damage       Reason = "damage" // automerge did not take a change that all rules allow
)

// Reasons that refuse a genesis; its rows may also be refused for theirs.
const (
	GenesisVersion     Reason = "genesis_version"
	GenesisCertificate Reason = "genesis_certificate"
	GenesisTerm        Reason = "genesis_term" // not the certificate's, or not above the present one
	GenesisSignature   Reason = "genesis_signature"
	GenesisRows        Reason = "genesis_rows" // a peer twice, not sorted, or too many bytes
	GenesisHash        Reason = "genesis_hash"
)

// A Refusal is a refused chunk or genesis. Detail is for the log. Seat is who
// equivocated, if the refused change proves it, whoever brought it.
type Refusal struct {
	Reason Reason
	Detail string
	Seat   events.Seat
}

func (r *Refusal) Error() string { return "roster: " + string(r.Reason) + ": " + r.Detail }

func refuse(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// refusalOf turns an error of guard into a Refusal.
func refusalOf(err error) *Refusal {
	var g *guard.Refusal
	if errors.As(err, &g) {
		return &Refusal{Reason: Reason(g.Reason), Detail: g.Detail}
	}
	return refuse(Damage, "%v", err)
}

// Offender is who a refusal for equivocation is proof against; zero of any other error.
func Offender(err error) events.Seat {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Seat
	}
	return events.Seat{}
}

// ReasonOf is the reason of a refusal, "" for any other error.
func ReasonOf(err error) Reason {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Reason
	}
	return ""
}
