package attacks

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/scripts/stage"
)

// A crook is a hub that was taken over, as one client sees it: all that it and the true
// hub say to each other passes through here and may be altered, dropped and remembered.
// What is between client and worker does not pass here, if the promise holds.
type crook struct {
	url    string // of its HTTP
	nats   net.Listener
	alter  func(*passing)
	mu     sync.Mutex // guards what follows
	seen   bytes.Buffer
	conns  []net.Conn
	closed bool
}

// A passing message. Signal is what it carries if it is an offer, an answer or a
// candidate, and is passed on as it is afterwards.
type passing struct {
	up      bool // from the client
	subject string
	signal  *events.Signal
	drop    bool
}

// takeOver puts a crook between clients and the hub of a stage.
func takeOver(t *testing.T, s *stage.Stage, alter func(*passing)) *crook {
	t.Helper()
	c := &crook{alter: alter}
	var err error
	if c.nats, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	hub, err := url.Parse(s.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(hub)
	proxy.ModifyResponse = c.readmit
	front := httptest.NewServer(proxy)
	c.url = front.URL
	var serving sync.WaitGroup
	serving.Go(func() { c.serve(natsAddress(s)) })
	t.Cleanup(func() {
		front.Close()
		c.nats.Close()
		c.hangUp()
		serving.Wait()
	})
	return c
}

// readmit names this NATS address instead of the hub's in the answer to a join.
func (c *crook) readmit(resp *http.Response) error {
	if !strings.HasSuffix(resp.Request.URL.Path, "/join") || resp.StatusCode != http.StatusOK {
		return nil
	}
	var reply map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		return err
	}
	reply["nats_urls"] = []string{"nats://" + c.nats.Addr().String()}
	body, err := json.Marshal(reply)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return err
}

func (c *crook) serve(hub string) {
	var pumping sync.WaitGroup
	defer pumping.Wait()
	for {
		client, err := c.nats.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", hub)
		if err != nil {
			client.Close()
			continue
		}
		c.hold(client, server)
		pumping.Go(func() { c.pump(client, server, true) })
		pumping.Go(func() { c.pump(server, client, false) })
	}
}

func (c *crook) hold(conns ...net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns = append(c.conns, conns...)
	if c.closed {
		for _, conn := range conns {
			conn.Close()
		}
	}
}

func (c *crook) hangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, conn := range c.conns {
		conn.Close()
	}
}

// pump passes messages on until one side ends.
func (c *crook) pump(from, to net.Conn, up bool) {
	defer from.Close()
	defer to.Close()
	for in := bufio.NewReader(from); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		out, err := c.pass(in, line, up)
		if err != nil {
			return
		}
		if _, err := to.Write(out); err != nil {
			return
		}
	}
}

// pass is what becomes of one line, with the payload that follows it.
func (c *crook) pass(in *bufio.Reader, line string, up bool) ([]byte, error) {
	f := strings.Fields(line)
	if len(f) < 2 || f[0] != "PUB" && f[0] != "MSG" && f[0] != "HPUB" && f[0] != "HMSG" {
		c.note([]byte(line))
		return []byte(line), nil
	}
	size, err := strconv.Atoi(f[len(f)-1])
	if err != nil {
		return nil, err
	}
	payload := make([]byte, size+2)
	if _, err := io.ReadFull(in, payload); err != nil {
		return nil, err
	}
	c.note([]byte(line), payload)
	body := payload[:size]
	p := passing{up: up, subject: f[1]}
	var s events.Signal
	if f[0] == "PUB" || f[0] == "MSG" {
		if json.Unmarshal(body, &s) == nil && s.Kind != "" {
			p.signal = &s
		}
	}
	c.alter(&p)
	if p.drop {
		return nil, nil
	}
	if p.signal != nil {
		if body, err = json.Marshal(p.signal); err != nil {
			return nil, err
		}
		f[len(f)-1] = strconv.Itoa(len(body))
	}
	return []byte(strings.Join(f, " ") + "\r\n" + string(body) + "\r\n"), nil
}

func (c *crook) note(all ...[]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, some := range all {
		c.seen.Write(some)
	}
}

func (c *crook) has(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Contains(c.seen.String(), text)
}

