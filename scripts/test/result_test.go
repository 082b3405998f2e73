package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// stream is what `go test -json` writes for these events.
func stream(t *testing.T, events ...event) *strings.Reader {
	t.Helper()
	var b strings.Builder
	for _, e := range events {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	return strings.NewReader(b.String())
}

func says(test, text string) event {
	return event{Action: "output", Package: "m/p", Test: test, Output: text + "\n"}
}

func ended(test, action string) event { return event{Action: action, Package: "m/p", Test: test} }

func TestDigest_PassesInOneLineEach(t *testing.T) {
	t.Setenv("CI", "")
	r := digest(stream(t,
		says("TestA", "=== RUN   TestA"), says("TestA", "    a_test.go:1: chatter"), ended("TestA", "pass"),
		says("TestB", "    b_test.go:1: no network"), ended("TestB", "skip"),
		says("TestC", "    c_test.go:1: no network"), ended("TestC", "skip"),
		says("", "PASS"), says("", "security: attacks=2 accepted=0"), says("", "ok  \tm/p\t0.1s"), ended("", "pass")))
	if len(r.lastWords) != 1 || r.lastWords[0] != "security: attacks=2 accepted=0\n" {
		t.Errorf("last words %q", r.lastWords)
	}
	if !r.ok() || r.failures != "" || r.summary() != "1 passed, 2 skipped" {
		t.Errorf("%s, failures %q", r.summary(), r.failures)
	}
	if !slices.Equal(r.reasons, []string{"no network"}) {
		t.Errorf("skipped because of %q", r.reasons)
	}
	if len(r.closing) != 1 || r.closing[0] != "ok  \tm/p\t0.1s\n" {
		t.Errorf("closing lines %q", r.closing)
	}
}

func TestDigest_PrintsFailuresWhole(t *testing.T) {
	r := digest(stream(t,
		says("TestA", "    a_test.go:1: chatter"), ended("TestA", "pass"),
		says("TestB", "=== RUN   TestB"), says("TestB/sub", "    b_test.go:7: got 1, want 2"), says("TestB/sub", "--- FAIL: TestB/sub"),
		ended("TestB/sub", "fail"), says("TestB", "--- FAIL: TestB"), ended("TestB", "fail"),
		says("", "WARNING: DATA RACE"), says("", "FAIL"), says("", "FAIL\tm/p\t0.1s"), ended("", "fail")))
	want := "    b_test.go:7: got 1, want 2\n--- FAIL: TestB/sub\n--- FAIL: TestB\nWARNING: DATA RACE\n"
	if r.ok() || r.failures != want {
		t.Errorf("%s, failures:\n%s", r.summary(), r.failures)
	}
}

func TestDigest_ATestThatNeverEndedIsAFailure(t *testing.T) {
	r := digest(stream(t,
		says("TestA", "panic: test timed out after 4m0s"), says("TestA", "goroutine 7 [select]:"),
		says("", "FAIL\tm/p\t240.1s"), ended("", "fail")))
	if r.failed != 1 || !strings.Contains(r.failures, "timed out") || !strings.Contains(r.failures, "goroutine 7") {
		t.Errorf("%s, failures:\n%s", r.summary(), r.failures)
	}
}

// With -count=3 a test may fail once and pass then, or hang after it has passed.
func TestDigest_AFailureIsNotForgottenWhenTheTestRunsAgain(t *testing.T) {
	r := digest(stream(t,
		says("TestA", "    a_test.go:1: chatter"), ended("TestA", "pass"),
		says("TestA", "    a_test.go:7: got 1, want 2"), says("TestA", "--- FAIL: TestA"), ended("TestA", "fail"),
		says("TestB", "    b_test.go:1: chatter"), ended("TestB", "pass"),
		says("TestA", "    a_test.go:1: chatter"), ended("TestA", "pass"),
		says("TestB", "panic: test timed out"),
		says("", "FAIL\tm/p\t0.1s"), ended("", "fail")))
	want := "    a_test.go:7: got 1, want 2\n--- FAIL: TestA\npanic: test timed out\n"
	if r.ok() || r.failures != want {
		t.Errorf("%s, failures:\n%s", r.summary(), r.failures)
	}
}

func TestDigest_ABrokenBuildShowsTheCompiler(t *testing.T) {
	r := digest(stream(t,
		event{Action: "build-output", ImportPath: "m/p [m/p.test]", Output: "p_test.go:3: undefined: x\n"},
		event{Action: "build-fail", ImportPath: "m/p [m/p.test]"},
		says("", "FAIL\tm/p [build failed]"), event{Action: "fail", Package: "m/p", FailedBuild: "m/p [m/p.test]"}))
	if r.failed != 1 || r.failures != "p_test.go:3: undefined: x\n" {
		t.Errorf("%s, failures:\n%s", r.summary(), r.failures)
	}
}

func TestDigest_InCINothingSkips(t *testing.T) {
	t.Setenv("CI", "true")
	r := digest(stream(t, says("TestB", "    b_test.go:1: no network"), ended("TestB", "skip"), says("", "ok  \tm/p\t0.1s"), ended("", "pass")))
	if r.ok() || !strings.Contains(r.failures, "no network") || !strings.Contains(r.failures, "TestB was skipped") {
		t.Errorf("%s, failures:\n%s", r.summary(), r.failures)
	}
}

func TestRing_FollowsTheTests(t *testing.T) {
	for path, want := range map[string]ring{"tests/arch": ringHouse, "tests/worklist": ringHouse, "tests/e2e": ringProcesses, "tests/jobs": ringJobs, "tests/faults": ringFaults, "worker/jobs": ringRunner, "events": ringCore, "tests/bubble": ringBubble} {
		p := testPackage{ImportPath: "github.com/moothall/moothall/" + path}
		if want == ringBubble {
			p.XTestImports = []string{"testing", "testing/synctest"}
		}
		if got := p.ring(); got != want {
			t.Errorf("%s is in ring %d, want %d", path, got, want)
		}
	}
}
