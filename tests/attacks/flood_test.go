package attacks

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/scripts/stage"
	"github.com/moothall/moothall/signaling/pace"
	"github.com/moothall/moothall/tests/process"
)

// besieged is a hall of its own with one worker: floods slow down what else is there.
func besieged(t *testing.T) *stage.Stage {
	t.Helper()
	return besiegedBy(t, stage.Spec{PeerID: "heron", Name: "heron", MemoryMB: 16000})
}

func besiegedBy(t *testing.T, spec stage.Spec) *stage.Stage {
	t.Helper()
	s, err := stage.Open(t.Context(), stage.Config{Bin: process.Bin, Dir: t.TempDir(), Room: lab, Tied: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	w, err := s.Add(spec)
	if err != nil {
		t.Fatal(err)
	}
	process.Await(t, "heron is admin", process.Soon, func() bool {
		r, err := w.Room(t.Context())
		return err == nil && r.AdminPeerID == "heron"
	})
	return s
}

// memory is what a process holds, in MiB (Linux).
func memory(t *testing.T, p *stage.Process) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.PID()), "status"))
	if err != nil {
		t.Skip("no /proc")
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			kib, _ := strconv.Atoi(f[1])
			return kib >> 10
		}
	}
	t.Fatalf("no memory in\n%s", text)
	return 0
}

// asHub counts what the hub tells its operator.
func asHub(t *testing.T, s *stage.Stage, metric string) int {
	t.Helper()
	token, err := os.ReadFile(filepath.Join(s.Data(), "admin-token"))
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.HTTP+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), metric+" "); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return int(n)
		}
	}
	return 0
}

// Issue 6.5: one member sends 5,000 messages at 3,000 a second, which is as much as the server
// itself carries of one. Hub and worker answer no more than their rate, the rest is
// refused unread; others are served meanwhile, and nobody is said to have left.
func TestFlood_OfOneMemberLeavesOthersServed(t *testing.T) {
	t.Parallel()
	const messages, atOnce = 5000, 150
	s := besieged(t)
	other := admit(t, s, lab, events.RoleClient, "")
	info := events.ServiceSubject(lab, events.VerbInfo, other.id)
	heard := admit(t, s, lab, events.RoleViewer, "")
	heard.subscribe(events.EventSubject(lab, events.EventPeerLeft), "", 1)
	heard.sync()
	before := memory(t, s.Hub())
	for _, f := range []struct {
		what    string
		role    events.Role
		rate    pace.Rate
		subject func(*member) string
		body    string
	}{
		{"requests of the hub", events.RoleClient, pace.Rate{PerSecond: 20, Burst: 50}, func(m *member) string { return events.ServiceSubject(lab, events.VerbInfo, m.id) }, "{}"},
		{"registrations", events.RoleWorker, pace.Rate{PerSecond: 20, Burst: 50}, func(m *member) string { return events.ServiceSubject(lab, events.VerbRegister, m.id) }, strings.Repeat("[", 1000)},
		{"leases of another", events.RoleWorker, pace.Rate{PerSecond: 20, Burst: 50}, func(m *member) string { return events.ServiceSubject(lab, events.VerbLease, m.id) }, `{"peer_id":"heron","incarnation":9}`},
		{"queries of the admin", events.RoleClient, pace.Rate{PerSecond: 200, Burst: 2000}, func(m *member) string { return events.QuerySubject(lab, "heron", m.id) }, "{}"},
		{"offers to the admin", events.RoleClient, pace.Rate{PerSecond: 50, Burst: 200}, func(m *member) string { return events.SignalSubject(lab, "heron", m.id) }, strings.Repeat("{", 1000)},
		{"reservations", events.RoleClient, pace.Rate{PerSecond: 200, Burst: 2000}, func(m *member) string { return events.WorkSubject(lab, "heron", m.id) }, `{"type":"reserve"}`},
	} {
		m := admit(t, s, lab, f.role, "")
		inbox := events.InboxPrefix(lab, m.id) + "."
		m.subscribe(inbox+"*", "", 1)
		served := atomic.Int64{}
		done := make(chan struct{})
		var asking sync.WaitGroup
		asking.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(60 * time.Millisecond): // less than what it may
					if other.ask(t, info, struct{}{}) != "" {
						served.Add(1)
					}
				}
			}
		})
		begun, sent := time.Now(), 0
		ticks := time.NewTicker(50 * time.Millisecond)
		for some := range slices.Chunk(make([]struct{}, messages), atOnce) {
			for range some {
				sent++
				m.publish(f.subject(m), inbox+strconv.Itoa(sent), f.body) // a worker answers once on a subject
			}
			m.sync()
			<-ticks.C
		}
		ticks.Stop()
		took := time.Since(begun)
		process.Await(t, "others are served during "+f.what, process.Soon, func() bool { return served.Load() > 5 })
		close(done)
		asking.Wait()
		if m.sync(); m.closed != nil {
			t.Fatalf("%s: cut off before it sent all: %v", f.what, m.closed)
		}
		answers := slices.DeleteFunc(m.take(), func(h message) bool { return strings.Contains(h.data, "asks too often") })
		// What passes is a burst and the rate, whatever the machine made of the flood.
		most := f.rate.Burst + f.rate.PerSecond*int(2+time.Since(begun).Seconds())
		for i := range messages {
			all.attack(t, i < len(answers)-most, "%d of %d %s are answered, at most %d: %+v", len(answers), messages, f.what, most, answers[len(answers)-1])
		}
		t.Logf("%d %s in %s: %d answered, others served %d times", messages, f.what, took.Round(time.Millisecond), len(answers), served.Load())
	}
	heard.sync()
	if left := heard.take(); len(left) > 0 {
		t.Errorf("somebody is said to have left: %+v", left)
	}
	if after := memory(t, s.Hub()); after > before+64 {
		t.Errorf("the hub held %d MiB and holds %d", before, after)
	}
}

