package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/scripts/stage"
)

func TestStep_AMissedBoundFailsWithBothNumbers(t *testing.T) {
	cases := []struct {
		name   string
		m      measure
		failed bool
		says   []string
	}{
		{"in time", measure{value: 0.31, bound: 5, format: "%.2f s"}, false, []string{"ok ", "0.31 s", "at most 5.00 s"}},
		{"late", measure{value: 5.2, bound: 5, format: "%.2f s"}, true, []string{"FAIL", "5.20 s", "at most 5.00 s"}},
		{"good enough", measure{value: 97.54, bound: 96, format: "%.2f %%", least: true}, false, []string{"ok ", "97.54 %", "at least 96.00 %"}},
		{"not good enough", measure{value: 95.9, bound: 96, format: "%.2f %%", least: true}, true, []string{"FAIL", "95.90 %", "at least 96.00 %"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			p := &printer{w: &b}
			p.step(6, "Failover", "heron is admin", c.m)
			if p.failed != c.failed {
				t.Errorf("failed %v", p.failed)
			}
			for _, text := range c.says {
				if !strings.Contains(b.String(), text) {
					t.Errorf("%q has no %q", b.String(), text)
				}
			}
		})
	}
}

func TestBroken_SaysAllOfIt(t *testing.T) {
	var b bytes.Buffer
	p := &printer{w: &b}
	p.broken(2, "Mesh", errors.New("2 of 6 ends of links are open\nhub ended by itself"))
	if !p.failed || !strings.HasPrefix(b.String(), "FAIL 2  Mesh") || !strings.Contains(b.String(), "hub ended by itself") {
		t.Errorf("failed %v, %q", p.failed, b.String())
	}
}

func TestPaint_ALogHasNoColour(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if p := newPrinter(f); p.paint(red, "FAIL") != "FAIL" {
		t.Error("a file is painted")
	}
	if p := (&printer{colour: true}); !strings.Contains(p.paint(red, "FAIL"), "\x1b[") {
		t.Error("a terminal is not painted")
	}
}

func TestSuccessor_MostMemoryThenLowerID(t *testing.T) {
	for admin, want := range map[string]string{"otter": "heron", "heron": "lynx", "lynx": "heron"} {
		if got := successor(admin).PeerID; got != want {
			t.Errorf("after %s comes %s, want %s", admin, got, want)
		}
	}
}

func TestWatch_HandsOnElections(t *testing.T) {
	lines := `{"type":"peer_joined","peer_id":"lynx"}
not json
{"type":"admin_elected","admin_peer_id":"otter","term":1,"reason":"first"}
{"type":"admin_elected","admin_peer_id":"heron","previous_admin_peer_id":"otter","term":2,"reason":"crashed","election_time_ms":61.5,"num_workers":2}
`
	w := &watcher{elections: make(chan election, 16)}
	readElections(strings.NewReader(lines), w.elections)
	e, err := w.after(t.Context(), "otter")
	if err != nil || e.Admin != "heron" || e.Term != 2 || e.Reason != "crashed" || e.heard.IsZero() {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := w.after(t.Context(), "heron"); err == nil || !strings.Contains(err.Error(), "moot watch ended") {
		t.Errorf("error %v", err)
	}
}

func TestWatch_TimeRunsOut(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := (&watcher{elections: make(chan election)}).after(ctx, "otter")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "otter") {
		t.Errorf("error %v", err)
	}
}

func TestAwaitLine(t *testing.T) {
	seen := make(chan struct{})
	awaitLine(strings.NewReader("warning: something\nwatching room demo\nmore\n"), "watching room", seen)
	select {
	case <-seen:
	default:
		t.Error("the line was not seen")
	}
}

func TestModuleFolder(t *testing.T) {
	if dir, err := moduleFolder([]byte(`{"Path":"p","Dir":"/cache/p"}`)); dir != "/cache/p" || err != nil {
		t.Errorf("%q, %v", dir, err)
	}
	for answer, says := range map[string]string{`{"Error":"no such host"}`: "no such host", `oops`: "oops"} {
		if _, err := moduleFolder([]byte(answer)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error %v", answer, err)
		}
	}
}

func TestCheckDigits_RefusesOtherFiles(t *testing.T) {
	dir := t.TempDir()
	if _, err := checkDigits(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	for _, f := range digitFiles {
		write(t, dir, f.name, "other bytes")
	}
	if _, err := checkDigits(dir); err == nil || !strings.Contains(err.Error(), "not the file we know") {
		t.Errorf("error %v", err)
	}
}

func TestJobReport_ChecksWhatCameBack(t *testing.T) {
	const metrics = "epoch,train_loss,test_loss,test_accuracy\n1,0.2,0.1,0.950000\n2,0.1,0.1,0.975400\n"
	report := func(t *testing.T, names ...string) jobReport {
		var r jobReport
		dir := t.TempDir()
		for _, name := range names {
			path := write(t, dir, name, metrics)
			hash, err := hashOf(path)
			if err != nil {
				t.Fatal(err)
			}
			r.Outputs = append(r.Outputs, output{Name: name, SHA256: hash, Path: path})
		}
		return r
	}
	all := []string{"model.json", "metrics.csv", "learning-curve.svg", "confusion.svg"}
	if accuracy, err := report(t, all...).check(); accuracy != 0.9754 || err != nil {
		t.Errorf("accuracy %v, %v", accuracy, err)
	}
	if _, err := report(t, all[1:]...).check(); err == nil || !strings.Contains(err.Error(), "model.json did not come back") {
		t.Errorf("error %v", err)
	}
	damaged := report(t, all...)
	write(t, filepath.Dir(damaged.Outputs[0].Path), "model.json", "other")
	if _, err := damaged.check(); err == nil || !strings.Contains(err.Error(), "sha256") {
		t.Errorf("error %v", err)
	}
	if _, err := lastAccuracy(write(t, t.TempDir(), "metrics.csv", "epoch,loss\n1,0.2\n")); err == nil {
		t.Error("metrics without accuracy are accepted")
	}
}

func TestLookAround_SaysWhatToType(t *testing.T) {
	p := &play{stage: &stage.Stage{Config: stage.Config{Dir: "/tmp/d"}}, inputs: []string{"/cache/!a/x.gz"}, to: "demo-out/x"}
	got := p.lookAround()
	for _, text := range []string{". /tmp/d/hub/client.env", "bin/moot workers", "'/cache/!a/x.gz'", "kill", "demo-out/x"} {
		if !strings.Contains(got, text) {
			t.Errorf("no %q in\n%s", text, got)
		}
	}
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
