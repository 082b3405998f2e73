package stage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// shell runs a script as a process of a stage.
func shell(t *testing.T, script string) *Process {
	t.Helper()
	cmd := (&Stage{}).command(context.Background(), "/bin/sh", "-c", script)
	cmd.Env = environ("LINE=hello")
	p, err := start("script", filepath.Join(t.TempDir(), "log"), cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func TestProcess_WhatItPrintedIsKept(t *testing.T) {
	p := shell(t, `for i in 1 2 3; do echo $LINE $i; done; echo oops >&2; echo MOOT_TOKEN=secret moot workers`)
	<-p.Done()
	if got := p.Tail(2); got != "hello 3\noops" {
		t.Errorf("tail %q", got)
	}
	if got := p.Tail(9); got != "hello 1\nhello 2\nhello 3\noops" {
		t.Errorf("long tail %q", got)
	}
}

func TestProcess_OneThatFallsIsNoticed(t *testing.T) {
	fallen := shell(t, "exit 3")
	<-fallen.Done()
	s := &Stage{hub: fallen}
	err := s.Await(t.Context(), "pigs fly", func(context.Context) bool { return false })
	if err == nil || !strings.Contains(err.Error(), "ended by itself: exit status 3") {
		t.Errorf("error %v", err)
	}
	killed := shell(t, "exec sleep 60")
	killed.Kill()
	if err := (&Stage{hub: killed}).Fallen(); err != nil {
		t.Errorf("a process that was killed on purpose: %v", err)
	}
}

func TestStage_CloseEndsEveryProcess(t *testing.T) {
	s := &Stage{
		hub:     shell(t, "exec sleep 60"),
		Workers: []*Worker{{Process: shell(t, "exec sleep 60")}, {Process: shell(t, "exec sleep 60")}},
	}
	if n := len(s.PIDs()); n != 3 {
		t.Fatalf("%d processes run", n)
	}
	s.Close()
	if ids := s.PIDs(); len(ids) != 0 {
		t.Errorf("%v still run", ids)
	}
}

func TestProcess_StopKillsOneThatWillNotEnd(t *testing.T) {
	p := shell(t, `trap '' TERM; echo deaf; while :; do sleep 1; done`)
	s := &Stage{hub: p}
	if err := s.Await(t.Context(), "it is deaf", func(context.Context) bool { return p.Tail(1) == "deaf" }); err != nil {
		t.Fatal(err)
	}
	p.stop(50 * time.Millisecond)
	if len(s.PIDs()) != 0 {
		t.Error("it still runs")
	}
}

func TestAwait_SaysWhatItWaitedFor(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	err := (&Stage{}).Await(ctx, "pigs fly", func(context.Context) bool { return false })
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "pigs fly") {
		t.Errorf("error %v", err)
	}
}

func TestOpen_SaysWhatIsNotBuilt(t *testing.T) {
	_, err := Open(t.Context(), Config{Bin: t.TempDir(), Dir: t.TempDir(), Room: "demo"})
	if err == nil || !strings.Contains(err.Error(), "make build") {
		t.Errorf("error %v", err)
	}
}

func TestReadEnv(t *testing.T) {
	path := filepath.Join(t.TempDir(), "worker.env")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# comment\n\nMOOT_HUB=http://127.0.0.1:8480\nMOOT_TOKEN=a=b\n")
	got, err := readEnv(path)
	if want := []string{"MOOT_HUB=http://127.0.0.1:8480", "MOOT_TOKEN=a=b"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	write("export\n")
	if _, err := readEnv(path); err == nil {
		t.Error("a line without a value is accepted")
	}
}

func TestEnviron_NoSettingLeaksIn(t *testing.T) {
	for _, name := range []string{"MOOT_TOKEN", "MOOTHALL_DATA", "ENABLE_ROOM_REGISTRY"} {
		t.Setenv(name, "leaked")
	}
	env := environ("MOOT_ROOM=demo")
	for _, pair := range env {
		if strings.HasSuffix(pair, "=leaked") {
			t.Errorf("%s", pair)
		}
	}
	if !slices.Contains(env, "MOOT_ROOM=demo") {
		t.Error("MOOT_ROOM is missing")
	}
}

func TestFreePorts_AreDifferent(t *testing.T) {
	ports, err := freePorts(20)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(ports)
	if len(slices.Compact(ports)) != 20 {
		t.Errorf("%v", ports)
	}
}

func TestRoom_IsRead(t *testing.T) {
	view := func(head string) string {
		return fmt.Sprintf(`{"self":"otter","admin_peer_id":"heron","term":2,"generation":{"store":"s","term":2,"n":1},"genesis":"g","heads":[%q],
			"links":[{"peer_id":"heron","state":"open","path":"direct"},{"peer_id":"lynx","state":"connecting"}],"workers":[{"peer_id":"heron"}]}`, head)
	}
	rooms := map[string]Room{}
	for _, head := range []string{"aa", "bb"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, view(head)) }))
		r, err := (&Worker{URL: server.URL, client: http.DefaultClient}).Room(t.Context())
		server.Close()
		if err != nil {
			t.Fatal(err)
		}
		rooms[head] = r
	}
	if n, direct := rooms["aa"].Open(); n != 1 || !direct {
		t.Errorf("%d links open, direct %v", n, direct)
	}
	if !rooms["aa"].SameState(rooms["aa"]) || rooms["aa"].SameState(rooms["bb"]) || (Room{}).SameState(Room{}) {
		t.Error("states are compared wrongly")
	}
}
