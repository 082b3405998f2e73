package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/moothall/moothall/events"
)

func TestReport_ForPeople(t *testing.T) {
	err := events.Errorf(events.CodeNoMatch, "no worker in room %q matches: at least 32768 MB GPU memory", "lab").
		WithFact("4 workers are here: 3 have too little GPU memory, 1 is busy").
		WithTry("--min-gpu-memory 24GiB, or wait for one with --wait 10m")
	var stderr, stdout strings.Builder
	code := Report(&stderr, &stdout, err, false)
	want := `error: no worker in room "lab" matches: at least 32768 MB GPU memory
  4 workers are here: 3 have too little GPU memory, 1 is busy
  try: --min-gpu-memory 24GiB, or wait for one with --wait 10m
`
	if diff := cmp.Diff(want, stderr.String()); diff != "" || stdout.Len() > 0 || code != ExitTryLater {
		t.Errorf("exit %d, stdout %q, stderr %s", code, stdout.String(), diff)
	}
}

func TestReport_JSONGoesToStdoutAlone(t *testing.T) {
	err := events.Errorf(events.CodeUnreachable, "no answer from <hub> & co")
	var stderr, stdout strings.Builder
	code := Report(&stderr, &stdout, err, true)
	want := `{"error":{"code":"unreachable","message":"no answer from <hub> & co","temporary":true}}` + "\n"
	if diff := cmp.Diff(want, stdout.String()); diff != "" || stderr.Len() > 0 || code != ExitUnreachable {
		t.Errorf("exit %d, stderr %q, stdout %s", code, stderr.String(), diff)
	}
}

func TestReport_KeepsContextAndAdviceOfAWrappedError(t *testing.T) {
	inner := events.Errorf(events.CodeFile, "cannot read a.txt").WithTry("check its permissions")
	var stderr strings.Builder
	code := Report(&stderr, &stderr, fmt.Errorf("send inputs: %w", inner), false)
	want := "error: send inputs: cannot read a.txt\n  try: check its permissions\n"
	if stderr.String() != want || code != ExitIO {
		t.Errorf("exit %d: %s", code, stderr.String())
	}
}

func TestReport_Nothing(t *testing.T) {
	var out strings.Builder
	if code := Report(&out, &out, nil, true); code != 0 || out.Len() > 0 {
		t.Errorf("exit %d: %s", code, out.String())
	}
}

func TestReport_OneLineEach(t *testing.T) {
	err := errors.Join(events.Errorf(events.CodeConfig, "first"), errors.New("second"))
	var stderr strings.Builder
	Report(&stderr, &stderr, err, false)
	if got := stderr.String(); got != "error: first; second\n" {
		t.Errorf("got %q", got)
	}
}

func TestExitCode_OfOtherErrors(t *testing.T) {
	_, missing := os.Open("/does/not/exist")
	for _, tt := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{context.Canceled, 130},
		{fmt.Errorf("query: %w", context.DeadlineExceeded), 75},
		{missing, 74},
		{errors.New("boom"), 70},
		{events.Errorf("a_code_of_tomorrow", "?"), 70},
		{fmt.Errorf("join: %w", events.Errorf(events.CodeForbidden, "no")), 77},
	} {
		if got := ExitCode(tt.err); got != tt.want {
			t.Errorf("%v: exit %d, want %d", tt.err, got, tt.want)
		}
	}
}

// Every code of the protocol has an exit code that somebody chose.
func TestExitCode_KnowsEveryCode(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../error.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Code") || len(spec.Values) != 1 {
			return true
		}
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		seen++
		if code, ok := exitCodes[events.Code(text)]; !ok || code == 0 {
			t.Errorf("code %q has no exit code", text)
		}
		return true
	})
	if seen < 20 {
		t.Errorf("only %d codes found", seen)
	}
}

func TestExitCode_AsTheInterfaceSays(t *testing.T) {
	for code, want := range map[events.Code]int{
		events.CodeUsage: 64, events.CodeDamaged: 65, events.CodeUnreachable: 69, events.CodeInternal: 70,
		events.CodeFile: 74, events.CodeAllBusy: 75, events.CodeNoMatch: 75, events.CodeNoWorkers: 75,
		events.CodeRoomFull: 75, events.CodeTimeout: 75, events.CodeLost: 75, events.CodeNotAllowed: 77,
		events.CodeUnauthorized: 77, events.CodeTokenExpired: 77, events.CodeTokenRevoked: 77, events.CodeForbidden: 77,
		events.CodeNameTaken: 77, events.CodeConfig: 78, events.CodeCanceled: 130,
	} {
		if got := ExitCode(events.Errorf(code, "x")); got != want {
			t.Errorf("%s: exit %d, want %d", code, got, want)
		}
	}
}

func TestReport_JSONIsOneObject(t *testing.T) {
	var out strings.Builder
	Report(&out, &out, errors.New("line one\nline two"), true)
	var got events.ErrorReply
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil || got.Error.Code != events.CodeInternal {
		t.Errorf("%v: %s", err, out.String())
	}
}

// What a hub or a worker says of an error is a stranger's: it does not drive the terminal.
func TestReport_TextOfStrangersDrivesNoTerminal(t *testing.T) {
	var stderr, stdout strings.Builder
	e := events.Errorf(events.CodeBusy, "\x1b]0;pwned\x07busy\r\u009b2J").WithFact("a\x1b[2Jb").WithTry("\u202ecurl")
	if code := Report(&stderr, &stdout, e, false); code != ExitTryLater {
		t.Errorf("exit %d", code)
	}
	want := "error: ?]0;pwned?busy; ?2J\n  a?[2Jb\n  try: ?curl\n"
	if diff := cmp.Diff(want, stderr.String()); diff != "" {
		t.Error(diff)
	}
	const others = "\x7f\U000e0001 ü 日本 😀"
	e.Message += others
	var got events.ErrorReply
	Report(&stderr, &stdout, e, true)
	if err := json.Unmarshal([]byte(stdout.String()), &got); err != nil || !strings.HasSuffix(got.Error.Message, others) || !strings.Contains(stdout.String(), "ü 日本 😀") {
		t.Errorf("%v: %q", err, stdout.String())
	}
	if strings.ContainsFunc(strings.TrimSuffix(stdout.String(), "\n"), func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("%q", stdout.String())
	}
}
