package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moothall/moothall/scripts/stage"
	"github.com/moothall/moothall/tests/process"
)

// Work list 3.5, 6.2, 7.1. Ten workers are one mesh of 45 links with one state. The
// eleventh is refused, and the ten do not notice.
func TestRoomFull_TheEleventhIsRefusedAndTheRoomUnharmed(t *testing.T) {
	var specs []stage.Spec
	var peers []string
	for i := range 10 {
		specs = append(specs, stage.Spec{PeerID: fmt.Sprintf("worker-%02d", i+1), MemoryMB: 16000})
		peers = append(peers, specs[i].PeerID)
	}
	h := open(t, specs...)
	await(t, "45 links and one state", 30*time.Second, func() bool { return h.agree(peers...) })
	before := h.room("worker-01")

	h.serve(stage.Spec{PeerID: "late"}).refuses(75, `error: room "lab" is full: 10 of 10 workers`, "try: ")
	if !h.agree(peers...) {
		t.Error("the ten do not agree any more")
	}
	after := h.room("worker-01")
	if l := h.workers(); l.Total != 10 || after.Term != before.Term || !after.SameState(before) {
		t.Errorf("%d workers, term %d; before %+v, after %+v", l.Total, l.Term, before, after)
	}
	if said := h.read(h.Hub().Log); !strings.Contains(said, `"the room is nearly full","room_id":"lab","num_workers":8,"max_workers":10`) {
		t.Errorf("the hub did not warn at 8 workers:\n%s", said)
	}
}

// Every token that the hub does not accept is 77, with the reason, for the worker and
// for the client (work list 9.4.1).
func TestTokens_RefusedWithTheReason(t *testing.T) {
	t.Parallel()
	h := shop.visit(t)
	roles := map[string]func(h hall, token string) *command{
		"worker": func(h hall, token string) *command {
			return h.serve(stage.Spec{PeerID: "stranger"}, "MOOT_TOKEN="+token)
		},
		"client": func(h hall, token string) *command { return h.moot([]string{"MOOT_TOKEN=" + token}, "workers") },
	}
	other := map[string]string{"worker": "client", "client": "worker"}
	for role, join := range roles {
		good := h.token("--room", room, "--role", role)
		for _, c := range []struct {
			what, token string
			says        []string
		}{
			{"malformed", "hunter2", []string{"does not know this token", "moothall token new"}},
			{"of another hub", "moot_abcdefgh_" + strings.Repeat("a", 32), []string{"does not know this token"}},
			{"with another secret", good[:len(good)-1] + "1", []string{"does not know this token", "has another secret"}},
			{"of another room", h.token("--room", "attic", "--role", role), []string{`this token is for room "attic", not "lab"`}},
			{"expired", h.token("--room", room, "--role", role, "--ttl", "1ms"), []string{"the token expired"}},
			{"of another role", h.token("--room", room, "--role", other[role]), []string{other[role]}},
		} {
			t.Run(role+" with a token "+c.what, func(t *testing.T) {
				t.Parallel()
				ended := join(hall{h.Stage, t}, c.token)
				ended.refuses(77, c.says...)
				if strings.Contains(ended.err.String(), c.token) {
					t.Errorf("the token is printed:\n%s", ended.err)
				}
			})
		}
	}
}

// A peer id belongs to the first key that joined with it (work list 9.4.1).
func TestNameTaken_ByAnotherKey(t *testing.T) {
	t.Parallel()
	h := shop.visit(t)
	before := h.workers().of("otter")
	h.serve(stage.Spec{PeerID: "otter"}).refuses(77, `peer id otter is already in room "lab" with another key`, "try: another MOOT_PEER_ID")
	if after := h.workers().of("otter"); after.Incarnation != before.Incarnation {
		t.Errorf("otter was %+v and is %+v", before, after)
	}
}

// Three ways to get no worker, three messages with counts, each 75.
func TestNoWorker_NoneMatches_AllBusy_AreToldApart(t *testing.T) {
	t.Parallel()
	h := shop.visit(t)
	empty := []string{"MOOT_ROOM=attic", "MOOT_TOKEN=" + h.token("--room", "attic", "--role", "client")}
	h.moot(empty, "run", "--", "sh").refuses(75, `error: room "attic" has no workers`, "try: on a GPU machine run:")
	h.moot(nil, "run", "--min-gpu-memory", "32GiB", "--", "sh").refuses(75,
		`error: no worker in room "lab" matches: at least 32768 MB GPU memory`,
		"3 workers are here: 3 have too little GPU memory (largest: ", "24000 MB)", "try: --min-gpu-memory ")

	var gates []gate
	var jobs []*command
	for _, peer := range []string{"heron", "lynx"} {
		g := newGate(t)
		c := h.moot(nil, "run", "--worker", peer, "--", "sh", "-c", wait, g.path)
		c.says("begun\n")
		gates, jobs = append(gates, g), append(jobs, c)
	}
	await(t, "the admin lists both as busy", soon, func() bool {
		l := h.workers()
		return l.of("heron").CurrentJob != "" && l.of("lynx").CurrentJob != ""
	})
	h.moot(nil, "run", "--min-gpu-memory", "20000", "--", "sh").refuses(75,
		"error: 2 workers match but both are busy (heron, job "+jobs[0].jobID(), "lynx, job "+jobs[1].jobID(), "try: --wait 30m")
	c := h.moot(nil, "run", "--json", "--min-gpu-memory", "20000", "--", "sh")
	code := c.end()
	if r := c.report(); code != 75 || r.Error == nil || r.Error.Code != "all_busy" || r.State != "" {
		t.Errorf("exit code %d: %s", code, c.out)
	}

	h.moot(nil, "run", "--wait", "1s", "--min-gpu-memory", "20000", "--", "sh").refuses(75, "2 workers match but both are busy", "waited 1s in vain", "try: a longer --wait")
	waits := "waiting: 2 workers match but both are busy (heron, job " + jobs[0].jobID()
	impatient := h.moot(nil, "run", "--wait", "1h", "--min-gpu-memory", "20000", "--", "sh")
	impatient.says(waits)
	impatient.signal(syscall.SIGINT)
	impatient.refuses(130, "interrupted before a worker took the job")

	patient := h.moot(nil, "run", "--wait", "1m", "--min-gpu-memory", "20000", "--", "sh", "-c", "echo mine at last")
	patient.says(waits)
	for i, g := range gates {
		g.open()
		if code := jobs[i].end(); code != 0 {
			t.Errorf("exit code %d\n%s", code, jobs[i].err)
		}
	}
	if code := patient.end(); code != 0 || patient.out.String() != "mine at last\n" {
		t.Errorf("--wait: exit code %d\n%s", code, patient.err)
	}
}

