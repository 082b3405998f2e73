package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/moothall/moothall/events"
)

// Exit codes of all programs (sysexits.h where it has a name for it).
const (
	ExitOK          = 0
	ExitUsage       = 64
	ExitDamaged     = 65 // a hash differs
	ExitUnreachable = 69 // hub or peer
	ExitInternal    = 70
	ExitIO          = 74
	ExitTryLater    = 75 // the same command may succeed later
	ExitPermission  = 77
	ExitConfig      = 78
	ExitInterrupted = 130
)

var exitCodes = map[events.Code]int{
	events.CodeInvalid:        ExitUsage,
	events.CodeTooLarge:       ExitUsage,
	events.CodeUsage:          ExitUsage,
	events.CodeNoJob:          ExitUsage,
	events.CodeDamaged:        ExitDamaged,
	events.CodeUnreachable:    ExitUnreachable,
	events.CodeVersion:        ExitUnreachable,
	events.CodeInternal:       ExitInternal,
	events.CodeFile:           ExitIO,
	events.CodeUnauthorized:   ExitPermission,
	events.CodeTokenExpired:   ExitPermission,
	events.CodeTokenRevoked:   ExitPermission,
	events.CodeForbidden:      ExitPermission,
	events.CodeNameTaken:      ExitPermission,
	events.CodeNotAllowed:     ExitPermission,
	events.CodeConfig:         ExitConfig,
	events.CodeOldIncarnation: ExitConfig,
	events.CodeCanceled:       ExitInterrupted,

	events.CodeRoomFull:    ExitTryLater,
	events.CodeNoRoom:      ExitTryLater,
	events.CodeNotMember:   ExitTryLater,
	events.CodeStaleTerm:   ExitTryLater,
	events.CodeHolderAlive: ExitTryLater,
	events.CodeNotAdmin:    ExitTryLater,
	events.CodeNoAdmin:     ExitTryLater,
	events.CodeNoWorkers:   ExitTryLater,
	events.CodeNoMatch:     ExitTryLater,
	events.CodeAllBusy:     ExitTryLater,
	events.CodeBusy:        ExitTryLater,
	events.CodeNoLease:     ExitTryLater,
	events.CodeConflict:    ExitTryLater,
	events.CodeLost:        ExitTryLater,
	events.CodeDetached:    ExitInterrupted,
	events.CodeTimeout:     ExitTryLater,
	events.CodeUnavailable: ExitTryLater,
}

// ExitCode is the exit code for err: 0 for nil only.
func ExitCode(err error) int {
	if err == nil {
		return ExitOK
	}
	if code, ok := exitCodes[translate(err).Code]; ok {
		return code
	}
	return ExitInternal
}

// Report prints err and returns the exit code. Without asJSON it writes to w what
// failed, the facts and what to do next; with it, one JSON object to stdout. For
// a nil error it prints nothing.
func Report(w, stdout io.Writer, err error, asJSON bool) int {
	if err == nil {
		return ExitOK
	}
	e := translate(err)
	if asJSON {
		_ = WriteJSON(stdout, events.ErrorReply{Error: e}) // the exit code stands if nobody reads
		return ExitCode(err)
	}
	fmt.Fprintf(w, "error: %s\n", Printable(e.Message))
	for _, f := range e.Facts {
		fmt.Fprintf(w, "  %s\n", Printable(oneLine(f)))
	}
	if e.Try != "" {
		fmt.Fprintf(w, "  try: %s\n", Printable(oneLine(e.Try)))
	}
	return ExitCode(err)
}

// translate makes an error of ours of any error: the code, facts and advice of
// the first *events.Error in it, under the message of the whole chain; else the
// standard library's conditions by their kind.
func translate(err error) *events.Error {
	var e *events.Error
	switch path := (*fs.PathError)(nil); {
	case errors.As(err, &e):
		c := *e
		e = &c
		e.Message = err.Error()
	case errors.Is(err, context.Canceled):
		e = events.Errorf(events.CodeCanceled, "interrupted")
	case errors.Is(err, context.DeadlineExceeded):
		e = events.Errorf(events.CodeTimeout, "timed out: %v", err)
	case errors.As(err, &path):
		e = events.Errorf(events.CodeFile, "%v", err)
	default:
		e = events.Errorf(events.CodeInternal, "something unexpected went wrong: %v", err)
	}
	e.Message = oneLine(e.Message)
	return e
}

// WriteJSON writes v as one line. What could drive a terminal is escaped in it.
func WriteJSON(w io.Writer, v any) error {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	var b strings.Builder
	for _, r := range line.String() {
		switch {
		case r < utf8.RuneSelf && r != 0x7f || unicode.IsPrint(r): // the encoder escapes what is below a space
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Printable is text, some of it of strangers, without what could drive a terminal.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
