package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// A result is what a suite came to: counts, the text of all failures, and go
// test's closing line of each package. The last words are what the security suite
// came to.
type result struct {
	passed, failed, skipped int
	failures                string
	reasons                 []string // of skipped tests, each once
	closing                 []string
	lastWords               []string
}

func (r result) ok() bool { return r.failed == 0 }

func (r result) summary() string {
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{{r.passed, "passed"}, {r.failed, "failed"}, {r.skipped, "skipped"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}

func (r *result) add(o result) {
	r.passed, r.failed, r.skipped = r.passed+o.passed, r.failed+o.failed, r.skipped+o.skipped
	r.failures += o.failures
	r.reasons = append(r.reasons, o.reasons...)
	r.closing = append(r.closing, o.closing...)
	r.lastWords = append(r.lastWords, o.lastWords...)
}

// check takes the outcome of a program that is no test.
func (r *result) check(output string, err error) {
	if err != nil {
		r.failed++
		r.failures += strings.TrimRight(output, "\n") + "\n" + err.Error() + "\n"
		return
	}
	r.passed++
}

// An event is one line of `go test -json`.
type event struct {
	Action, Package, Test, Output string
	ImportPath, FailedBuild       string
}

// digest reads the events of one `go test -json`. Lines that are no events are
// part of the failures: they come from a go command in trouble.
func digest(events io.Reader) result {
	d := digester{running: map[string]*packageLog{}, builds: map[string]string{}}
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			d.failures += lines.Text() + "\n"
			continue
		}
		d.take(e)
	}
	if err := lines.Err(); err != nil {
		d.check("go test -json", err)
	}
	return d.result
}

type digester struct {
	result
	running map[string]*packageLog
	builds  map[string]string // compiler output by package
}

// A packageLog is what a package's tests have printed, but for those that ended well.
// With -count a test runs more than once: ended counts its runs.
type packageLog struct {
	lines []printed
	ended map[string]int
}

// printed is a line of one run of a test.
type printed struct {
	event
	run int
}

// end ends a run of a test; what it printed is kept only if it failed.
func (p *packageLog) end(test string, failed bool) {
	run := p.ended[test]
	p.ended[test]++
	if !failed {
		p.lines = slices.DeleteFunc(p.lines, func(l printed) bool { return l.Test == test && l.run == run })
	}
}

func (d *digester) take(e event) {
	if e.Action == "build-output" {
		d.builds[e.ImportPath] += e.Output
		return
	}
	p := d.running[e.Package]
	if p == nil {
		p = &packageLog{ended: map[string]int{}}
		d.running[e.Package] = p
	}
	switch {
	case e.Action == "output" && e.Test == "" && isClosing(e.Output):
		d.closing = append(d.closing, e.Output)
	case e.Action == "output" && e.Test == "" && strings.HasPrefix(e.Output, "security: "):
		d.lastWords = append(d.lastWords, e.Output)
	case e.Action == "output":
		p.lines = append(p.lines, printed{e, p.ended[e.Test]})
	case e.Test != "":
		d.test(p, e)
	case e.Action == "fail":
		d.packageFailed(p, e)
	}
}

// isClosing recognises the last line of a package: "ok", "FAIL" or "?", a tab, its path.
func isClosing(line string) bool {
	word, _, ok := strings.Cut(line, "\t")
	return ok && (strings.TrimSpace(word) == "ok" || word == "FAIL" || strings.TrimSpace(word) == "?")
}

func (d *digester) test(p *packageLog, e event) {
	switch e.Action {
	case "pass":
		d.passed++
		p.end(e.Test, false)
	case "fail":
		d.failed++
		p.end(e.Test, true)
	case "skip":
		d.skipped++
		text := p.text(func(test string) bool { return test == e.Test })
		p.end(e.Test, false)
		d.skippedBecause(text)
		if os.Getenv("CI") == "true" {
			d.failed++
			d.failures += text + fmt.Sprintf("%s: %s was skipped, and with CI=true nothing may be\n", e.Package, e.Test)
		}
	}
}

// skippedBecause keeps a skipped test's last words, without the place in its source:
// tests that lack the same say the same.
func (d *digester) skippedBecause(text string) {
	for line := range strings.Lines(text) {
		if _, reason, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && strings.Contains(line, "_test.go:") && !slices.Contains(d.reasons, reason) {
			d.reasons = append(d.reasons, reason)
		}
	}
}

// packageFailed prints what the tests that did not end well have printed; a test
// that a panic or the time limit cut off is one of them.
func (d *digester) packageFailed(p *packageLog, e event) {
	text := d.builds[e.FailedBuild] + p.text(func(string) bool { return true })
	if text == "" {
		text = e.Package + " failed and printed nothing\n"
	}
	d.failures += text
	if d.failed == 0 {
		d.failed = 1
	}
}

func (p *packageLog) text(of func(test string) bool) string {
	var b strings.Builder
	for _, e := range p.lines {
		if of(e.Test) && !strings.HasPrefix(e.Output, "=== ") && e.Output != "PASS\n" && e.Output != "FAIL\n" {
			b.WriteString(e.Output)
		}
	}
	return b.String()
}
