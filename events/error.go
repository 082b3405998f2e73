package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A Code names a condition on the wire and in --json; scripts may rely on it.
type Code string

const (
	CodeInvalid        Code = "invalid"         // a malformed request
	CodeTooLarge       Code = "too_large"       // over a size bound
	CodeVersion        Code = "version"         // another protocol version
	CodeUnauthorized   Code = "unauthorized"    // a token that the hub does not know
	CodeTokenExpired   Code = "token_expired"   //
	CodeTokenRevoked   Code = "token_revoked"   //
	CodeForbidden      Code = "forbidden"       // known, but not allowed that
	CodeNameTaken      Code = "name_taken"      // the peer id belongs to another key
	CodeNotAllowed     Code = "not_allowed"     // the worker's owner does not allow the command
	CodeRoomFull       Code = "room_full"       //
	CodeNoRoom         Code = "no_room"         // the hub has no record of the room
	CodeNotMember      Code = "not_member"      // no seat, or an away one
	CodeOldIncarnation Code = "old_incarnation" // a newer process of the same peer has the seat
	CodeStaleTerm      Code = "stale_term"      // the term is not the next one, or was overtaken
	CodeHolderAlive    Code = "holder_alive"    // the admin's seat is held and the evidence does not suffice
	CodeNotAdmin       Code = "not_admin"       // asked a worker that is not (or no longer) the admin
	CodeNoAdmin        Code = "no_admin"        // the seat is vacant: an election is under way
	CodeNoWorkers      Code = "no_workers"      //
	CodeNoMatch        Code = "no_worker_matches"
	CodeAllBusy        Code = "all_busy"    // workers match, none is free
	CodeBusy           Code = "busy"        // this worker has no free slot
	CodeNoLease        Code = "no_lease"    // the lease is unknown, used or lapsed
	CodeNoJob          Code = "no_job"      // this worker has no such job (any more)
	CodeUnreachable    Code = "unreachable" // no answer from a hub or peer
	CodeConflict       Code = "conflict"    // too many concurrent changes; try again
	CodeDamaged        Code = "damaged"     // a hash differs
	CodeFile           Code = "file"        // a file could not be read or written
	CodeLost           Code = "lost"        // the worker went away in mid-job
	CodeCanceled       Code = "canceled"
	CodeDetached       Code = "detached" // the client left the job, which goes on
	CodeTimeout        Code = "timeout"
	CodeConfig         Code = "config"
	CodeUsage          Code = "usage"
	CodeUnavailable    Code = "unavailable" // draining, overloaded, store away
	CodeInternal       Code = "internal"
)

// An Error is a condition as it travels: in replies under the key "error", and
// in --json. Temporary says that the same request may succeed later. Try, for
// people, says what to do next.
type Error struct {
	Code      Code     `json:"code"`
	Message   string   `json:"message"`
	Temporary bool     `json:"temporary"`
	Facts     []string `json:"facts,omitempty"`
	Try       string   `json:"try,omitempty"`
	// RetryAfterMS is when the same request will be let through, if that is known.
	RetryAfterMS int64 `json:"retry_after_ms,omitempty"`
}

func (e *Error) Error() string { return e.Message }

// Is makes errors.Is compare codes, so a bare &Error{Code: c} is a sentinel.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Message == "" && t.Code == e.Code
}

// WithTry returns a copy that says what to do next.
func (e *Error) WithTry(format string, args ...any) *Error {
	c := *e
	c.Try = fmt.Sprintf(format, args...)
	return &c
}

// WithFact returns a copy with one more fact for a person to see.
func (e *Error) WithFact(format string, args ...any) *Error {
	c := *e
	c.Facts = append(c.Facts[:len(c.Facts):len(c.Facts)], fmt.Sprintf(format, args...))
	return &c
}

// Errorf makes an Error; whether it is temporary follows from the code.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Temporary: temporary(code)}
}

// TooOften refuses a message of a peer that sends more than so many a second; wait is
// until its next one may come.
func TooOften(peer string, perSecond int, wait time.Duration) *Error {
	e := Errorf(CodeUnavailable, "%s asks too often: at most %d times a second", peer, perSecond)
	e.RetryAfterMS = wait.Milliseconds() + 1
	return e
}

func temporary(c Code) bool {
	switch c {
	case CodeRoomFull, CodeNoAdmin, CodeNoWorkers, CodeNoMatch, CodeAllBusy, CodeBusy,
		CodeUnreachable, CodeConflict, CodeTimeout, CodeUnavailable, CodeHolderAlive, CodeNotAdmin, CodeLost:
		return true
	}
	return false
}

// CodeOf is the code of the first *Error in err's chain, CodeInternal if there
// is none, "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// AsError is err as it goes on the wire.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return Errorf(CodeInternal, "%s", err)
}

// ErrorReply is the body of a refused request.
type ErrorReply struct {
	Error *Error `json:"error"`
}

// Decode decodes a JSON message of at most MaxMessage bytes into v. A body that
// carries "error" is returned as that *Error. Unknown fields are ignored.
func Decode(data []byte, v any) error {
	if len(data) > MaxMessage {
		return Errorf(CodeTooLarge, "message of %d bytes, at most %d allowed", len(data), MaxMessage)
	}
	var refused ErrorReply
	if err := json.Unmarshal(data, &refused); err != nil {
		return Errorf(CodeInvalid, "message is not JSON: %v", err)
	}
	if refused.Error != nil {
		return refused.Error
	}
	if err := json.Unmarshal(data, v); err != nil {
		return Errorf(CodeInvalid, "decode %T: %v", v, err)
	}
	return nil
}