// The hub is down: 69, within 5 s, for the client and the worker.
func TestHubDown_Is69Within5s(t *testing.T) {
	t.Parallel()
	settings := []string{"MOOT_HUB=http://" + freeAddress(t), "MOOT_ROOM=lab", "MOOT_TOKEN=moot_a_b", "ENABLE_ROOM_REGISTRY=true"}
	for name, args := range map[string][]string{"moot": {"workers"}, "moot-worker": {}} {
		cmd := exec.Command(filepath.Join(process.Bin, name), args...)
		cmd.Env = append([]string{"MOOT_STATE_DIR=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}, settings...)
		c := start(t, cmd)
		c.refuses(69, "error: no answer from the hub at http://127.0.0.1:", "try: ")
		if c.took > 5*time.Second {
			t.Errorf("%s took %s", name, c.took)
		}
	}
}

// freeAddress is one where nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A wrong environment is 78, with every problem in one message, at once and by
// --check.
func TestWrongEnvironment_EveryProblemInOneMessage(t *testing.T) {
	t.Parallel()
	settings := []string{
		"MOOT_HUB=hub", "MOOT_ROOM=The Lab", "MOOT_TOKEN=", "MOOT_HEARTBEAT=5", "MOOT_SLOTS=0", "MOOT_COMMANDS=x='",
		"MOOT_STATE_DIR=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(),
	}
	for _, args := range [][]string{{"moot-worker"}, {"moot-worker", "--check"}, {"moot", "workers"}} {
		cmd := exec.Command(filepath.Join(process.Bin, args[0]), args[1:]...)
		cmd.Env = settings
		c := start(t, cmd)
		c.refuses(78, "settings are wrong: ", "MOOT_HUB=", "MOOT_ROOM", "MOOT_TOKEN is empty")
		if args[0] == "moot-worker" {
			c.refuses(78, `MOOT_HEARTBEAT="5" is not a duration; write 5s`, "MOOT_SLOTS", "MOOT_COMMANDS")
		}
		if n := strings.Count(c.err.String(), "error: "); n != 1 {
			t.Errorf("%v: %d messages\n%s", args, n, c.err)
		}
	}
}

func TestCommandNotAllowed_Is77(t *testing.T) {
	t.Parallel()
	h := shop.visit(t)
	h.moot(nil, "run", "--worker", "otter", "--", "rm", "-r", "/").refuses(77,
		`error: otter does not allow "rm" (allowed: sh)`, "the worker's owner can add it to MOOT_COMMANDS")
	h.moot(nil, "run", "--", "rm").refuses(77, `none of the 3 workers that match allows "rm"`, "heron allows: sh")
}

// One state folder, one worker.
func TestStateFolder_TakenByAnotherWorkerIs78(t *testing.T) {
	t.Parallel()
	h := shop.visit(t)
	h.serve(stage.Spec{PeerID: "otter"}, "MOOT_STATE_DIR="+filepath.Join(h.Dir, "otter")).refuses(78,
		filepath.Join(h.Dir, "otter")+" is in use by another worker", fmt.Sprintf("process %d", h.worker("otter").PID()), "try: ")
}

func TestUp_AddressOrDataTakenIs78(t *testing.T) {
	t.Parallel()
	h := shop.visit(t)
	http, nats := strings.TrimPrefix(h.HTTP, "http://"), strings.TrimPrefix(h.NATS, "nats://")
	free := "127.0.0.1:0"
	moothall(t, "up", "--data", t.TempDir(), "--http", http, "--nats", free).refuses(78, "cannot listen for HTTP on "+http, "try: ")
	moothall(t, "up", "--data", t.TempDir(), "--http", free, "--nats", nats).refuses(78, nats, "address already in use", "try: ")
	moothall(t, "up", "--data", h.Data(), "--http", free, "--nats", free).refuses(78,
		h.Data()+" is in use by another hub", fmt.Sprintf("process %d", h.Hub().PID()), "try: ")
}
