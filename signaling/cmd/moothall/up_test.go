package main

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestUp_DevWritesFilesToBeginWith(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	p := up(t, data, "--dev", "--room", "lab")
	creds := awaitFile(t, filepath.Join(data, viewerCreds))
	line := regexp.MustCompile(`^(MOOT_HUB|MOOT_ROOM|MOOT_TOKEN|ENABLE_ROOM_REGISTRY)=[A-Za-z0-9_.:/=-]+$`)
	for _, name := range []string{workerEnv, clientEnv} {
		text := awaitFile(t, filepath.Join(data, name))
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if len(lines) != 4 || valueOf(text, "MOOT_HUB") != p.url || valueOf(text, "MOOT_ROOM") != "lab" || valueOf(text, "ENABLE_ROOM_REGISTRY") != "true" {
			t.Errorf("%s:\n%s", name, text)
		}
		for _, l := range lines {
			if !line.MatchString(l) {
				t.Errorf("%s: line %q is not fit for a shell, systemd and containers", name, l)
			}
		}
	}
	for _, want := range []string{"sub room.lab.event.admin", "req --inbox-prefix _INBOX.lab.viewer-", "room.lab.svc.info.viewer-"} {
		if header, _, _ := strings.Cut(creds, "-----BEGIN"); !strings.Contains(header, want) {
			t.Errorf("the header does not show %q:\n%s", want, header)
		}
	}
	err := filepath.Walk(data, func(path string, info os.FileInfo, err error) error {
		if err == nil && !strings.HasPrefix(path, filepath.Join(data, "store")) && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if code := p.terminate(); code != 0 {
		t.Fatalf("SIGTERM: exit code %d\n%s", code, p.errs)
	}
	out := strings.Split(strings.TrimSpace(p.out.String()), "\n")
	if len(out) != 3 || out[0] != p.url || !strings.HasSuffix(out[1], " moot-worker") || !strings.HasSuffix(out[2], " moot workers") ||
		strings.Count(p.out.String(), "ENABLE_ROOM_REGISTRY=true") != 2 {
		t.Fatalf("printed:\n%s", p.out)
	}
}

func TestUp_SecondTimeKeepsWhatIsStillValid(t *testing.T) {
	data := t.TempDir()
	args := []string{"up", "--data", data, "--dev", "--http", freeAddr(t), "--nats", freeAddr(t)}
	var before map[string]string
	for range 2 {
		p := run(t, args...)
		p.url = "http://" + args[5]
		p.await("/readyz")
		got := map[string]string{}
		for _, name := range []string{viewerCreds, workerEnv, clientEnv, "keys/operator.nk", "keys/seat.nk"} {
			got[name] = awaitFile(t, filepath.Join(data, name))
		}
		if code := p.terminate(); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		for name, text := range before {
			if got[name] != text {
				t.Errorf("%s was written anew", name)
			}
		}
		before = got
	}
	_, out, _ := call("token", "ls", "--data", data, "--json")
	if n := strings.Count(out, `"id"`); n != 2 {
		t.Fatalf("%d tokens after two starts:\n%s", n, out)
	}
}

func TestUp_OtherPortKeepsTheTokenAndRewritesTheFile(t *testing.T) {
	data := t.TempDir()
	first := up(t, data, "--dev")
	token := valueOf(awaitFile(t, filepath.Join(data, workerEnv)), "MOOT_TOKEN")
	first.terminate()
	second := up(t, data, "--dev")
	defer second.terminate()
	deadline := time.After(10 * time.Second)
	for valueOf(awaitFile(t, filepath.Join(data, workerEnv)), "MOOT_HUB") != second.url {
		select {
		case <-deadline:
			t.Fatal("the file still names the old address")
		case <-time.After(10 * time.Millisecond):
		}
	}
	if now := valueOf(awaitFile(t, filepath.Join(data, workerEnv)), "MOOT_TOKEN"); now != token {
		t.Fatal("a token that still works was replaced")
	}
}

func TestUp_SecondHubOnTheSameDataSaysWhoHasIt(t *testing.T) {
	data := t.TempDir()
	first := up(t, data)
	second := run(t, "up", "--data", data, "--http", "127.0.0.1:0", "--nats", "127.0.0.1:0")
	if code := second.code(); code != 78 || !strings.Contains(second.errs.String(), "is in use by another hub (process ") {
		t.Fatalf("exit code %d\n%s", code, second.errs)
	}
	first.terminate()
}

func TestUp_PortInUseIsSaidAtOnce(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for flag, other := range map[string]string{"--http": "--nats", "--nats": "--http"} {
		code, _, errs := call("up", "--data", t.TempDir(), flag, l.Addr().String(), other, "127.0.0.1:0")
		if code != 78 || !strings.Contains(errs, "address already in use") || !strings.Contains(errs, "try: ") {
			t.Errorf("%s: exit code %d\n%s", flag, code, errs)
		}
	}
}

func TestUp_NewerDataFolderIsRefused(t *testing.T) {
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "format"), []byte("2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"up"}, {"token", "ls"}} {
		code, _, errs := call(append(args, "--data", data)...)
		if code != 78 || !strings.Contains(errs, "has format 2, this moothall knows 1") {
			t.Errorf("%v: exit code %d\n%s", args, code, errs)
		}
	}
}

func TestUp_DevIsForTheLoopbackOnly(t *testing.T) {
	for _, flag := range []string{"--http", "--nats"} {
		code, _, errs := call("up", "--dev", "--data", t.TempDir(), flag, "0.0.0.0:0")
		if code != 78 || !strings.Contains(errs, "for this machine only") {
			t.Errorf("%s: exit code %d\n%s", flag, code, errs)
		}
	}
}

func TestUp_EveryWrongSettingInOneMessage(t *testing.T) {
	t.Setenv("MOOTHALL_MAX_WORKERS", "1000")
	t.Setenv("MOOTHALL_TLS_CERT", "cert.pem")
	code, _, errs := call("up", "--data", t.TempDir(), "--http", "8480", "--room", "A B")
	if code != 78 {
		t.Fatalf("exit code %d", code)
	}
	for _, want := range []string{"4 settings are wrong", "MOOTHALL_MAX_WORKERS", "MOOTHALL_TLS_KEY", `"8480"`, `"A B"`} {
		if !strings.Contains(errs, want) {
			t.Errorf("nothing of %s in\n%s", want, errs)
		}
	}
}

func TestUp_FlagsWinOverTheEnvironment(t *testing.T) {
	t.Setenv("MOOTHALL_DATA", filepath.Join(t.TempDir(), "from-the-environment"))
	data := t.TempDir()
	if code, _, errs := call("token", "ls", "--data", data); code != 78 || !strings.Contains(errs, data) {
		t.Fatalf("exit code %d\n%s", code, errs)
	}
	if code, _, errs := call("token", "ls"); code != 78 || !strings.Contains(errs, "from-the-environment") {
		t.Fatalf("exit code %d\n%s", code, errs)
	}
}
