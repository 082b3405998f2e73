//go:build linux

package faults

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/moothall/moothall/scripts/stage"
)

// A network is a switch with one host for each name, each a network namespace of its
// own. Nothing leads out of it, and the machine's own network is not touched. What
// breaks is packets: a cut drops them where they arrive, so their sender is told
// nothing, as in a black hole. It implements stage.Hosts.
type network struct {
	t      *testing.T
	prefix string
	names  []string                   // the first is the hub's, on whose host the switch stands
	cuts   map[string]map[string]bool // to whom, from whom
}

var networks atomic.Int64

// namespaces is the folder where `ip netns` keeps its names.
const namespaces = "/run/netns"

// prefixOf begins the names of the namespaces of a test process.
func prefixOf(pid int) string { return fmt.Sprintf("moothall-%d-", pid) }

// newNetwork makes the hosts of a hub and of peers. The test's end takes it down.
func newNetwork(t *testing.T, peers ...string) *network {
	t.Helper()
	n := &network{
		t: t, prefix: prefixOf(os.Getpid()) + strconv.FormatInt(networks.Add(1), 10) + "-",
		names: append([]string{stage.HubHost}, peers...), cuts: map[string]map[string]bool{},
	}
	t.Cleanup(n.close)
	n.ip("", "netns add "+n.namespace(stage.HubHost))
	n.ip(stage.HubHost, "link set lo up", "link add switch type bridge", "addr add "+n.Address(stage.HubHost)+"/24 dev switch", "link set switch up")
	for i, peer := range peers {
		n.ip("", "netns add "+n.namespace(peer))
		port := fmt.Sprintf("port%d", i)
		n.ip(stage.HubHost, "link add "+port+" type veth peer name eth0 netns "+n.namespace(peer), "link set "+port+" master switch up")
		n.ip(peer, "link set lo up", "addr add "+n.Address(peer)+"/24 dev eth0", "link set eth0 up")
	}
	return n
}

func (n *network) namespace(host string) string { return n.prefix + host }

// Address implements stage.Hosts. 10.77.0.0/24 exists in these namespaces only.
func (n *network) Address(host string) string {
	return fmt.Sprintf("10.77.0.%d", slices.Index(n.names, host)+1)
}

// Place implements stage.Hosts. `ip netns exec` becomes the program: it keeps its
// process id, and its end when this process ends.
func (n *network) Place(host string, cmd *exec.Cmd) {
	program, err := exec.LookPath("ip")
	if err != nil {
		n.t.Error(err)
		return
	}
	cmd.Args = append([]string{program, "netns", "exec", n.namespace(host), cmd.Path}, cmd.Args[1:]...)
	cmd.Path = program
}

// Dial implements stage.Hosts. A socket stays in the namespace in which it was made.
func (n *network) Dial(ctx context.Context, host, kind, address string) (conn net.Conn, err error) {
	err = n.within(host, func() error {
		conn, err = new(net.Dialer).DialContext(ctx, kind, address)
		return err
	})
	return conn, err
}

// within runs f on a host. The thread comes back: processes that were started from it
// and are tied to this process would end with it.
func (n *network) within(host string, f func() error) error {
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer home.Close()
	space, err := os.Open(filepath.Join(namespaces, n.namespace(host)))
	if err != nil {
		return err
	}
	defer space.Close()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Setns(int(space.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter the host %s: %w", host, err)
	}
	err = f()
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		panic(fmt.Sprintf("a thread of this process cannot leave the host %s: %v", host, back))
	}
	return err
}

// cut drops what goes from these hosts to those.
func (n *network) cut(from, to []string) {
	n.t.Helper()
	for _, host := range to {
		if n.cuts[host] == nil {
			n.cuts[host] = map[string]bool{}
		}
		for _, f := range from {
			n.cuts[host][f] = true
		}
		n.filter(host)
	}
}

// part drops what goes between any of these hosts and any of those, both ways.
func (n *network) part(these, those []string) {
	n.t.Helper()
	n.cut(these, those)
	n.cut(those, these)
}

// heal ends all cuts.
func (n *network) heal() {
	n.t.Helper()
	for _, to := range slices.Sorted(maps.Keys(n.cuts)) {
		delete(n.cuts, to)
		n.filter(to)
	}
}

// filter makes the packet filter of a host what its cuts are, in one step.
func (n *network) filter(host string) {
	n.t.Helper()
	rules := "flush ruleset\n"
	if from := slices.Sorted(maps.Keys(n.cuts[host])); len(from) > 0 {
		for i, name := range from {
			from[i] = n.Address(name)
		}
		rules += "table ip faults {\nchain arrives {\ntype filter hook input priority 0\nip saddr { " + strings.Join(from, ", ") + " } drop\n}\n}\n"
	}
	cmd := exec.Command("ip", "netns", "exec", n.namespace(host), "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		n.t.Fatalf("nft at %s: %v\n%s", host, err, out)
	}
}

// ip runs commands of ip on a host, on this machine if it is "".
func (n *network) ip(host string, commands ...string) {
	n.t.Helper()
	args := []string{"-batch", "-"}
	if host != "" {
		args = append([]string{"-n", n.namespace(host)}, args...)
	}
	cmd := exec.Command("ip", args...)
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		n.t.Fatalf("ip at %q: %v\n%s\n%s", host, err, strings.Join(commands, "\n"), out)
	}
}

// close takes the hosts away, and with them their devices.
func (n *network) close() {
	for _, name := range n.names {
		if err := deleteNamespace(n.namespace(name)); err != nil {
			n.t.Error(err)
		}
	}
}

func deleteNamespace(name string) error {
	if _, err := os.Stat(filepath.Join(namespaces, name)); err != nil {
		return nil // it was never made
	}
	if out, err := exec.Command("ip", "netns", "del", name).CombinedOutput(); err != nil {
		return fmt.Errorf("ip netns del %s: %w\n%s", name, err, out)
	}
	return nil
}

// sweep takes away what test processes left behind that were killed.
func sweep() error {
	paths, err := filepath.Glob(filepath.Join(namespaces, "moothall-*"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		name := filepath.Base(path)
		pid, err := strconv.Atoi(strings.Split(name, "-")[1])
		if err != nil || syscall.Kill(pid, 0) == nil {
			continue
		}
		if err := deleteNamespace(name); err != nil {
			return err
		}
	}
	return nil
}

// missing is what this machine lacks for these tests; "" if nothing.
func missing() string {
	var lacks []string
	if os.Geteuid() != 0 {
		lacks = append(lacks, "root (namespaces and packet filters)")
	}
	for _, tool := range []struct{ name, from string }{{"ip", "iproute2"}, {"nft", "nftables"}} {
		if _, err := exec.LookPath(tool.name); err != nil {
			lacks = append(lacks, fmt.Sprintf("%s (apt-get install %s)", tool.name, tool.from))
		}
	}
	return strings.Join(lacks, ", ")
}
