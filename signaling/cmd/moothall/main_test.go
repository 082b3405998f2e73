package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/moothall/moothall/events"
)

// asProgram makes the test's own binary behave as moothall, so that tests can run
// and signal a real process.
const asProgram = "MOOTHALL_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		_ = os.Unsetenv(asProgram)
		os.Exit(start())
	}
	goleak.VerifyTestMain(m)
}

// A process is a running moothall.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  *bytes.Buffer // complete once it has ended
	errs *bytes.Buffer
	url  string
	done chan error
}

func run(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(os.Args[0], args...), out: new(bytes.Buffer), errs: new(bytes.Buffer), done: make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), asProgram+"=1")
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.errs
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
			<-p.done
		}
	})
	return p
}

// code is the exit code, once it has ended.
func (p *process) code() int {
	p.t.Helper()
	select {
	case err := <-p.done:
		p.done <- err
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			p.t.Fatal(err)
		}
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(30 * time.Second):
		p.t.Fatal("it does not end")
		return -1
	}
}

func (p *process) terminate() int {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	return p.code()
}

// up starts a hub on free ports and waits until it answers.
func up(t *testing.T, data string, args ...string) *process {
	t.Helper()
	httpAddr, natsAddr := freeAddr(t), freeAddr(t)
	p := run(t, append([]string{"up", "--data", data, "--http", httpAddr, "--nats", natsAddr}, args...)...)
	p.url = "http://" + httpAddr
	p.await("/readyz")
	return p
}

func (p *process) await(path string) {
	p.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		resp, err := http.Get(p.url + path)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-p.done:
			p.t.Fatalf("it ended: %v\n%s", err, p.errs)
		case <-deadline:
			p.t.Fatalf("%s%s does not answer: %v", p.url, path, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// awaitFile waits for a file that the hub writes when it answers.
func awaitFile(t *testing.T, path string) string {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		text, err := os.ReadFile(path)
		if err == nil {
			return string(text)
		}
		select {
		case <-deadline:
			t.Fatal(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// call runs a command in this process.
func call(args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	p := &program{out: &o, err: &e}
	code = p.run(context.Background(), args)
	return code, o.String(), e.String()
}

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

func TestToken_MadeBesideARunningHubIsAcceptedAtOnce(t *testing.T) {
	data := t.TempDir()
	p := up(t, data)
	defer p.terminate()
	code, token, errs := call("token", "new", "--data", data, "--room", "lab", "--role", "client")
	if code != 0 || !strings.HasPrefix(token, "moot_") || strings.Contains(errs, strings.TrimSpace(token)) {
		t.Fatalf("exit code %d: %q\n%s", code, token, errs)
	}
	for bearer, want := range map[string]int{strings.TrimSpace(token): http.StatusOK, "moot_a_b": http.StatusUnauthorized} {
		req, err := http.NewRequest(http.MethodGet, p.url+"/discover-workers?room=lab", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+bearer)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%d, want %d: %s", resp.StatusCode, want, body)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestToken_ListShowsNoSecret(t *testing.T) {
	data := t.TempDir()
	if _, err := createData(data); err != nil {
		t.Fatal(err)
	}
	_, made, _ := call("token", "new", "--data", data, "--room", "lab", "--role", "viewer", "--id", "page", "--peer", "screen", "--ttl", "1ns", "--json")
	var one tokenView
	if err := json.Unmarshal([]byte(made), &one); err != nil || one.Token == "" {
		t.Fatalf("%s: %v", made, err)
	}
	_, list, _ := call("token", "ls", "--data", data, "--json")
	var all struct{ Tokens []tokenView }
	if err := json.Unmarshal([]byte(list), &all); err != nil || len(all.Tokens) != 1 {
		t.Fatalf("%s: %v", list, err)
	}
	if v := all.Tokens[0]; v.ID != "page" || v.PeerID != "screen" || !v.Expired || v.Token != "" || strings.Contains(list, "sha256") {
		t.Fatalf("%s", list)
	}
	if code, text, _ := call("token", "ls", "--data", data); code != 0 || !strings.Contains(text, "page  lab   viewer  screen  ") {
		t.Fatalf("exit code %d\n%s", code, text)
	}
}

func TestToken_WrongCommandLinesAreUsage(t *testing.T) {
	for _, args := range [][]string{
		{"token", "new"}, {"token", "new", "--room", "lab"}, {"token", "frob"}, {"frob"}, {"up", "x"}, {"--frob"},
		{"token", "new", "--room", "lab", "--role", "client", "--ttl", "0s"}, {"creds"},
	} {
		if code, _, errs := call(args...); code != 64 || !strings.Contains(errs, "--help") {
			t.Errorf("%v: exit code %d\n%s", args, code, errs)
		}
	}
}

func TestCreds_OpenTheRoomToStockTools(t *testing.T) {
	data := t.TempDir()
	p := up(t, data, "--dev")
	defer p.terminate()
	awaitFile(t, filepath.Join(data, viewerCreds))
	_, token, _ := call("token", "new", "--data", data, "--room", "lab", "--role", "viewer")
	code, made, errs := call("creds", "--data", data, "--token", strings.TrimSpace(token))
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, errs)
	}
	file := filepath.Join(t.TempDir(), "made.creds")
	if err := os.WriteFile(file, []byte(made), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, creds := range []string{file, filepath.Join(data, viewerCreds)} {
		text := awaitFile(t, creds)
		url := regexp.MustCompile(`nats://[0-9.:]+`).FindString(awaitFile(t, filepath.Join(data, viewerCreds)))
		inbox := regexp.MustCompile(`_INBOX\.lab\.viewer-\S+`).FindString(text)
		info := regexp.MustCompile(`room\.lab\.svc\.info\.viewer-\S+`).FindString(text)
		nc, err := nats.Connect(url, nats.UserCredentials(creds), nats.CustomInboxPrefix(inbox))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		m, err := nc.RequestWithContext(ctx, info, []byte("{}"))
		cancel()
		var room events.RoomInfo
		if err != nil || events.Decode(m.Data, &room) != nil || room.RoomID != "lab" {
			t.Errorf("%s: %v, %+v", creds, err, room)
		}
		nc.Close()
	}
	if code, _, errs := call("creds", "--data", data, "--token", "moot_a_b"); code != 77 {
		t.Fatalf("unknown token: exit code %d\n%s", code, errs)
	}
}
