package arch

import (
	"fmt"
	"slices"
	"strings"
)

const module = "github.com/moothall/moothall"

// A goPackage is what `go list` says about one package of the module. Deps are
// all packages that it needs, directly or not.
type goPackage struct {
	ImportPath string
	Dir        string
	Name       string
	GoFiles    []string
	CgoFiles   []string
	Imports    []string
	Deps       []string
}

func (p goPackage) room() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// rooms says which rooms a room may import besides the packages inside itself. A
// package that is not listed lives by the rule of the nearest room above it.
var rooms = map[string][]string{
	"events":              {},
	"events/cli":          {"events"},
	"embedded":            {"events"},
	"signaling":           {"events", "embedded", "signaling/pace", "signaling/web"},
	"signaling/session":   {"events", "signaling/pace"},
	"signaling/link":      {"events", "signaling/pace"},
	"signaling/pace":      {},
	"signaling/transfer":  {"events"},
	"signaling/web":       {"events"},
	"signaling/cmd":       {"events", "events/cli", "embedded", "signaling", "signaling/web"},
	"worker/election":     {"events"},
	"worker/liveness":     {"events"},
	"worker/roster":       {"events", "worker/roster/guard"},
	"worker/roster/guard": {"events"},
	"worker/replica":      {"events", "worker/election", "worker/liveness", "worker/roster"},
	"worker/mesh":         {"events", "signaling/link"},
	"worker/jobs":         {"events", "signaling/link", "signaling/transfer"},
	"worker/gpu":          {},
	"worker/settings":     {"events", "events/cli", "worker/gpu", "worker/jobs"},
	"worker": {
		"events", "signaling/session", "signaling/link", "signaling/transfer",
		"worker/election", "worker/liveness", "worker/roster", "worker/replica", "worker/mesh", "worker/jobs",
	},
	"worker/cmd":    {"events", "events/cli", "worker", "worker/gpu", "worker/settings", "worker/jobs", "signaling/session", "signaling/link"},
	"client":        {"events", "signaling/session", "signaling/link", "signaling/transfer"},
	"client/cmd":    {"events", "events/cli", "client"},
	"scripts":       {"events"},
	"scripts/bench": {"events", "scripts", "client", "signaling/session"},
	"tests":         anything,
}

// anything frees a folder from the rules: test kits drive every room.
var anything = []string{"*"}

// exclusive names the rooms that alone may import a library, and why.
var exclusive = []struct {
	library string
	owners  []string
	why     string
}{
	{"github.com/nats-io/nats-server", []string{"embedded"}, "the server must stay replaceable by an external cluster"},
	{"github.com/automerge", []string{"worker/roster"}, "it is cgo and aborts the process on crafted bytes: only bytes that passed the guard may reach it"},
	{"github.com/pion/turn", []string{"embedded"}, "the hub alone serves TURN"},
	{"github.com/pion/logging", []string{"signaling/link", "embedded"}, "pion is hidden behind links and the hub's TURN server"},
	{"github.com/pion", []string{"signaling/link"}, "everyone else knows links, not WebRTC"},
	{"github.com/kelseyhightower/envconfig", []string{"events/cli"}, "its gaps are filled in one place"},
}

// pure rooms decide: they take values and a now, and return values.
var pure = []string{"events", "worker/election", "worker/liveness", "worker/replica"}

// impure packages bring clocks, randomness, I/O, loggers and goroutines along.
var impure = []string{
	"context", "crypto/rand", "log", "log/slog", "math/rand", "math/rand/v2", "net", "net/http", "os", "os/exec", "sync", "syscall",
	"github.com/nats-io/nats.go", "github.com/pion",
}

// violations are the broken import rules, one readable sentence each.
func violations(pkgs []goPackage) []string {
	var found []string
	for _, p := range pkgs {
		for _, imp := range p.Imports {
			if why := forbidden(p.room(), imp); why != "" {
				found = append(found, fmt.Sprintf("%s imports %s: %s", p.room(), strings.TrimPrefix(imp, module+"/"), why))
			}
		}
	}
	return found
}

// forbidden says why the package at path may not import imp, or "".
func forbidden(path, imp string) string {
	room := roomOf(path)
	if slices.Equal(rooms[room], anything) {
		return ""
	}
	if inner, ours := strings.CutPrefix(imp, module+"/"); ours {
		if roomOf(inner) == room || slices.Contains(rooms[room], roomOf(inner)) {
			return ""
		}
		return fmt.Sprintf("%s may import only [%s] of ours, so that imports point down", room, strings.Join(rooms[room], " "))
	}
	for _, e := range exclusive {
		if within(imp, e.library) {
			if slices.Contains(e.owners, room) {
				break
			}
			return fmt.Sprintf("only %s may, because %s", strings.Join(e.owners, " and "), e.why)
		}
	}
	if slices.Contains(pure, room) && slices.ContainsFunc(impure, func(bad string) bool {
		return imp == bad || strings.Contains(bad, ".") && within(imp, bad)
	}) {
		return room + " is pure: no clock, randomness, I/O, logger, goroutine or context"
	}
	return ""
}

// roomOf is the nearest listed room at or above a package, or the package itself.
func roomOf(path string) string {
	for at := path; at != "."; at = parent(at) {
		if _, ok := rooms[at]; ok {
			return at
		}
	}
	return path
}

func parent(path string) string {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i]
	}
	return "."
}

func within(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}