// run has moot run a command over the crook, with an input, and returns how it ended and
// what it said.
func (c *crook) run(t *testing.T, s *stage.Stage, settings []string, args ...string) (code int, out, said string) {
	t.Helper()
	cmd, err := s.Moot(t.Context(), append([]string{"run", "--worker", "heron", "--to", t.TempDir()}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(append(cmd.Env, "MOOT_HUB="+c.url), settings...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// As a hub that was taken over alters them.
var (
	candidateAddress = regexp.MustCompile(`(a=candidate:\S+ \d+ udp \d+) \S+ \d+`)
	sdpFingerprint   = regexp.MustCompile(`(a=fingerprint:sha-256) \S+`)
)

const foreignFingerprint = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"

// Issue 6.3: a hub that swaps fingerprint, candidate or the whole offer, replays an old
// one, or drops all: no channel is made, nothing of the job comes to its knowledge, no job
// runs, and the client says what is wrong.
func TestHub_ThatWasTakenOverGetsNoChannel(t *testing.T) {
	t.Parallel()
	const canary = "canary-of-a-job-0123456789"
	s, _ := workshop(t, "MOOT_SLOTS=64") // a reservation of whom the hub cuts off lapses after 30 s
	input := filepath.Join(t.TempDir(), "in.txt")
	if err := os.WriteFile(input, []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf(`cat "$MOOT_IN/in.txt"; echo %s; cp "$MOOT_IN/in.txt" "$MOOT_OUT/back"`, canary)
	job := []string{"-i", input, "--", "sh", script}

	// The same way honestly: the crook sees the job's state and not what is in it.
	var old [2]events.Signal // an offer and its answer
	honest := takeOver(t, s, func(p *passing) {
		if p.signal != nil && p.signal.Kind == events.SignalOffer {
			old[0] = *p.signal
		}
		if p.signal != nil && p.signal.Kind == events.SignalAnswer {
			old[1] = *p.signal
		}
	})
	if code, out, said := honest.run(t, s, nil, job...); code != 0 || strings.Count(out, canary) != 2 || old[0].SDP == "" || old[1].SDP == "" {
		t.Fatalf("honestly: exit code %d, %q\n%s", code, out, said)
	}
	all.attack(t, honest.has(canary), "the hub sees a job's arguments, input or output")
	before := jobsOf(t, s)

	_, public := newKey(t)
	key, own := newKey(t)
	resign := func(x *events.Signal) {
		x.NKey = own
		if forged, err := x.Sign(key, ""); err == nil {
			*x = forged
		}
	}
	type change func(*events.Signal)
	of := func(kind string, alter change) func(*passing) {
		return func(p *passing) {
			if p.signal != nil && p.signal.Kind == kind {
				alter(p.signal)
			}
		}
	}
	changes := map[string]change{
		"the signed fingerprint":     func(x *events.Signal) { x.Fingerprint = "sha-256 " + foreignFingerprint },
		"the fingerprint in the SDP": func(x *events.Signal) { x.SDP = sdpFingerprint.ReplaceAllString(x.SDP, "$1 "+foreignFingerprint) },
		"both fingerprints": func(x *events.Signal) {
			x.Fingerprint = "sha-256 " + foreignFingerprint
			x.SDP = sdpFingerprint.ReplaceAllString(x.SDP, "$1 "+foreignFingerprint)
		},
		"the candidates":                 func(x *events.Signal) { x.SDP = candidateAddress.ReplaceAllString(x.SDP, "$1 127.0.0.1 9") },
		"no candidates":                  func(x *events.Signal) { x.SDP = candidateAddress.ReplaceAllString(x.SDP, "a=x:$1") },
		"the nonce":                      func(x *events.Signal) { x.Nonce = "another" },
		"the sender":                     func(x *events.Signal) { x.From = "lynx" },
		"the receiver":                   func(x *events.Signal) { x.To = "lynx" },
		"the sender's incarnation":       func(x *events.Signal) { x.FromIncarnation += 7 },
		"the receiver's incarnation":     func(x *events.Signal) { x.ToIncarnation += 7 },
		"the purpose":                    func(x *events.Signal) { x.Purpose = events.PurposeMesh },
		"the room":                       func(x *events.Signal) { x.Room = attic },
		"the key":                        func(x *events.Signal) { x.NKey = public },
		"no signature":                   func(x *events.Signal) { x.Signature = "" },
		"all, signed with the hub's key": resign,
		"fingerprints, signed by the hub": func(x *events.Signal) {
			x.Fingerprint = "sha-256 " + foreignFingerprint
			x.SDP = sdpFingerprint.ReplaceAllString(x.SDP, "$1 "+foreignFingerprint)
			resign(x)
		},
	}
	attacks := map[string]func(*passing){
		"an old offer again":   of(events.SignalOffer, func(x *events.Signal) { *x = old[0] }),
		"an old answer again":  of(events.SignalAnswer, func(x *events.Signal) { *x = old[1] }),
		"the offer as answer":  of(events.SignalAnswer, func(x *events.Signal) { *x = old[0] }),
		"no offer passes":      func(p *passing) { p.drop = p.signal != nil && p.signal.Kind == events.SignalOffer },
		"no answer passes":     func(p *passing) { p.drop = p.signal != nil && p.signal.Kind == events.SignalAnswer },
		"no message passes":    func(p *passing) { p.drop = true },
		"nothing reaches back": func(p *passing) { p.drop = !p.up },
	}
	for what, c := range changes {
		attacks["of the offer: "+what] = of(events.SignalOffer, c)
		attacks["of the answer: "+what] = of(events.SignalAnswer, c)
	}
	const atOnce = 6
	turn := make(chan struct{}, atOnce)
	var running sync.WaitGroup
	for what, alter := range attacks {
		c := takeOver(t, s, alter)
		running.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			code, out, said := c.run(t, s, nil, job...)
			all.attack(t, code == 0 || out != "" || c.has(canary), "%s: exit code %d, %q, seen by the hub: %t\n%s", what, code, out, c.has(canary), said)
			if !strings.HasPrefix(said, "error: ") && !strings.Contains(said, "\nerror: ") || strings.Contains(said, "panic") {
				t.Errorf("%s: it is not said what is wrong: %s", what, said)
			}
			t.Logf("%s: %d, %s", what, code, strings.TrimSpace(said))
		})
	}
	running.Wait()
	if after := jobsOf(t, s); after != before {
		all.attack(t, true, "jobs ran: %s, before: %s", after, before)
	}
	if code, _, said := honest.run(t, s, nil, job...); code != 0 {
		t.Errorf("honestly, afterwards: exit code %d\n%s", code, said)
	}
}

// jobsOf are the jobs that the worker has, by their folders.
func jobsOf(t *testing.T, s *stage.Stage) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(s.Dir, "heron", "jobs", "j-*"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(found, " ")
}