// Issue 6.5: a connection that floods without a pause is cut off, and its key kept out.
func TestFlood_WithoutAPauseIsPutOut(t *testing.T) {
	t.Parallel()
	s := besieged(t)
	with := token(t, s, lab, events.RoleWorker)
	m := admitWith(t, s, lab, events.RoleWorker, "flooder", with)
	for end := time.Now().Add(process.Soon); m.closed == nil && time.Now().Before(end); {
		for range 1000 {
			m.publish(events.RosterSubject(lab, m.id), "", "{}")
		}
		m.sync()
	}
	all.attack(t, m.closed == nil, "%s floods for %s", m, process.Soon)
	w := dialWire(t, natsAddress(s))
	all.attack(t, w.greet(m.jwt, m.key), "%s comes back at once", m)
	public, err := m.key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	_, status := knock(t, s, lab, events.JoinRequest{Token: token(t, s, lab, events.RoleWorker), NKey: public, PeerID: m.id})
	all.attack(t, status != http.StatusTooManyRequests, "%s joins at once: %d", m, status)
	_, another := newKey(t)
	_, status = knock(t, s, lab, events.JoinRequest{Token: with, NKey: another})
	all.attack(t, status != http.StatusTooManyRequests, "another key with the token of %s joins at once: %d", m, status)
	if n := asHub(t, s, `moothall_rejected_total{reason="flood"}`); n == 0 {
		t.Error("the hub counts no flood")
	}
}

// Issue 6.5: 10,000 joins of one address at once: most are refused before the token is
// looked at, and afterwards others are admitted.
func TestFlood_OfJoins(t *testing.T) {
	t.Parallel()
	const joins, atOnce = 10_000, 64
	s := besieged(t)
	before := memory(t, s.Hub())
	good := token(t, s, lab, events.RoleClient)
	var admitted, refused atomic.Int64
	todo := make(chan struct{}, joins)
	for range joins {
		todo <- struct{}{}
	}
	close(todo)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}
	defer client.CloseIdleConnections()
	_, public := newKey(t)
	body := fmt.Sprintf(`{"token":%q,"nkey":%q,"protocol":1}`, good, public)
	begun := time.Now()
	var knocking sync.WaitGroup
	for range atOnce {
		knocking.Go(func() {
			for range todo {
				resp, err := client.Post(s.HTTP+"/v1/rooms/"+lab+"/join", "application/json", strings.NewReader(body))
				if err != nil {
					continue
				}
				resp.Body.Close()
				switch resp.StatusCode {
				case http.StatusOK:
					admitted.Add(1)
				case http.StatusTooManyRequests:
					refused.Add(1)
				}
			}
		})
	}
	knocking.Wait()
	took := time.Since(begun)
	t.Logf("%d joins in %s: %d admitted, %d refused", joins, took.Round(time.Millisecond), admitted.Load(), refused.Load())
	most := int64(500 + 50*(1+took.Seconds())) // of one token
	for i := range int64(joins) {
		all.attack(t, i < admitted.Load()-most, "%d of %d joins with one token are admitted, at most %d", admitted.Load(), joins, most)
	}
	process.Await(t, "another is admitted again", process.Soon, func() bool {
		_, status := knock(t, s, lab, events.JoinRequest{Token: token(t, s, lab, events.RoleClient), NKey: public})
		return status == http.StatusOK
	})
	if after := memory(t, s.Hub()); after > before+64 {
		t.Errorf("the hub held %d MiB and holds %d", before, after)
	}
}

// Issue 6.5: 200 connections that never finish their request, and headers without end,
// are cut off, and others are answered meanwhile.
func TestFlood_SlowAndGiantHTTP(t *testing.T) {
	t.Parallel()
	s := besieged(t)
	address := strings.TrimPrefix(s.HTTP, "http://")
	var slow []net.Conn
	for range 200 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /v1/rooms/lab/join HTTP/1.1\r\nHost: x\r\nContent-Le")
		slow = append(slow, conn)
	}
	for _, header := range []int{17 << 10, 1 << 20} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Big: %s\r\n\r\n", strings.Repeat("a", header+4<<10)) // it may be cut off in the middle
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		answer, _ := bufio.NewReader(conn).ReadString('\n')
		all.attack(t, strings.Contains(answer, " 200 "), "a header of %d bytes: %s", header, answer)
	}
	if status := do(t, http.MethodGet, s.HTTP+"/healthz", ""); status != http.StatusOK {
		t.Errorf("others are answered %d", status)
	}
	_, status := knock(t, s, lab, events.JoinRequest{Token: "moot_" + strings.Repeat("a", 1<<20)})
	all.attack(t, status != http.StatusRequestEntityTooLarge, "a body of 1 MiB: %d", status)
	for i, conn := range slow {
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		_, err := conn.Read(make([]byte, 1))
		waits, ok := err.(net.Error)
		all.attack(t, ok && waits.Timeout(), "slow request %d is waited for longer than %s", i, patience)
	}
}
