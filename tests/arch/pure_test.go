package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"testing"
)

var clock = []string{"Now", "Since", "Until", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Sleep"}

// The rooms that decide are given the time; they never look at a clock and start
// no goroutine, so that the same input gives the same output.
func TestPureRooms_HaveNoClockAndNoGoroutine(t *testing.T) {
	for _, p := range packages(t) {
		if !slices.Contains(pure, p.room()) {
			continue
		}
		for _, name := range p.GoFiles {
			path := filepath.Join(p.Dir, name)
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Errorf("parse: %v", err)
				continue
			}
			for _, at := range impurities(file) {
				t.Errorf("%s: %s is pure, so the time is handed in and goroutines live in the shell", files.Position(at), p.room())
			}
		}
	}
}

// impurities are the places where a file reads a clock or starts a goroutine.
func impurities(file *ast.File) (found []token.Pos) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, n.Pos())
		case *ast.SelectorExpr:
			if pkg, ok := n.X.(*ast.Ident); ok && pkg.Name == "time" && slices.Contains(clock, n.Sel.Name) {
				found = append(found, n.Pos())
			}
		}
		return true
	})
	return found
}

func TestImpurities_AreSeen(t *testing.T) {
	for source, want := range map[string]int{
		`package p; import "time"; var d = 5 * time.Second`:                        0,
		`package p; import "time"; var now = time.Now()`:                           1,
		`package p; import "time"; func f() { go f(); <-time.After(time.Second) }`: 2,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "p.go", source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if got := impurities(file); len(got) != want {
			t.Errorf("%s has %d impurities, want %d", source, len(got), want)
		}
	}
}
